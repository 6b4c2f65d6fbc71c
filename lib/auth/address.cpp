#include "auth/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace heim::auth {
namespace {

/// Sets the first `count` bits.
void set_bits(Address& mask, unsigned count) {
  for (unsigned bit = 0; bit < count; ++bit) {
    mask.bytes[bit / 8] = static_cast<std::uint8_t>(mask.bytes[bit / 8] | (0x80u >> (bit % 8)));
  }
}

std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, std::min(text.find(']'), text.size()) - 1);
  // One colon: an IPv4 address with a port. More: an IPv6 address without one.
  const std::size_t colon = text.find(':');
  return colon == text.rfind(':') ? text.substr(0, colon) : text;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return std::nullopt;
  Address address;
  address.v6 = text.find(':') != std::string_view::npos;
  const std::string copy(text);
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

std::optional<Address> Address::of_peer(std::string_view text) {
  text = without_port(text);
  text = text.substr(0, text.find('%'));
  auto address = parse(text);
  static constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
  if (address && address->v6 && std::equal(mapped.begin(), mapped.end(), address->bytes.begin())) {
    Address inner;
    std::copy(address->bytes.begin() + 12, address->bytes.end(), inner.bytes.begin());
    return inner;
  }
  return address;
}

std::optional<Network> Network::parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Address::parse(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, bits);
  if (!address || failure != std::errc() || stop != end || bits > (address->v6 ? 128u : 32u)) {
    return std::nullopt;
  }
  Network network{*address, {}};
  network.mask.v6 = address->v6;
  set_bits(network.mask, bits);
  return network;
}

bool Network::contains(const Address& other) const {
  if (other.v6 != address.v6) return false;
  for (std::size_t i = 0; i < (address.v6 ? 16u : 4u); ++i) {
    if (((other.bytes[i] ^ address.bytes[i]) & mask.bytes[i]) != 0) return false;
  }
  return true;
}

}  // namespace heim::auth
