// Follows what is committed in one database, whoever did it: a stream of its commits, and beside it
// a connection that asks how far the server is, and whether definitions have changed.
//
// From the stream's beginning nothing of before counts: see freshness::InStep for how it is known
// that it is in step. Definitions are looked at whenever some transaction has ended since, as often
// as the budget of the monitor allows.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "cluster/budget.hpp"
#include "control/follow_queries.hpp"
#include "control/stream.hpp"
#include "control/watcher.hpp"
#include "freshness/follow.hpp"
#include "freshness/in_step.hpp"
#include "freshness/ledger.hpp"
#include "session/catalogs.hpp"

namespace heim::control {

/// What is told of commits, and how they are asked for. All outlive the followers.
struct FollowWorld {
  freshness::Follow& follow;
  freshness::Ledger& ledger;
  session::Catalogs& catalogs;
  std::string publication;
  Question objects;  // of the publication
};

/// Lives on the loop's thread.
class Follower final : LinkOwner, StreamOwner {
 public:
  Follower(io::Loop& loop, Logger& logger, const FollowWorld& world,
           freshness::Follow::Wanted database);
  ~Follower() override;

  /// Does what is due; the next time something will be. `primary`: who watches it; null: there is
  /// none. Called after each event.
  Instant step(Instant now, const Watcher* primary);

 private:
  void on_link_ready() override;
  void on_link_rows(const Rows& rows) override;
  void on_link_lost(const cluster::Trouble& why) override;
  void on_stream_begins(std::uint64_t lsn) override;
  void on_stream_commit(freshness::Commit commit) override;
  void on_stream_reached(std::uint64_t lsn) override;
  void on_stream_lost(const cluster::Trouble& why) override;

  void begin(const Watcher& primary, Instant now);
  Conninfo login(Conninfo info) const;
  Instant step_idle(Instant now);
  void ask(const Question& question, Instant now);
  void on_step(const Rows& rows);
  void on_objects(const Rows& rows);
  void objects_changed(bool shared, std::uint64_t lsn);
  void settle();
  void tell(const freshness::Commit& commit);
  void look_around(Instant now, const Watcher* primary);
  void look_at_stream(Instant now);
  void lose(std::string why);
  void say(std::string why);

  io::Loop& loop_;
  Logger& logger_;
  const FollowWorld& world_;
  const freshness::DatabaseId database_;
  const std::string name_;

  std::unique_ptr<Link> link_, old_link_;  // old: over, to be destroyed outside their own calls
  std::unique_ptr<Stream> stream_, old_stream_;
  std::uint32_t node_ = 0;
  Conninfo info_;
  std::uint32_t budget_percent_ = 1;
  const Question* asked_ = nullptr;
  Instant asked_at_{}, deadline_ = never;
  Instant next_attempt_{}, next_step_{}, next_objects_{}, next_nudge_{};
  cluster::Budget budget_;
  std::optional<std::string> said_;  // in the log

  // Of this stream.
  freshness::InStep in_step_;
  Instant stream_since_{};
  bool hurries_ = false;               // a commit came since the last question
  bool told_ = false;                  // that nothing of before counts
  std::optional<ObjectSums> objects_;  // as last seen
  std::string snapshot_;               // of the last step
  Instant objects_known_{};
};

}  // namespace heim::control
