#include "sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace heim::bench {
namespace {

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

void set_option(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) die_errno(what);
}

int make_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die_errno("socket");
  return fd;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

void die(std::string_view what) {
  std::fprintf(stderr, "%s: %.*s\n", program_invocation_short_name, static_cast<int>(what.size()),
               what.data());
  std::exit(2);
}

void die_errno(std::string_view what) {
  const std::string reason = std::strerror(errno);
  die(std::string(what) + ": " + reason);
}

int listen_on(std::uint16_t port) {
  const int fd = make_socket();
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  const sockaddr_in address = loopback(INADDR_LOOPBACK, port);
  if (::bind(fd, generic(address), sizeof address) != 0) die_errno("bind");
  if (::listen(fd, SOMAXCONN) != 0) die_errno("listen");
  return fd;
}

int accept_from(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return -1;
    die_errno("accept");
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  return fd;
}

int connect_to(std::uint16_t port, unsigned spread) {
  const int fd = make_socket();
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  if (spread != 0) {
    // The port is chosen at connect, when the destination is known: one address then has 28,000 of
    // them.
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, "IP_BIND_ADDRESS_NO_PORT");
    const sockaddr_in source = loopback(0x7f000100U + 1 + spread % 250, 0);
    if (::bind(fd, generic(source), sizeof source) != 0) die_errno("bind");
  }
  const sockaddr_in address = loopback(INADDR_LOOPBACK, port);
  if (::connect(fd, generic(address), sizeof address) != 0 && errno != EINPROGRESS) {
    die_errno("connect to port " + std::to_string(port));
  }
  return fd;
}

void watch(int epoll, int operation, int fd, std::uint32_t events, void* cookie) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = cookie;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) die_errno("epoll_ctl");
}

int make_epoll() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die_errno("epoll_create1");
  return epoll;
}

void install_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  const auto quiet = [](int) { ::_exit(0); };
  std::signal(SIGTERM, quiet);
  std::signal(SIGINT, quiet);
}

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    die("not a port: " + std::string(text));
  }
  return port;
}

}  // namespace heim::bench
