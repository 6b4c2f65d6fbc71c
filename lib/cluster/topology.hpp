// The nodes of the cluster, and what is known of each at this moment.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"

namespace heim::cluster {

/// `removed`: no longer in the configuration; its connections drain.
enum class Role : std::uint8_t { unknown, primary, standby, removed };

struct Node {
  std::string name;
  std::string host;
  std::uint16_t port = 5432;
  bool discover = false;  // role = "auto": learnt from `in_hot_standby` at each login
};

/// What workers tell each other about a node. Plain stores: the last one counts.
struct NodeState {
  std::atomic<Role> role{Role::unknown};
  /// Until when the node is not tried, in nanoseconds of the engine's clock; 0: it is up.
  std::atomic<std::int64_t> down_until_ns{0};
};

inline constexpr std::uint32_t max_nodes = 256;

/// An index names one node for the life of the engine: nodes are added, never moved. add() is for
/// one thread; the rest is for [any thread].
class Topology {
 public:
  std::uint32_t add(Node node, Role role) {
    const std::uint32_t index = size();
    entries_[index] = std::make_unique<Entry>();
    entries_[index]->node = std::move(node);
    entries_[index]->state.role = role;
    count_.store(index + 1, std::memory_order_release);
    return index;
  }
  std::uint32_t size() const { return count_.load(std::memory_order_acquire); }
  const Node& node(std::uint32_t index) const { return entries_[index]->node; }
  NodeState& state(std::uint32_t index) const { return entries_[index]->state; }
  Role role(std::uint32_t index) const {
    return entries_[index]->state.role.load(std::memory_order_relaxed);
  }
  bool up(std::uint32_t index, Instant now) const {
    return entries_[index]->state.down_until_ns.load(std::memory_order_relaxed) <=
           now.time_since_epoch().count();
  }

 private:
  struct Entry {
    Node node;
    NodeState state;
  };
  std::array<std::unique_ptr<Entry>, max_nodes> entries_;
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace heim::cluster
