// Watches one node: keeps a connection, asks what is due, notices silence.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/budget.hpp"
#include "cluster/topology.hpp"
#include "control/link.hpp"
#include "control/queries.hpp"
#include "io/look_up.hpp"

namespace heim::control {

/// What all watchers have in common.
struct WatchOptions {
  Conninfo login;   // all but host, hostaddr and port
  Question health;  // empty: the built-in probe suffices
  Duration interval = std::chrono::milliseconds(200);
  Duration timeout = std::chrono::milliseconds(350);
  Duration sample_gap = std::chrono::milliseconds(1);
  Duration senders_interval = std::chrono::seconds(5);
  std::uint32_t budget = 1;  // percent of a server's time, and of ours
};

/// What a node may be asked beside its probe.
struct Wants {
  bool sample = false;     // where its WAL is
  bool senders = false;    // who streams from it
  std::uint64_t goal = 0;  // whether it has replayed this
};

class WatcherOwner {
 public:
  virtual ~WatcherOwner() = default;
  virtual void on_answer(std::uint32_t node, const cluster::Answer& answer, Instant asked) = 0;
  virtual void on_position(std::uint32_t node, std::uint64_t replayed) = 0;
  virtual void on_sample_begins(std::uint32_t node) = 0;
  virtual void on_sample(std::uint32_t node, std::optional<std::uint64_t> lsn, Instant asked) = 0;
  virtual void on_senders(std::uint32_t node, std::vector<Sender> senders) = 0;
  virtual void on_trouble(std::uint32_t node, const cluster::Trouble& why) = 0;
  /// Whether a question that can wait may be asked now; counts it if so. Else when.
  virtual Instant admit() = 0;
};

/// Lives on the loop's thread.
class Watcher final : LinkOwner {
 public:
  Watcher(io::Loop& loop, std::uint32_t index, const cluster::Node& node,
          const WatchOptions& options, WatcherOwner& owner);
  /// A sample that is under way has failed then.
  ~Watcher() override;

  /// Does what is due; the next time something will be. Called after each event.
  Instant step(Instant now, const Wants& wants);
  /// Something is suspicious: ask at once.
  void hurry(Instant now);
  /// How its node is logged in to; nothing before it was found.
  std::optional<Conninfo> login() const;
  std::uint32_t index() const { return index_; }
  std::uint32_t budget() const { return options_.budget; }
  /// How many were asked since the last call.
  std::uint64_t take_questions() { return std::exchange(questions_, 0); }

 private:
  enum class Job : std::uint8_t {
    none,
    look_up,
    connect,
    probe,
    health,
    position,
    sample,
    senders
  };
  void on_link_ready() override;
  void on_link_rows(const Rows& rows) override;
  void on_link_lost(const cluster::Trouble& why) override;
  Instant step_idle(Instant now, const Wants& wants);
  void begin(Instant now);
  void look_up();
  void connect();
  Conninfo conninfo() const;
  void ask(Job job, const Question& question, Instant now);
  void begin_sample();
  void end_sample(std::optional<std::uint64_t> lsn);
  void on_probe(const Rows& rows);
  void on_health(const Rows& rows);
  void tell(const cluster::Answer& answer, Instant asked);
  void fail(cluster::Trouble why);
  Instant position_due(Instant now, const Wants& wants);

  io::Loop& loop_;
  const std::uint32_t index_;
  const cluster::Node& node_;
  const WatchOptions& options_;
  WatcherOwner& owner_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Link> old_link_;  // over, to be destroyed outside its own call
  std::unique_ptr<io::LookUp> look_up_;
  std::vector<std::string> addresses_;
  std::size_t address_ = 0;
  Job job_ = Job::none;
  bool samples_ = false;  // the question under way is a sample, or is one as well
  bool probed_ = false;   // on this connection, and the owner was told
  Instant asked_{};
  Instant deadline_ = never;
  Duration patience_{0};  // up to the deadline
  Instant next_probe_{}, next_attempt_{}, next_senders_{}, next_sample_{};
  Instant last_attempt_{};
  std::uint32_t attempts_ = 0;  // in a row that failed
  cluster::Budget budget_;
  std::uint64_t goal_ = 0, replayed_ = 0;
  Instant goal_since_{};
  std::optional<cluster::Answer> answer_;  // waits for the health query
  Instant probe_asked_{};
  std::uint64_t questions_ = 0;
};

}  // namespace heim::control
