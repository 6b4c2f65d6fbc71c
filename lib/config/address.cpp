#include "config/address.hpp"

#include <algorithm>
#include <charconv>

namespace heim::config {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view text) {
  const std::string_view zone = text.substr(std::min(text.find('%'), text.size()));
  text.remove_suffix(zone.size());
  if (std::ranges::count(text, ':') < 2 || text.size() > 45) return false;
  if (!zone.empty() && (zone.size() == 1 || !is_plain(zone.substr(1)))) return false;
  return std::ranges::all_of(text, [](char c) {
    return c == ':' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
  });
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.') return false;
  return is_plain(text);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || rest != end || port == 0) return std::nullopt;
  return port;
}

std::optional<Address> with_port(std::string_view host, std::string_view port,
                                 std::uint16_t default_port) {
  Address address{std::string(host), default_port};
  if (port.empty()) return address;
  const auto number = port.starts_with(':') ? parse_port(port.substr(1)) : std::nullopt;
  if (!number) return std::nullopt;
  address.port = *number;
  return address;
}

}  // namespace

bool is_host(std::string_view text) { return is_name(text) || is_ipv6(text); }

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && is_name(host) &&
          std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

std::optional<Address> parse_address(std::string_view text, std::uint16_t default_port) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return std::nullopt;
    return with_port(text.substr(1, end - 1), text.substr(end + 1), default_port);
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view host = text.substr(0, colon);
  if (host == "*" || (host.empty() && !text.empty())) {
    return with_port("0.0.0.0", text.substr(colon), default_port);
  }
  if (!is_name(host)) return std::nullopt;
  return with_port(host, text.substr(colon), default_port);
}

std::string to_text(const Address& address) {
  const std::string port = std::to_string(address.port);
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return ipv6 ? "[" + address.host + "]:" + port : address.host + ":" + port;
}

}  // namespace heim::config
