#include "control/watcher.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

namespace heim::control {
namespace {

constexpr Duration soon = std::chrono::milliseconds(50);  // between attempts that are hurried
constexpr Duration longest_pause = std::chrono::seconds(1);
constexpr Duration poll_gap = std::chrono::milliseconds(2);

bool is_numeric(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool says_no(std::string_view text) {
  return text == "f" || text == "false" || text == "off" || text == "no" || text == "0";
}

std::string ms_text(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

Watcher::Watcher(io::Loop& loop, std::uint32_t index, const cluster::Node& node,
                 const WatchOptions& options, WatcherOwner& owner)
    : loop_(loop), index_(index), node_(node), options_(options), owner_(owner) {}

Watcher::~Watcher() { end_sample(std::nullopt); }

void Watcher::hurry(Instant now) {
  next_probe_ = std::min(next_probe_, now);
  next_attempt_ = std::min(next_attempt_, std::max(now, last_attempt_ + soon));
}

Instant Watcher::step(Instant now, const Wants& wants) {
  old_link_.reset();
  if (job_ != Job::none && now >= deadline_) {
    fail({cluster::Failure::timed_out, "no answer within " + ms_text(patience_)});
    old_link_.reset();
  }
  if (job_ != Job::none) return deadline_;
  if (link_) return step_idle(now, wants);
  if (now < next_attempt_) return next_attempt_;
  begin(now);
  return deadline_;
}

// ---- the connection ----------------------------------------------------------------------

void Watcher::begin(Instant now) {
  asked_ = last_attempt_ = now;
  // A login costs a busy server more than a probe: each attempt gets more time than the last.
  patience_ = options_.timeout * (1u << std::min(attempts_, 3u));
  deadline_ = now + patience_;
  const bool named = !node_.host.starts_with('/') && !is_numeric(node_.host);
  if (!named) addresses_ = {node_.host};
  // One that a name server keeps waiting for is not asked for twice.
  if (named && (addresses_.empty() || attempts_ > 0)) return look_up();
  connect();
}

void Watcher::look_up() {
  job_ = Job::look_up;
  if (look_up_) return;
  look_up_ = std::make_unique<io::LookUp>(
      loop_, node_.host, [this](std::vector<std::string> found, const std::string& error) {
        look_up_.reset();
        if (!found.empty()) addresses_ = std::move(found);
        if (job_ != Job::look_up) return;
        addresses_.empty() ? fail({cluster::Failure::refused, error}) : connect();
      });
}

Conninfo Watcher::conninfo() const {
  Conninfo info = options_.login;
  info.emplace_back("host", node_.host);
  if (!node_.host.starts_with('/'))
    info.emplace_back("hostaddr", addresses_[address_ % addresses_.size()]);
  info.emplace_back("port", std::to_string(node_.port));
  return info;
}

std::optional<Conninfo> Watcher::login() const {
  return addresses_.empty() ? std::nullopt : std::optional(conninfo());
}

void Watcher::connect() {
  job_ = Job::connect;
  link_.reset(new Link(loop_, *this));
  link_->connect(conninfo());
}

void Watcher::on_link_ready() {
  job_ = Job::none;
  deadline_ = never;
  attempts_ = 0;
  next_probe_ = loop_.now();
}

void Watcher::on_link_lost(const cluster::Trouble& why) { fail(why); }

void Watcher::fail(cluster::Trouble why) {
  const Job job = std::exchange(job_, Job::none);
  const Instant now = loop_.now();
  deadline_ = never;
  old_link_ = std::move(link_);
  answer_.reset();
  replayed_ = goal_ = 0;
  probed_ = false;
  const bool was_connected = job != Job::look_up && job != Job::connect;
  if (!was_connected) {
    ++address_;
    ++attempts_;
  }
  // A connection that ended says little: the next attempt follows at once. After that, pauses grow.
  const std::uint32_t doublings = std::min(attempts_ > 1 ? attempts_ - 2 : 0, 10u);
  const Duration pause =
      std::min(options_.interval * (1u << doublings), std::max(longest_pause, options_.interval));
  next_attempt_ = attempts_ == 0 ? now : now + pause;
  end_sample(std::nullopt);
  owner_.on_trouble(index_, why);
}

// ---- questions ---------------------------------------------------------------------------

void Watcher::ask(Job job, const Question& question, Instant now) {
  job_ = job;
  asked_ = now;
  patience_ = options_.timeout;
  deadline_ = now + patience_;
  ++questions_;
  link_->ask(question);
}

void Watcher::begin_sample() {
  samples_ = true;
  owner_.on_sample_begins(index_);
}

void Watcher::end_sample(std::optional<std::uint64_t> lsn) {
  if (std::exchange(samples_, false)) owner_.on_sample(index_, lsn, asked_);
}

// When the standby is asked again how far it has come: at first often, ever slower for one that
// does not get there.
Instant Watcher::position_due(Instant now, const Wants& wants) {
  if (replayed_ >= goal_ && wants.goal > replayed_) {
    goal_ = wants.goal;
    goal_since_ = now;
  }
  if (replayed_ >= goal_) return never;
  const Duration gap = std::clamp<Duration>((now - goal_since_) / 4, poll_gap, options_.interval);
  return std::max({asked_ + gap, budget_.free_at()});
}

Instant Watcher::step_idle(Instant now, const Wants& wants) {
  if (now >= next_probe_) {
    next_probe_ = now + options_.interval;
    // It says where the WAL is as well: a server that is so busy that probes alone use up the
    // budget is sampled this often. The first on a connection may find another timeline.
    if (wants.sample && probed_) begin_sample();
    ask(Job::probe, probe_question, now);
    return deadline_;
  }
  Instant sample = wants.sample && probed_ ? std::max(next_sample_, budget_.free_at()) : never;
  if (now >= sample) sample = owner_.admit();
  if (now >= sample) {
    next_sample_ = now + options_.sample_gap;
    begin_sample();
    ask(Job::sample, insert_question, now);
    return deadline_;
  }
  Instant position = position_due(now, wants);
  if (now >= position) position = owner_.admit();
  if (now >= position) {
    ask(Job::position, position_question, now);
    return deadline_;
  }
  if (wants.senders && now >= next_senders_) {
    next_senders_ = now + options_.senders_interval;
    ask(Job::senders, senders_question, now);
    return deadline_;
  }
  const Instant senders = wants.senders ? next_senders_ : never;
  return std::min({next_probe_, sample, position, senders});
}

void Watcher::on_link_rows(const Rows& rows) {
  const Job job = std::exchange(job_, Job::none);
  deadline_ = never;
  switch (job) {
    case Job::probe:
      return on_probe(rows);
    case Job::health:
      return on_health(rows);
    case Job::position:
    case Job::sample: {
      const auto position = read_position(rows);
      if (position) budget_.spend(position->work, asked_, options_.budget);
      if (job == Job::sample)
        return end_sample(position ? std::optional(position->lsn) : std::nullopt);
      if (!position) return;
      replayed_ = std::max(replayed_, position->lsn);
      return owner_.on_position(index_, position->lsn);
    }
    case Job::senders:
      return owner_.on_senders(index_, read_senders(rows));
    default:
      return;
  }
}

void Watcher::on_probe(const Rows& rows) {
  auto probed = read_probe(rows);
  if (!probed) return fail({cluster::Failure::unhealthy, "the probe's answer is not understood"});
  budget_.spend(probed->work, asked_, options_.budget);
  probed->answer.latency = loop_.now() - asked_;
  replayed_ = probed->answer.replayed;
  end_sample(probed->answer.in_recovery ? std::nullopt : std::optional(probed->answer.insert));
  if (options_.health.sql.empty()) return tell(probed->answer, asked_);
  answer_ = probed->answer;
  probe_asked_ = asked_;
  ask(Job::health, options_.health, loop_.now());
}

// One row that does not say no, or no result set at all.
void Watcher::on_health(const Rows& rows) {
  const bool silent = rows.count() == 0 && rows.columns() > 0;
  const std::string_view said = rows.count() > 0 ? rows.text(0, 0) : std::string_view();
  if (silent || says_no(said)) {
    owner_.on_trouble(index_, {cluster::Failure::unhealthy, "the health query says no"});
    return;
  }
  tell(*answer_, probe_asked_);
}

void Watcher::tell(const cluster::Answer& answer, Instant asked) {
  probed_ = true;
  owner_.on_answer(index_, answer, asked);
}

}  // namespace heim::control
