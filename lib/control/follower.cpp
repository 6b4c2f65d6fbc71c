#include "control/follower.hpp"

#include <algorithm>
#include <utility>

namespace heim::control {
namespace {

constexpr Duration step_gap = std::chrono::milliseconds(8);
constexpr Duration hurried_gap = std::chrono::milliseconds(1);  // while a commit is waited for
constexpr Duration objects_gap = std::chrono::milliseconds(20);
constexpr Duration retry_pause = std::chrono::seconds(1);
constexpr Duration patience = std::chrono::seconds(10);
constexpr Duration silence = std::chrono::seconds(60);  // of a stream that has much to decode
// What nobody has written out yet, the stream cannot have: a transaction that is open, alone.
constexpr Duration stuck = std::chrono::milliseconds(50);
constexpr Duration nudge_gap = std::chrono::milliseconds(200);

}  // namespace

Follower::Follower(io::Loop& loop, Logger& logger, const FollowWorld& world,
                   freshness::Follow::Wanted database)
    : loop_(loop),
      logger_(logger),
      world_(world),
      database_(database.database),
      name_(std::move(database.name)) {}

Follower::~Follower() { world_.follow.lose(database_, "the proxy ends"); }

// ---- the connections -----------------------------------------------------------------------

void Follower::look_around(Instant now, const Watcher* primary) {
  if (primary == nullptr) return lose("there is no primary");
  if (link_ && primary->index() != node_) lose("the primary is another one");
  if (link_ && now >= deadline_) lose("no answer in time");
  const bool silent = stream_ && in_step_.waits_for_stream() && now >= stream_->heard() + silence;
  if (silent) lose("the stream is silent");
  if (stream_) look_at_stream(now);
}

Instant Follower::step(Instant now, const Watcher* primary) {
  old_link_.reset();
  old_stream_.reset();
  look_around(now, primary);
  if (primary == nullptr) return never;
  if (!link_ && now < next_attempt_) return next_attempt_;
  if (!link_) begin(*primary, now);
  return asked_ || !link_ || !link_->ready() ? deadline_ : step_idle(now);
}

Conninfo Follower::login(Conninfo info) const {
  info.emplace_back("dbname", name_);
  info.emplace_back("application_name", "heimproxy follower");
  // Its own commits, which are nobody's, wait for no standby.
  info.emplace_back("options",
                    "-c statement_timeout=10s -c synchronous_commit=local"
                    " -c search_path=pg_catalog -c jit=off");
  info.emplace_back("tcp_user_timeout", "10000");
  return info;
}

void Follower::begin(const Watcher& primary, Instant now) {
  auto found = primary.login();
  if (!found) return;  // it is looked up yet
  node_ = primary.index();
  info_ = login(*std::move(found));
  budget_percent_ = primary.budget();
  in_step_ = {};
  told_ = hurries_ = false;
  objects_.reset();
  snapshot_.clear();
  deadline_ = now + patience;
  link_ = std::make_unique<Link>(loop_, static_cast<LinkOwner&>(*this));
  link_->connect(info_);
}

void Follower::lose(std::string why) {
  asked_ = nullptr;
  deadline_ = never;
  if (link_) next_attempt_ = loop_.now() + retry_pause;
  if (link_) old_link_ = std::move(link_);
  if (stream_) old_stream_ = std::move(stream_);
  world_.follow.lose(database_, why);
  say(std::move(why));
}

// A line for each change. Nothing: all is well.
void Follower::say(std::string why) {
  if (said_ == why) return;
  said_ = std::move(why);
  const std::string line = "database " + name_ + ": writes past this proxy are ";
  if (said_->empty()) return logger_.log(LogLevel::info, line + "heard of");
  logger_.log(LogLevel::warning, line + "not heard of: " + *said_);
}

void Follower::look_at_stream(Instant now) {
  if (in_step_.known() != Instant{}) {
    const Instant known = std::min(in_step_.known(), objects_known_);
    return say(now < known + world_.follow.options().lag ? "" : "more than follow_lag behind");
  }
  if (now < stream_since_ + retry_pause) return;
  world_.follow.lose(database_, "waits for transactions to end that ran before it");
}

// What is over may still have something to say.
void Follower::on_link_ready() {
  if (link_) ask(world_.objects, loop_.now());
}
void Follower::on_link_lost(const cluster::Trouble& why) {
  if (link_) lose(why.text);
}
void Follower::on_stream_lost(const cluster::Trouble& why) {
  if (stream_) lose(why.text);
}

// ---- questions -----------------------------------------------------------------------------

void Follower::ask(const Question& question, Instant now) {
  asked_ = &question;
  asked_at_ = now;
  deadline_ = now + patience;
  link_->ask(question);
}

Instant Follower::step_idle(Instant now) {
  deadline_ = never;
  if (!stream_ || !stream_->streams()) return now + patience;
  const Instant gap = hurries_ ? std::min(asked_at_ + hurried_gap, next_step_) : next_step_;
  if (now >= gap) {
    next_step_ = now + step_gap;
    hurries_ = false;
    ask(step_question, now);
    return deadline_;
  }
  const bool ended = !objects_ || objects_->snapshot != snapshot_;
  const Instant objects = ended ? std::max(budget_.free_at(), next_objects_) : never;
  if (now >= objects) {
    next_objects_ = now + objects_gap;
    ask(world_.objects, now);
    return deadline_;
  }
  const auto waits = in_step_.waits_for_stream();
  const Instant nudge = waits ? std::max(*waits + stuck, next_nudge_) : never;
  if (now >= nudge) {
    next_nudge_ = now + nudge_gap;
    ask(nudge_question, now);
    return deadline_;
  }
  return std::min({gap, objects, nudge});
}

void Follower::on_link_rows(const Rows& rows) {
  const Question* asked = std::exchange(asked_, nullptr);
  deadline_ = never;
  if (asked == &step_question) on_step(rows);
  if (asked == &world_.objects) on_objects(rows);
}

void Follower::on_step(const Rows& rows) {
  auto step = read_step(rows);
  if (!step) return lose("the server's position is not understood");
  snapshot_ = std::move(step->snapshot);
  in_step_.answered(asked_at_, step->wal_end, std::move(step->running));
  // As long as no transaction has ended, what was seen is what there is.
  if (objects_ && objects_->snapshot == snapshot_) objects_known_ = asked_at_;
  if (in_step_.waits_for_stream()) stream_->ask_position();
  settle();
}

void Follower::on_objects(const Rows& rows) {
  auto sums = read_objects(rows);
  if (!sums) return lose("the definitions' sums are not understood");
  if (!sums->refused.empty()) return lose(sums->refused);
  budget_.spend(sums->work, asked_at_, budget_percent_);
  const bool own = objects_ && objects_->own != sums->own;
  const bool shared = objects_ && objects_->shared != sums->shared;
  objects_ = std::move(sums);
  objects_known_ = asked_at_;
  if (own || shared) objects_changed(shared, objects_->wal_end);
  if (stream_) return settle();
  stream_ = std::make_unique<Stream>(loop_, static_cast<StreamOwner&>(*this), world_.publication);
  stream_since_ = asked_at_;
  stream_->connect(info_);
}

// ---- what is heard ---------------------------------------------------------------------------

void Follower::on_stream_begins(std::uint64_t lsn) {
  in_step_.reached(lsn);
  next_step_ = {};
}

void Follower::on_stream_commit(freshness::Commit commit) {
  if (!stream_) return;
  in_step_.committed(std::move(commit));
  settle();
  hurries_ = in_step_.waits_for_snapshot();
}

void Follower::on_stream_reached(std::uint64_t lsn) {
  if (!stream_) return;
  in_step_.reached(lsn);
  settle();
}

void Follower::objects_changed(bool shared, std::uint64_t lsn) {
  world_.catalogs.changed(name_);
  const freshness::TableId all[] = {world_.ledger.everything(database_),
                                    freshness::Ledger::server_wide};
  world_.ledger.heard({all, shared ? 2U : 1U}, lsn, loop_.now());
  world_.follow.count(database_, 0, 1);
}

// Without the catalog it is not known what else a table is read as.
void Follower::tell(const freshness::Commit& commit) {
  if (commit.objects) objects_changed(false, commit.end);
  if (commit.tables.empty()) return;
  const sql::CatalogRef catalog = world_.catalogs.find(name_);
  std::vector<std::string> names;
  const bool known = catalog && std::ranges::all_of(commit.tables, [&](const std::string& table) {
                       return catalog->objects().changed(table, names);
                     });
  std::vector<freshness::TableId> ids;
  if (!known) ids.push_back(world_.ledger.everything(database_));
  if (known) {
    for (const std::string& name : names) ids.push_back(world_.ledger.intern(database_, name));
  }
  world_.ledger.heard(ids, commit.end, loop_.now());
  world_.follow.count(database_, 1, 0);
}

void Follower::settle() {
  for (const freshness::Commit& commit : in_step_.take_visible()) tell(commit);
  if (!in_step_.begun()) return;
  if (!std::exchange(told_, true)) objects_changed(true, in_step_.wal_end());
  if (in_step_.known() == Instant{}) return;
  world_.follow.in_step(database_, in_step_.known(), objects_known_);
}

}  // namespace heim::control
