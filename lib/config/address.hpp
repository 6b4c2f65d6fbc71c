// "host:port" as people write it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heim::config {

/// Where to listen. After loading, every address of the Settings has this form.
struct Address {
  std::string host;  // a name or an address, without brackets. Never empty
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// "host:port", "host", "[::1]:6432", "[::1]", ":6432" and "*:6432" (every IPv4 address,
/// "0.0.0.0"). nullopt if it is none of these; IPv6 without brackets is none, as its port could not
/// be told. An address without a port gets `default_port`.
std::optional<Address> parse_address(std::string_view text, std::uint16_t default_port);
/// "127.0.0.1:6432", "[::1]:6432".
std::string to_text(const Address& address);

/// A name, an IPv4 or an IPv6 address without brackets and port.
bool is_host(std::string_view text);
/// 127.x, ::1 or localhost: nobody else's machine can come from there.
bool is_loopback(std::string_view host);

}  // namespace heim::config
