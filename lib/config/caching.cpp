#include "config/caching.hpp"

#include "config/units.hpp"

namespace heim::config {

std::optional<Caching> parse_caching(std::string_view text) {
  if (text == "on") return Caching{};
  if (text == "off") return Caching{.used = false, .ttl = {}};
  const auto ttl = parse_duration(text);
  if (!ttl || *ttl <= Duration(0)) return std::nullopt;
  return Caching{.used = true, .ttl = *ttl};
}

}  // namespace heim::config
