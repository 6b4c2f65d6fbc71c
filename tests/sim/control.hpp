// The control plane of a simulated proxy: asks the nodes how they are, as control/monitor does, and
// the primary how far its log is. Questions and answers take time, and some are lost. What becomes
// of the answers is the reducer's affair, the real one.
#pragma once
#include <functional>

#include "cluster/reducer.hpp"
#include "cluster/sampling.hpp"
#include "world.hpp"

namespace heim::sim {

class Control final : public cluster::LsnSource {
 public:
  /// Adds the world's nodes to `nodes`, which outlives it. Probes from now on.
  Control(World& world, cluster::Topology& nodes, Random random);

  /// Roles or conditions have changed.
  std::function<void()> on_changed;
  /// This node was taken for the primary, and is not any more: nothing may be written there.
  std::function<void(std::uint32_t)> on_demoted;

  /// Asks no more.
  void stop() { stopped_ = true; }

  void want_sample() override;
  /// Who is told of samples; outlives this, or is taken away by null.
  void set_sink(cluster::LsnSink* sink) { sink_ = sink; }
  const cluster::Reducer& reducer() const { return reducer_; }

 private:
  void probe_soon(std::uint32_t index, Duration delay);
  void probe(std::uint32_t index);
  cluster::Answer ask(std::uint32_t index) const;
  void look(std::uint32_t index, Instant asked);
  void heard(std::uint32_t index, const std::optional<cluster::Answer>& answer,
             cluster::Failure failure, Instant asked);
  void act();
  void tick();
  void sample();
  bool reachable(std::uint32_t index);
  Duration trip() { return random_.between(microseconds(50), latency_max_); }

  World& world_;
  Random random_;
  cluster::Topology& nodes_;
  cluster::Reducer reducer_;
  std::vector<std::uint64_t> rounds_;  // of probes, by node: the last one counts
  std::vector<bool> led_;              // was taken for the primary
  cluster::LsnSink* sink_ = nullptr;
  Duration interval_, timeout_, latency_max_;
  std::uint32_t loss_;  // percent
  bool wanted_ = false, sampling_ = false, stopped_ = false;
};

}  // namespace heim::sim
