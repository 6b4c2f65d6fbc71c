#include "io/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace heim::io {
namespace {

using GetName = int (*)(int, sockaddr*, socklen_t*);

Endpoint ask(int fd, GetName get_name) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (get_name(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Endpoint::from(reinterpret_cast<const sockaddr&>(storage));
}

}  // namespace

Endpoint Endpoint::from(const sockaddr& address) {
  Endpoint result;
  if (address.sa_family == AF_UNIX) {
    result.family_ = Family::unix_socket;
  } else if (address.sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    result.family_ = Family::v4;
    result.port_ = ntohs(in.sin_port);
    std::memcpy(result.address_.data(), &in.sin_addr, 4);
  } else if (address.sa_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
    result.family_ = mapped ? Family::v4 : Family::v6;
    result.port_ = ntohs(in.sin6_port);
    std::memcpy(result.address_.data(), in.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
  }
  return result;
}

Endpoint Endpoint::peer_of(int fd) {
  return ask(fd, [](int s, sockaddr* a, socklen_t* n) { return ::getpeername(s, a, n); });
}

Endpoint Endpoint::local_of(int fd) {
  return ask(fd, [](int s, sockaddr* a, socklen_t* n) { return ::getsockname(s, a, n); });
}

bool Endpoint::is_loopback() const {
  if (family_ == Family::v4) return address_[0] == 127;
  static constexpr std::array<std::uint8_t, 16> one{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return family_ == Family::v6 && address_ == one;
}

std::string Endpoint::address_text() const {
  if (family_ != Family::v4 && family_ != Family::v6) return {};
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family_ == Family::v4 ? AF_INET : AF_INET6, address_.data(), text, sizeof text);
  return text;
}

std::string Endpoint::text() const {
  switch (family_) {
    case Family::v4:
      return address_text() + ':' + std::to_string(port_);
    case Family::v6:
      return '[' + address_text() + "]:" + std::to_string(port_);
    case Family::unix_socket:
      return "unix";
    case Family::none:
      break;
  }
  return "unknown";
}

std::string unix_peer_user(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  ::getpwuid_r(credentials.uid, &entry, buffer.data(), buffer.size(), &found);
  return found ? found->pw_name : std::string();
}

}  // namespace heim::io
