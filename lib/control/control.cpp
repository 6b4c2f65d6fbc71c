#include "control/control.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

#include "base/hash.hpp"

namespace heim::control {
namespace {

constexpr Duration tick_period = std::chrono::milliseconds(100);

// See Topology::identity.
std::uint64_t identity_of(const cluster::Reducer& reducer) {
  if (!reducer.primary() || reducer.system() == 0 || reducer.timeline() == 0) return 0;
  const std::uint64_t names[] = {reducer.system(), reducer.timeline()};
  return hash128({reinterpret_cast<const char*>(names), sizeof names}, 0).low | 1;
}

Duration thread_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

}  // namespace

Control::Control(cluster::Topology& nodes, Logger& logger, Changed changed)
    : nodes_(nodes),
      logger_(logger),
      changed_(std::move(changed)),
      reducer_(nodes),
      wakeup_(loop_, [] {}),
      timer_(loop_, [] {}),
      plan_(std::make_shared<Plan>()) {
  loop_.set_end_of_turn([this] { turn(); });
}

Control::~Control() { stop(); }

void Control::start() {
  running_ = true;
  start_patroni(cluster_);
  thread_ = std::thread([this] {
    timer_.start_in(Duration::zero());
    loop_.run();
  });
}

void Control::stop() {
  patroni_.reset();
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  running_ = false;
  followers_.clear();
  watchers_.clear();
}

void Control::follow(const FollowWorld& world) {
  follow_.emplace(world);
  follow_->follow.connect([this] { wakeup_.send(); });
}

// ---- from other threads ------------------------------------------------------------------

void Control::edit(const std::function<void(cluster::Reducer&, Instant)>& change) {
  {
    const Lock lock(mutex_);
    change(reducer_, clock_now());
  }
  wakeup_.send();
}

void Control::apply(std::shared_ptr<const Plan> plan) {
  // Connections made with the old login go.
  watchers_.clear();
  plan_ = std::move(plan);
  wish_.allow(plan_->watching && sink_ != nullptr);
  next_tick_ = {};
}

void Control::want_sample() {
  if (wish_.make()) wakeup_.send();
}

void Control::unreachable(std::uint32_t node) {
  edit([node](cluster::Reducer& reducer, Instant now) { reducer.unreachable(node, now); });
}

void Control::seen(std::uint32_t node, cluster::Role role) {
  edit([node, role](cluster::Reducer& reducer, Instant) { reducer.seen(node, role); });
}

bool Control::knows(const std::string& name) {
  const Lock lock(mutex_);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_.node(i).name == name && reducer_.is_listed(i)) return true;
  }
  return false;
}

Result<void> Control::order(const std::string& name, cluster::Order order) {
  bool known = false;
  edit([&](cluster::Reducer& reducer, Instant now) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_.node(i).name != name || !reducer.is_listed(i)) continue;
      reducer.order(i, order, now);
      known = true;
    }
  });
  if (known) return {};
  return Error{"42704", "no such node: " + name, {}, "SHOW NODES lists them."};
}

std::vector<cluster::Standing> Control::standings() {
  const Lock lock(mutex_);
  return reducer_.standings();
}

std::vector<Sender> Control::senders() {
  const Lock lock(mutex_);
  return senders_;
}

// ---- the loop ----------------------------------------------------------------------------

// At the end of each turn: whatever happened in it is acted upon.
void Control::turn() {
  const Instant now = loop_.now();
  if (now >= next_tick_) tick();
  act();
  const Instant due = step_watchers(now);
  act();  // of what timed out
  timer_.start_at(std::min({due, step_followers(now), next_tick_}));
}

void Control::tick() {
  const Instant now = loop_.now();
  next_tick_ = now + tick_period;
  {
    const Lock lock(mutex_);
    reducer_.tick(now);
    keep_watchers();
  }
  if (sink_ != nullptr) sink_->tick(now);
  if (now - measured_ >= std::chrono::seconds(1)) measure_cost(now);
}

void Control::act() {
  cluster::Actions actions;
  std::uint64_t identity = 0;
  {
    const Lock lock(mutex_);
    actions = reducer_.take_actions();
    identity = identity_of(reducer_);
  }
  for (const auto& line : actions.lines) logger_.log(line.level, line.text);
  for (const std::uint32_t node : actions.probe) {
    if (node < watchers_.size() && watchers_[node]) watchers_[node]->hurry(loop_.now());
  }
  // Before a question for a position goes to the new primary, or that one's answer is told.
  if (actions.switched && sink_ != nullptr) sink_->timeline_switched(*actions.switched);
  // Between the two it has no name: what is kept is made void by changed_().
  if (nodes_.identity.load() != identity) nodes_.identity = 0;
  if (actions.changed) changed_();
  nodes_.identity = identity;
}

