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

/// The primary, or while nobody is known to be that, a node whose role is still to be learnt.
/// Nothing if no node can be tried at all; a primary that is down is still chosen (its clients wait
/// for it).
std::optional<Choice> the_primary(const cluster::Topology& nodes, Instant now);

}  // namespace heim::route
