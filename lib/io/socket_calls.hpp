// recv() and send() without what libc adds: in a process with threads its wrappers are cancellation
// points, which costs two atomic operations a call. Nothing here is ever cancelled.
#pragma once
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace heim::io {

inline ssize_t receive(int fd, std::uint8_t* buffer, std::size_t size) {
  return ::syscall(SYS_recvfrom, fd, buffer, size, 0, nullptr, nullptr);
}

/// `total` is the size of all parts, above zero. Small ones are put together first: one piece is
/// cheaper for the kernel than a list.
inline ssize_t send_parts(int fd, std::span<const iovec> parts, std::size_t total) {
  constexpr std::size_t small = 1024;
  std::uint8_t joined[small];
  const void* data = parts[0].iov_base;
  if (parts.size() > 1) {
    if (total > small) {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts.data());
      message.msg_iovlen = parts.size();
      return ::syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
    }
    std::size_t at = 0;
    for (const iovec& part : parts) {
      if (part.iov_len > 0) std::memcpy(joined + at, part.iov_base, part.iov_len);
      at += part.iov_len;
    }
    data = joined;
  }
  return ::syscall(SYS_sendto, fd, data, total, MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace heim::io
