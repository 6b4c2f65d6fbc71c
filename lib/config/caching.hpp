// What a session or a statement asks of the cache: "on", "off", "60s".
#pragma once
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace heim::config {

struct Caching {
  bool used = true;
  /// An answer is taken up to this age, and kept for as long; none: as the configuration says.
  std::optional<Duration> ttl;
};

/// Nothing if it is none of the above.
std::optional<Caching> parse_caching(std::string_view text);

}  // namespace heim::config
