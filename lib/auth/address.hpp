// IP addresses and networks, for the rules of who may come from where.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace heim::auth {

/// An IPv4 or IPv6 address. A value.
struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // an IPv4 address uses the first four

  /// "192.0.2.1" or "2001:db8::1", nothing else.
  static std::optional<Address> parse(std::string_view text);
  /// Where a peer comes from: as parse(), and also "192.0.2.1:5432", "[2001:db8::1]:5432", an IPv6
  /// zone
  /// ("%eth0", dropped), and IPv4 in IPv6 (which counts as IPv4).
  static std::optional<Address> of_peer(std::string_view text);
  friend bool operator==(const Address&, const Address&) = default;
};

/// An address and the bits of it that count.
struct Network {
  Address address;
  Address mask;

  /// "10.0.0.0/8", "2001:db8::/32".
  static std::optional<Network> parse_cidr(std::string_view text);
  bool contains(const Address& other) const;
};

}  // namespace heim::auth
