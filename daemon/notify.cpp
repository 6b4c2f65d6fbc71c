#include "notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace heim::daemon {
namespace {

/// A state is one line.
std::string status_line(std::string_view text) {
  std::string line = "\nSTATUS=" + std::string(text.substr(0, 1000));
  std::replace(line.begin() + 1, line.end(), '\n', ' ');
  return line;
}

}  // namespace

Notifier::Notifier(const char* socket) {
  const std::string_view name = socket ? socket : "";
  const bool known = name.starts_with('/') || name.starts_with('@');
  if (known && name.size() > 1 && name.size() < sizeof(sockaddr_un::sun_path)) socket_ = name;
}

void Notifier::ready(std::string_view status) const { send("READY=1" + status_line(status)); }

void Notifier::reloading(std::uint64_t monotonic_us) const {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us));
}

void Notifier::stopping(std::string_view status) const { send("STOPPING=1" + status_line(status)); }

void Notifier::send(std::string_view state) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t sent =
      ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
}

}  // namespace heim::daemon
