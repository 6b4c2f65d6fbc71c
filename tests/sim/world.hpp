// One simulated world: servers, clients, what stands between them, and what befalls them. All of it
// from one seed.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client.hpp"
#include "cluster.hpp"
#include "profile.hpp"
#include "storm.hpp"

namespace heim::sim {

class World;

/// What stands between clients and servers: nothing, a relay, or the proxy.
class Middle {
 public:
  virtual ~Middle() = default;
  /// Where clients connect to.
  virtual Target target() const = 0;
  /// What is wrong with it at this moment; empty if nothing. Asked after every event.
  virtual std::string check() { return {}; }
  /// Stops it in good order, after the last client has left.
  virtual void stop() {}
  /// What is wrong long after stop(). Must have let go of every stream then.
  virtual std::string check_stopped() { return {}; }
  /// How many statements it answered itself.
  virtual std::uint64_t cache_hits() const { return 0; }
};
using MakeMiddle = std::function<std::unique_ptr<Middle>(World&)>;

struct Outcome {
  std::string verdict;  // empty: all is well
  std::uint64_t hash = 0, events = 0, statements = 0, commits = 0, cancels_hit = 0, backends = 0,
                answers = 0, reads = 0, on_standbys = 0, timelines = 0, lost = 0, cache_hits = 0;
};

class World {
 public:
  World(std::uint64_t seed, Profile profile, bool trace, const MakeMiddle& make_middle = {});
  ~World();
  Outcome run();

  Scheduler& scheduler() { return scheduler_; }
  Network& network() { return network_; }
  Judge& judge() { return judge_; }
  Random& random() { return random_; }
  const Profile& profile() const { return profile_; }
  Cluster& cluster() { return cluster_; }
  Server& primary() { return cluster_.server(cluster_.primary()); }

 private:
  void run_until(Instant end, bool (World::*enough)() const);
  bool all_done() const;
  void schedule_fault();
  void befall();
  void heal();
  Outcome outcome() const;
  std::string unfinished() const;
  std::string open_streams() const;

  Scheduler scheduler_;
  Judge judge_;
  Random random_;
  Profile profile_;
  Network network_;
  Cluster cluster_;
  std::unique_ptr<Middle> middle_;
  std::vector<std::unique_ptr<Client>> clients_;
  Instant storm_end_;
  std::optional<Storm> storm_;  // over a cluster of several nodes
};

}  // namespace heim::sim
