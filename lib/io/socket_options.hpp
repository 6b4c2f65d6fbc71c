// What is set on every TCP socket.
#pragma once
#include <chrono>
#include <cstdint>

namespace heim::io {

struct SocketOptions {
  bool keepalive = true;
  std::chrono::seconds keepalive_idle{60};  // 0: the kernel's, as for the next ones
  std::chrono::seconds keepalive_interval{10};
  std::uint32_t keepalive_count = 6;
  std::chrono::milliseconds user_timeout{0};
};

/// Sets them and TCP_NODELAY; on a listening socket too, whose accepted ones inherit them. Best
/// effort: a kernel that refuses one goes on without it. Does nothing on a unix socket.
void apply(const SocketOptions& options, int fd, int family);

/// "Connection refused" for ECONNREFUSED. [any thread]
const char* errno_text(int error);

}  // namespace heim::io
