// How fresh a read has to be: "strict", "session", "group", "bounded", "bounded:500ms", "any".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace heim::config {

enum class Scope : std::uint8_t {
  strict,   // every commit acknowledged through this proxy is seen
  session,  // those of this session
  group,    // those of the sessions of its group
  bounded,  // those older than a node's measured lag and a window
  any,      // whatever there is
};

struct Freshness {
  Scope scope = Scope::strict;
  std::optional<Duration> window;  // bounded: instead of `replication_lag_window`

  bool operator==(const Freshness&) const = default;
};

std::string_view to_text(Scope scope);
std::string to_text(const Freshness& freshness);
/// Nothing if it is none of the above.
std::optional<Freshness> parse_freshness(std::string_view text);

}  // namespace heim::config
