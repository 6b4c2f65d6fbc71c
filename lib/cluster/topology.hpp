// The nodes of the cluster, and what is known of each at this moment.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace heim::cluster {

/// `removed`: no longer in the configuration; its connections drain.
enum class Role : std::uint8_t { unknown, primary, standby, removed };

struct Node {
  std::string name;
  std::string host;
  std::uint16_t port = 5432;
  bool discover = false;               // role = "auto": learnt from `in_hot_standby` at each login
  std::string zone = {};               // where it stands; empty: nowhere in particular
  std::vector<std::string> tags = {};  // other names that rules select nodes by
  bool foreign = false;                // not PostgreSQL: it has no catalogs
};

/// Whether a node is given new work. `draining`: sessions that are there may finish; `maintenance`:
/// an operator has it out; `refused`: another system, or a timeline that is over.
enum class Condition : std::uint8_t { serving, down, draining, maintenance, refused };

/// What is known of a node at this moment. Plain stores: the last one counts. But for `role` and
/// `down_until_ns`, which workers learn from their own connections, too, the control thread alone
/// writes.
struct NodeState {
  std::atomic<Role> role{Role::unknown};
  std::atomic<Condition> condition{Condition::serving};
  /// Until when the node is not tried, in nanoseconds of the engine's clock; 0: it is up.
  std::atomic<std::int64_t> down_until_ns{0};
  /// Of a standby: every commit whose record ends at or before this position in the WAL is visible
  /// to what begins there now. 0: nothing is known, or its timeline is not the newest. Positions
  /// of one timeline or of its ancestors up to the switch compare as numbers.
  std::atomic<std::uint64_t> replayed{0};
  /// Of a standby: how far it is behind, as measured last; negative: not known.
  std::atomic<std::int64_t> lag_ns{-1};
  /// Of the reads, beside other nodes'; 0: only when no other is left.
  std::atomic<std::uint32_t> weight{100};
  /// The share of its weight it gets at the moment, in thousandths: less while it warms up.
  std::atomic<std::uint32_t> share{1000};
  /// The monitor has asked it: its role comes from there, not from logins.
  std::atomic<bool> monitored{false};
  /// What workers count for the circuit breaker, a few times a second: transactions that ended, and
  /// connections and statements that failed through the node's own fault.
  std::atomic<std::uint64_t> served{0};
  std::atomic<std::uint64_t> failed{0};
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
  /// Whether new work may go there.
  bool up(std::uint32_t index, Instant now) const {
    const NodeState& state = entries_[index]->state;
    if (state.condition.load(std::memory_order_relaxed) != Condition::serving) return false;
    return state.down_until_ns.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }
  /// Whether a connection may be opened there, also to see if it is back. Not to one that is held
  /// out of the cluster.
  bool admits(std::uint32_t index) const {
    const Condition condition = entries_[index]->state.condition.load(std::memory_order_relaxed);
    return condition == Condition::serving || condition == Condition::down;
  }

  /// Names the cluster as its primary is: by system and timeline, the same in all processes that
  /// see the same. 0: that is not known, or changes just now.
  std::atomic<std::uint64_t> identity{0};

 private:
  struct Entry {
    Node node;
    NodeState state;
  };
  std::array<std::unique_ptr<Entry>, max_nodes> entries_;
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace heim::cluster
