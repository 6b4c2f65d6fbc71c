// Which node serves a session: a pure function of what was asked and what is known, with a reason
// people can read.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/topology.hpp"

namespace heim::route {

enum class Wanted : std::uint8_t { primary, standby };

struct Choice {
  std::uint32_t node = 0;
  std::string_view reason;  // static text
};

/// `turn` rotates over the standbys that are up. Reads go to a standby only if they asked for it:
/// without knowing what a standby has replayed, anything else could be stale. With no standby up,
/// the primary serves them. Nothing if no node can be tried at all; a primary that is down is still
/// chosen (its clients wait for it).
std::optional<Choice> choose(Wanted wanted, const cluster::Topology& nodes, Instant now,
                             std::uint32_t turn);

}  // namespace heim::route