void Control::keep_watchers() {
  watchers_.resize(nodes_.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const bool wanted = plan_->watching && reducer_.is_listed(i);
    if (!wanted) watchers_[i].reset();
    if (!wanted || watchers_[i]) continue;
    watchers_[i] = std::make_unique<Watcher>(loop_, i, nodes_.node(i), plan_->options,
                                             static_cast<WatcherOwner&>(*this));
  }
}

Instant Control::step_watchers(Instant now) {
  if (watchers_.empty()) return never;
  std::optional<std::uint32_t> primary;
  {
    const Lock lock(mutex_);
    primary = reducer_.primary();
  }
  Instant due = never;
  // Each time another one is first: what our own time does not suffice for is shared evenly.
  const std::size_t first = turns_++ % watchers_.size();
  for (std::size_t k = 0; k < watchers_.size(); ++k) {
    const auto i = static_cast<std::uint32_t>((first + k) % watchers_.size());
    if (!watchers_[i]) continue;
    Wants wants;
    wants.sample = primary == i && wish_.is_due();
    wants.senders = primary == i;
    if (nodes_.state(i).replayed != 0) wants.goal = goal_;
    due = std::min(due, watchers_[i]->step(now, wants));
  }
  return due;
}

void Control::add_followers() {
  for (freshness::Follow::Wanted& wanted : follow_->follow.take_wanted()) {
    // Where the ledger has no place for it, it is one with others.
    const std::string entry = follow_->ledger.name(follow_->ledger.everything(wanted.database));
    if (entry != wanted.name + ".*") {
      follow_->follow.lose(wanted.database, "there are too many databases");
      continue;
    }
    followers_.push_back(std::make_unique<Follower>(loop_, logger_, *follow_, std::move(wanted)));
  }
}

Instant Control::step_followers(Instant now) {
  if (!follow_) return never;
  add_followers();
  if (followers_.empty()) return never;
  std::optional<std::uint32_t> primary;
  {
    const Lock lock(mutex_);
    primary = reducer_.primary();
  }
  const bool watched = primary && *primary < watchers_.size();
  const Watcher* const watcher = watched ? watchers_[*primary].get() : nullptr;
  Instant due = never;
  for (const auto& follower : followers_) due = std::min(due, follower->step(now, watcher));
  return due;
}

// What a question costs our thread, from the processor time of the past second.
void Control::measure_cost(Instant now) {
  measured_ = now;
  const Duration spent = thread_time();
  std::uint64_t asked = 0;
  for (const auto& watcher : watchers_) asked += watcher ? watcher->take_questions() : 0;
  if (asked >= 20 && cpu_ > Duration::zero()) {
    const Duration each = (spent - cpu_) / static_cast<std::int64_t>(asked);
    own_cost_ += (each - own_cost_) / 4;
  }
  cpu_ = spent;
}

Instant Control::admit() {
  const Instant now = loop_.now();
  if (now < own_.free_at()) return own_.free_at();
  own_.spend(own_cost_ * 5 / 4, now, plan_->options.budget);  // with room for what is between
  return now;
}

// ---- what watchers hear --------------------------------------------------------------------

void Control::on_answer(std::uint32_t node, const cluster::Answer& answer, Instant asked) {
  own_.spend(own_cost_, asked, plan_->options.budget);  // it had not to ask, but it counts
  const Lock lock(mutex_);
  reducer_.answered(node, answer, asked, loop_.now());
}

void Control::on_position(std::uint32_t node, std::uint64_t replayed) {
  const Lock lock(mutex_);
  reducer_.replayed(node, replayed, loop_.now());
}

void Control::on_trouble(std::uint32_t node, const cluster::Trouble& why) {
  const Lock lock(mutex_);
  reducer_.failed(node, why, loop_.now());
}

void Control::on_sample_begins(std::uint32_t) {
  wish_.fulfil();
  token_ = sink_->sample_begins();
}

void Control::on_sample(std::uint32_t node, std::optional<std::uint64_t> lsn, Instant asked) {
  if (lsn) {
    const Lock lock(mutex_);
    reducer_.inserted(node, *lsn, asked);
    // Who was the primary when it was asked may be on a timeline that is over.
    if (reducer_.primary() != node) lsn.reset();
  }
  if (!lsn) {
    wish_.make();
    return sink_->sample_failed(token_);
  }
  goal_ = *lsn;
  sink_->sample_done(token_, *lsn);
}

void Control::on_senders(std::uint32_t node, std::vector<Sender> senders) {
  const std::string& name = nodes_.node(node).name;
  std::vector<Found> nodes;
  bool discover;
  {
    const Lock lock(mutex_);
    discover = cluster_.discovery == config::Discovery::replication;
    for (Sender& sender : senders) {
      sender.node = name;
      if (!discover || sender.state != "streaming") continue;
      if (auto one = found_by_sender(sender, cluster_.standby_address))
        nodes.push_back(*std::move(one));
    }
    senders_ = std::move(senders);
  }
  if (discover) found(nodes);
}

}  // namespace heim::control
