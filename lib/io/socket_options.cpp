#include "io/socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

namespace heim::io {
namespace {

void set_int(int fd, int level, int name, std::int64_t value) {
  const int number = static_cast<int>(value);
  ::setsockopt(fd, level, name, &number, sizeof number);
}

}  // namespace

void apply(const SocketOptions& options, int fd, int family) {
  if (family == AF_UNIX) return;
  set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.user_timeout.count() > 0) {
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options.user_timeout.count());
  }
  if (!options.keepalive) return;
  set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (options.keepalive_idle.count() > 0) {
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive_idle.count());
  }
  if (options.keepalive_interval.count() > 0) {
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive_interval.count());
  }
  if (options.keepalive_count > 0) {
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_count);
  }
}

const char* errno_text(int error) {
  const char* text = ::strerrordesc_np(error);
  return text ? text : "unknown error";
}

}  // namespace heim::io
