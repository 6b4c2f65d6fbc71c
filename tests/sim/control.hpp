// The control plane of a simulated proxy: asks the nodes how they are, as a monitor does, and the
// primary how far its log is. Questions and answers take time, and some are lost.
#pragma once
#include <functional>

#include "belief.hpp"
#include "cluster/sampling.hpp"
#include "world.hpp"

namespace heim::sim {

class Control final : public cluster::LsnSource {
 public:
  /// Adds the world's nodes to `nodes`, which outlives it. Probes from now on.
  Control(World& world, cluster::Topology& nodes, Random random);

  /// Roles or conditions have changed.
  std::function<void()> on_changed;
  /// This node is not the primary any more: nothing may be written there.
  std::function<void(std::uint32_t)> on_demoted;

  /// Asks no more.
  void stop() { stopped_ = true; }

  void want_sample() override;
  /// Who is told of samples; outlives this, or is taken away by null.
  void set_sink(cluster::LsnSink* sink) { sink_ = sink; }
  const Belief& belief() const { return belief_; }

 private:
  void probe(std::uint32_t index);
  void look(std::uint32_t index, Instant asked);
  void judge(std::uint32_t index, bool failed, const Answer& answer);
  void sample();
  bool reachable(std::uint32_t index);
  Duration trip() { return random_.between(microseconds(50), latency_max_); }

  World& world_;
  Random random_;
  cluster::Topology& nodes_;
  Belief belief_;
  cluster::LsnSink* sink_ = nullptr;
  Duration interval_, timeout_, latency_max_;
  std::uint32_t loss_;  // percent
  bool wanted_ = false, sampling_ = false, stopped_ = false;
};

}  // namespace heim::sim
