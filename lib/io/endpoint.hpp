// Addresses of sockets: small enough to keep one a connection, and their text for logs and SHOW.
#pragma once
#include <array>
#include <cstdint>
#include <string>

struct sockaddr;

namespace heim::io {

/// The address of one end of a stream socket. Of a unix socket only that it is one. A v4 address
/// mapped into v6 counts as v4.
class Endpoint {
 public:
  enum class Family : std::uint8_t { none, v4, v6, unix_socket };

  Endpoint() = default;
  static Endpoint from(const sockaddr& address);
  static Endpoint peer_of(int fd);
  static Endpoint local_of(int fd);

  Family family() const { return family_; }
  std::uint16_t port() const { return port_; }
  bool is_unix() const { return family_ == Family::unix_socket; }
  /// 127.0.0.0/8 or ::1; not a unix socket.
  bool is_loopback() const;
  /// "127.0.0.1:5432", "[::1]:5432", "unix", or "unknown".
  std::string text() const;
  /// Without the port: "127.0.0.1", "::1"; empty for a unix socket.
  std::string address_text() const;

 private:
  Family family_ = Family::none;
  std::uint16_t port_ = 0;
  std::array<std::uint8_t, 16> address_{};
};

/// The operating system user at the other end of a unix socket (SO_PEERCRED), or empty.
std::string unix_peer_user(int fd);

}  // namespace heim::io
