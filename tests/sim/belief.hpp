// What the proxy makes of its probes: a minimal stand-in for the reducer of lib/cluster, which this
// file and belief.cpp go away for. Only Control uses it.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/topology.hpp"

namespace heim::sim {

/// A probe's answer.
struct Answer {
  bool in_recovery = false;
  std::uint32_t timeline = 0;
  std::uint64_t system = 0;
  std::uint64_t insert = 0;    // of a primary
  std::uint64_t replayed = 0;  // of a standby
};

class Belief {
 public:
  explicit Belief(cluster::Topology& nodes) : nodes_(nodes) {}

  void answered(std::uint32_t index, const Answer& answer);
  void failed(std::uint32_t index);
  /// Of the newest primary that was ever seen.
  std::uint32_t timeline() const { return primary_timeline_; }
  std::optional<std::uint32_t> primary() const { return primary_; }
  /// Whether roles or conditions have changed since the last call.
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  void publish();
  struct Member {
    std::optional<Answer> answer;
    std::uint32_t failures = 0;
  };
  Member& member(std::uint32_t index);

  cluster::Topology& nodes_;
  std::vector<Member> members_;
  std::uint32_t timeline_ = 1;  // the highest that was ever seen
  std::uint32_t primary_timeline_ = 1;
  std::optional<std::uint32_t> primary_;
  bool changed_ = false;
};

}  // namespace heim::sim
