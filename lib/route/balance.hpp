// Which of several nodes gets the next read.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "cluster/topology.hpp"
#include "config/settings.hpp"

namespace heim::route {

using config::Balance;

/// What a worker knows of its own work on a node. [one thread]
class Load {
 public:
  std::uint32_t active = 0;  // statements sent and not yet answered

  /// A statement was answered. A slow answer counts at once, quick ones bring the figure down
  /// slowly: a node in trouble is seen by its first slow answer.
  void note(Duration took, Instant now);
  /// The smoothed time of an answer; what nobody asked for a while fades.
  double latency_us(Instant now) const;

 private:
  double peak_us_ = 0;
  Instant noted_{};
};
using Loads = std::array<Load, cluster::max_nodes>;

/// What turns from one decision to the next. [one thread]
struct Turn {
  std::uint32_t next = 0;                     // round robin
  std::uint64_t random = 0x9e3779b97f4a7c15;  // xorshift; seed it differently for each worker
  std::uint64_t draw() {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  }
};

/// One of `candidates`, which is not empty. Weights and shares (a node that warms up) count in all
/// of them; a node of weight 0 is taken only where no other is.
std::uint32_t pick(Balance balance, std::span<const std::uint32_t> candidates,
                   const cluster::Topology& nodes, const Loads& loads, Turn& turn, Instant now);

}  // namespace heim::route
