// The few socket calls the bench tools share. Errors end the program: a bench that goes on is a
// wrong figure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace heim::bench {

/// Prints "PROGRAM: what: reason" to stderr and exits with status 2.
[[noreturn]] void die(std::string_view what);
/// The same, with errno's text as the reason.
[[noreturn]] void die_errno(std::string_view what);

/// A non-blocking listening socket on 127.0.0.1.
int listen_on(std::uint16_t port);

/// Takes a waiting connection, non-blocking and with TCP_NODELAY; -1 when there is none.
int accept_from(int listener);

/// Starts to connect to 127.0.0.1:port, without waiting. `spread` picks one of 250 source addresses
/// (127.0.1.x), so that many thousands of short connections do not run out of ports; 0 leaves the
/// choice to the kernel.
int connect_to(std::uint16_t port, unsigned spread);

/// Adds, changes or removes `fd` in an epoll set (`operation` is EPOLL_CTL_*).
void watch(int epoll, int operation, int fd, std::uint32_t events, void* cookie);

int make_epoll();

/// Ignores SIGPIPE, and ends the program quietly on SIGTERM and SIGINT.
void install_signals();

/// "6432" -> 6432; anything else ends the program.
std::uint16_t parse_port(std::string_view text);

}  // namespace heim::bench
