// sd_notify against real datagram sockets.
#include "notify.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

using heim::daemon::notify;

namespace {

/// What systemd would have: a socket by its name, "@..." for an abstract one.
class Receiver {
 public:
  explicit Receiver(std::string name) : name_(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (name_[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    REQUIRE(fd_ >= 0);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() {
    ::close(fd_);
    if (name_[0] != '@') ::unlink(name_.c_str());
  }
  const std::string& name() const { return name_; }

  /// The next datagram; empty if there is none. Datagrams of one machine are there once sent.
  std::string next() {
    pollfd one{fd_, POLLIN, 0};
    if (::poll(&one, 1, 0) != 1) return {};
    std::array<char, 4096> text;
    const ssize_t length = ::recv(fd_, text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(length > 0 ? length : 0)};
  }

 private:
  const std::string name_;
  const int fd_ = ::socket(AF_UNIX, SOCK_DGRAM, 0);
};

std::string unique(const char* prefix) {
  static int count = 0;
  return prefix + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

void check_conversation(Receiver& receiver) {
  const char* const socket = receiver.name().c_str();
  notify(socket, "READY=1", "serving on 127.0.0.1:6432\n[::1]:6432");
  CHECK(receiver.next() == "READY=1\nSTATUS=serving on 127.0.0.1:6432 [::1]:6432");
  notify(socket, "RELOADING=1\nMONOTONIC_USEC=123456789");
  CHECK(receiver.next() == "RELOADING=1\nMONOTONIC_USEC=123456789");
  notify(socket, "STOPPING=1", std::string(5000, 'x'));
  CHECK(receiver.next() == "STOPPING=1\nSTATUS=" + std::string(1000, 'x'));
  CHECK(receiver.next().empty());
}

}  // namespace

TEST_CASE("a socket in the file system") {
  Receiver receiver(unique("/tmp/heim-notify-"));
  check_conversation(receiver);
}

TEST_CASE("an abstract socket") {
  Receiver receiver(unique("@heim-notify-"));
  check_conversation(receiver);
}

TEST_CASE("nobody to tell") {
  const std::string too_long = "/" + std::string(sizeof(sockaddr_un::sun_path), 'x');
  for (const char* name : {static_cast<const char*>(nullptr), "", "@", "vsock:2:1234", "relative",
                           "/nowhere/at/all", too_long.c_str()}) {
    notify(name, "READY=1", "nothing happens");
  }
}

TEST_CASE("a receiver that does not read is not waited for") {
  Receiver receiver(unique("@heim-notify-"));
  for (int i = 0; i < 5000; ++i) notify(receiver.name().c_str(), "READY=1", "again");
  CHECK(receiver.next() == "READY=1\nSTATUS=again");
}
