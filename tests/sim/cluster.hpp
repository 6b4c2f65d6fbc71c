// The servers of a world as one cluster: who follows whom, how the log travels, who is promoted.
//
// Records reach a standby some time after they were written, and are replayed some time later
// still. A promotion begins a timeline where the standby's log ends; what the old primary has
// behind that point is lost once it comes back as a standby.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database.hpp"
#include "random.hpp"
#include "server.hpp"

namespace heim::sim {

struct ClusterSettings {
  std::uint32_t standbys = 0;
  bool synchronous = false;  // COMMIT is answered when a standby has it
  std::uint32_t conflicts = 0;
  Duration ship_max = milliseconds(2);
  Duration replay_max = milliseconds(5);
  Duration apply_delay{0};  // recovery_min_apply_delay of the last standby
};

class Cluster {
 public:
  /// Names are "db1", "db2", ...; the first one is the primary. `judge` outlives it.
  Cluster(Network& network, Judge& judge, Random random, const ClusterSettings& settings,
          const ServerSettings& server);

  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  Server& server(std::uint32_t index) { return *nodes_[index]->server; }
  const Server& server(std::uint32_t index) const { return *nodes_[index]->server; }
  Database& data(std::uint32_t index) { return *nodes_[index]->data; }
  const Database& data(std::uint32_t index) const { return *nodes_[index]->data; }
  /// Of the newest timeline, whether it is up or not.
  std::uint32_t primary() const { return primary_; }
  static constexpr std::uint64_t system_identifier = 7'231'000'000'000'000'001;

  // ---- what can happen
  /// Nothing of the log reaches this node, or leaves it.
  void cut(std::uint32_t index, bool on);
  /// pg_wal_replay_pause()
  void pause(std::uint32_t index, bool on);
  void set_apply_delay(std::uint32_t index, Duration delay);
  /// The live standby that has most of the log; it must have all that was told to be committed, if
  /// the cluster is synchronous.
  std::optional<std::uint32_t> candidate() const;
  void promote(std::uint32_t index);
  /// A clean end of the primary: its standby has the whole log. Then that one is promoted.
  void switch_over(std::uint32_t to);
  /// It becomes a standby of the primary, if need be by pg_rewind and a restart.
  void rejoin(std::uint32_t index);
  /// It is up and thinks it may write, but is not the newest primary.
  bool is_left_behind(std::uint32_t index) const;
  /// It is up, or thawed, again: the log flows.
  void flow();

 private:
  struct Node {
    std::unique_ptr<Database> data;
    std::unique_ptr<Server> server;
    std::optional<std::uint32_t> upstream;
    bool cut = false, paused = false, ships = false, replays = false;
    Duration apply_delay{0};
  };
  void ship_soon(std::uint32_t index);
  void ship(std::uint32_t index);
  void replay_soon(std::uint32_t index);
  void replay(std::uint32_t index);
  void synchronize(std::uint32_t index);
  void follow(std::uint32_t index);
  bool works(const Node& node) const { return node.server->up() && !node.server->frozen(); }
  /// How many records two nodes have in common.
  static std::size_t common(const Database& a, const Database& b);

  Scheduler& scheduler_;
  Judge& judge_;
  Random random_;
  ClusterSettings settings_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::uint32_t primary_ = 0;
};

}  // namespace heim::sim
