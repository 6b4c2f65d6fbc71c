#include "route/balance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heim::route {

namespace {

// A node that was a thousand times slower than the others is tried again within half a minute, one
// that is four times as slow every few seconds.
constexpr double decay_ns = 3e9;

/// What of its weight a node gets now, in thousandths of a weight.
std::uint64_t weight_of(const cluster::Topology& nodes, std::uint32_t node) {
  const std::uint64_t share = nodes.state(node).share.load(std::memory_order_relaxed);
  const std::uint64_t weight = nodes.state(node).weight.load(std::memory_order_relaxed);
  return weight * std::max<std::uint64_t>(share, 1);
}

/// Lower is better: work per weight.
double cost_of(Balance balance, const cluster::Topology& nodes, const Loads& loads,
               std::uint32_t node, Instant now) {
  const std::uint64_t weight = weight_of(nodes, node);
  if (weight == 0) return std::numeric_limits<double>::infinity();
  double work = loads[node].active + 1.0;
  if (balance == Balance::latency) work *= loads[node].latency_us(now) + 1.0;
  return work / static_cast<double>(weight);
}

/// One of them, each as often as its weight says.
std::uint32_t draw(std::span<const std::uint32_t> candidates, const cluster::Topology& nodes,
                   std::uint64_t number) {
  std::uint64_t total = 0;
  for (const std::uint32_t node : candidates) total += weight_of(nodes, node);
  if (total == 0) return candidates[number % candidates.size()];
  std::uint64_t left = number % total;
  for (const std::uint32_t node : candidates) {
    const std::uint64_t weight = weight_of(nodes, node);
    if (left < weight) return node;
    left -= weight;
  }
  return candidates.back();
}

/// Spread evenly: multiples of the golden ratio, each behind the last.
std::uint32_t next_in_turn(std::span<const std::uint32_t> candidates,
                           const cluster::Topology& nodes, Turn& turn) {
  const bool even = std::ranges::all_of(candidates, [&](std::uint32_t node) {
    return weight_of(nodes, node) == weight_of(nodes, candidates.front());
  });
  if (even) return candidates[turn.next++ % candidates.size()];
  return draw(candidates, nodes, (turn.next++ * 0x9e3779b97f4a7c15u) >> 16);
}

/// Of equal ones, another one each time.
std::uint32_t cheapest(Balance balance, std::span<const std::uint32_t> candidates,
                       const cluster::Topology& nodes, const Loads& loads, Turn& turn,
                       Instant now) {
  const std::size_t from = turn.next++ % candidates.size();
  std::uint32_t best = candidates[from];
  double least = cost_of(balance, nodes, loads, best, now);
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    const std::uint32_t node = candidates[(from + i) % candidates.size()];
    const double cost = cost_of(balance, nodes, loads, node, now);
    if (cost >= least) continue;
    least = cost;
    best = node;
  }
  return best;
}

std::uint32_t better_of_two(std::span<const std::uint32_t> candidates,
                            const cluster::Topology& nodes, const Loads& loads, Turn& turn,
                            Instant now) {
  const std::uint32_t a = draw(candidates, nodes, turn.draw());
  const std::uint32_t b = draw(candidates, nodes, turn.draw());
  const Balance by = Balance::latency;
  return cost_of(by, nodes, loads, b, now) < cost_of(by, nodes, loads, a, now) ? b : a;
}

}  // namespace

double Load::latency_us(Instant now) const {
  const auto idle = static_cast<double>((now - noted_).count());
  return idle <= 0 ? peak_us_ : peak_us_ * std::exp(-idle / decay_ns);
}

void Load::note(Duration took, Instant now) {
  const auto us = static_cast<double>(to_us(took));
  const double before = latency_us(now);
  constexpr double share = 1.0 / 16;
  peak_us_ = us > before ? us : before + (us - before) * share;
  noted_ = now;
}

std::uint32_t pick(Balance balance, std::span<const std::uint32_t> candidates,
                   const cluster::Topology& nodes, const Loads& loads, Turn& turn, Instant now) {
  if (candidates.size() == 1) return candidates.front();
  switch (balance) {
    case Balance::round_robin:
      return next_in_turn(candidates, nodes, turn);
    case Balance::random_of_two:
      return better_of_two(candidates, nodes, loads, turn, now);
    case Balance::least_connections:
    case Balance::latency:
      break;
  }
  return cheapest(balance, candidates, nodes, loads, turn, now);
}

}  // namespace heim::route
