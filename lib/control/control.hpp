// The control plane: a thread of its own that watches the cluster's nodes and keeps the Topology
// that workers read.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "cluster/reducer.hpp"
#include "cluster/reports.hpp"
#include "cluster/sampling.hpp"
#include "config/settings.hpp"
#include "control/discovery.hpp"
#include "control/follower.hpp"
#include "control/patroni.hpp"
#include "control/watcher.hpp"
#include "control/wish.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"
#include "io/wakeup.hpp"

namespace heim::control {

/// Everything is [any thread] but where it says otherwise.
class Control final : public cluster::LsnSource, public cluster::Reports, WatcherOwner {
 public:
  /// Called on the control thread when roles or conditions changed.
  using Changed = std::function<void()>;

  /// Both outlive it. Changes the topology from the first edit() on.
  Control(cluster::Topology& nodes, Logger& logger, Changed changed);
  ~Control() override;

  /// Who is told of samples, until stop() has returned; before start(). Null: none are taken.
  void set_sink(cluster::LsnSink* sink) { sink_ = sink; }
  /// Databases that the cache is asked for are followed from then on; before start().
  void follow(const FollowWorld& world);
  /// One thread, once each. stop() may be called without start(), and again.
  void start();
  void stop();

  /// Runs `change` while nobody else touches the topology's list or the reducer.
  void edit(const std::function<void(cluster::Reducer&, Instant now)>& change);
  /// A new configuration; the list of nodes is the caller's business, by edit().
  void configure(const config::Settings& settings);

  void want_sample() override;
  void unreachable(std::uint32_t node) override;
  void seen(std::uint32_t node, cluster::Role role) override;
  /// 42704 if there is no such node.
  Result<void> order(const std::string& node, cluster::Order order);

  bool knows(const std::string& node);

  std::vector<cluster::Standing> standings();
  std::vector<Sender> senders();

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Plan {  // of the loop's thread
    WatchOptions options;
    bool watching = false;
  };
  void on_answer(std::uint32_t node, const cluster::Answer& answer, Instant asked) override;
  void on_position(std::uint32_t node, std::uint64_t replayed) override;
  void on_sample_begins(std::uint32_t node) override;
  void on_sample(std::uint32_t node, std::optional<std::uint64_t> lsn, Instant asked) override;
  void on_senders(std::uint32_t node, std::vector<Sender> senders) override;
  void on_trouble(std::uint32_t node, const cluster::Trouble& why) override;
  Instant admit() override;

  void turn();
  void act();
  void tick();
  void apply(std::shared_ptr<const Plan> plan);
  void keep_watchers();
  Instant step_watchers(Instant now);
  Instant step_followers(Instant now);
  void add_followers();
  void measure_cost(Instant now);
  void found(const std::vector<Found>& nodes);
  std::optional<std::uint32_t> known(const Found& node) const;
  std::optional<std::uint32_t> admit_node(const Found& node);
  void start_patroni(const config::Cluster& cluster);
  static Instant clock_now() { return std::chrono::steady_clock::now(); }

  cluster::Topology& nodes_;
  Logger& logger_;
  const Changed changed_;
  cluster::LsnSink* sink_ = nullptr;
  Wish wish_;

  std::mutex mutex_;  // guards what follows, up to the loop
  cluster::Reducer reducer_;
  std::vector<Sender> senders_;
  bool told_blind_ = false;
  config::Cluster cluster_;
  std::vector<std::uint32_t> missed_;  // by node: rounds of discovery without it
  bool running_ = false;

  // The loop's thread.
  io::Loop loop_;
  io::Wakeup wakeup_;
  io::Timer timer_;
  std::shared_ptr<const Plan> plan_;
  std::vector<std::unique_ptr<Watcher>> watchers_;  // by node; null: not watched
  std::optional<FollowWorld> follow_;               // null: nobody is followed
  std::vector<std::unique_ptr<Follower>> followers_;
  Instant next_tick_{};
  std::uint64_t token_ = 0;
  std::uint64_t goal_ = 0;  // the newest sample
  cluster::Budget own_;
  Duration own_cost_ = std::chrono::microseconds(30);  // of our thread, for a question
  Duration cpu_{0};
  std::uint64_t turns_ = 0;
  Instant measured_{};
  std::thread thread_;
  std::unique_ptr<PatroniPoll> patroni_;  // guarded by configure()'s caller: the engine's lock
};

}  // namespace heim::control
