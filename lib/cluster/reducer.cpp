#include "cluster/reducer.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace heim::cluster {
namespace {

constexpr std::size_t most_lines = 200;  // a turn

// Workers read these all the time: no write without a change.
template <class T>
void set(std::atomic<T>& to, T value) {
  if (to.load(std::memory_order_relaxed) != value) to = value;
}

}  // namespace

Reducer::Member& Reducer::member(std::uint32_t index) {
  if (members_.size() <= index) members_.resize(index + 1);
  return members_[index];
}

void Reducer::say(LogLevel level, std::string text) {
  if (actions_.lines.size() < most_lines) actions_.lines.push_back({level, std::move(text)});
}

// ---- who belongs to the cluster ------------------------------------------------------

void Reducer::set_options(const ReducerOptions& options, Instant now) {
  const bool stopped = options_.watching && !options.watching;
  options_ = options;
  if (stopped) {
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      members_[i].blind = true;
      members_[i].health = Health::fine;
      members_[i].answer.reset();
      nodes_.state(i).monitored = false;
    }
    seat_.reset();
  }
  evaluate(now);
}

void Reducer::enlist(std::uint32_t index, Role given, bool discovered, Instant now) {
  Member& it = member(index);
  if (it.listed && it.given == given && it.discovered == discovered) return;
  if (!it.listed) {
    it = Member();
    it.role = nodes_.role(index);
    it.since = now;
    if (discovered) {
      it.rises = now;
      say(LogLevel::info, "node " + name(index) + " was found");
    }
    it.served = nodes_.state(index).served;
    it.failed = nodes_.state(index).failed;
    actions_.probe.push_back(index);
  }
  it.listed = true;
  it.given = given;
  it.discovered = discovered;
  evaluate(now);
}

void Reducer::dismiss(std::uint32_t index, Instant now) {
  Member& it = member(index);
  if (!it.listed && it.role == Role::removed) return;
  it.listed = false;
  evaluate(now);
}

bool Reducer::is_listed(std::uint32_t index) const {
  return index < members_.size() && members_[index].listed;
}

bool Reducer::is_discovered(std::uint32_t index) const {
  return is_listed(index) && members_[index].discovered;
}

// ---- what happens --------------------------------------------------------------------

void Reducer::answered(std::uint32_t index, const Answer& answer, Instant asked, Instant now) {
  Member& it = member(index);
  if (!it.listed) return;
  ++it.probes;
  it.answer = answer;
  it.answered = now;
  it.blind = it.lost = it.lone_error = false;
  it.blind_for.clear();
  it.failures = 0;
  if (it.health == Health::down && ++it.successes >= options_.recoveries) {
    it.health = Health::fine;
    it.trouble.clear();
  }
  nodes_.state(index).monitored = true;
  evaluate(now);
  if (primary_ == index) positions_.add(answer.insert, asked);
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (i == index || primary_ == index) publish_position(i, now);
  }
}

// Whether a failure speaks against the node.
bool Reducer::counts(const Member& member, const Trouble& trouble, Instant now) const {
  if (trouble.kind == Failure::full || trouble.kind == Failure::denied) return false;
  // It may be only the monitor that is kept waiting.
  return trouble.kind != Failure::timed_out || now - member.last_good >= options_.settle;
}

void Reducer::failed(std::uint32_t index, const Trouble& trouble, Instant now) {
  Member& it = member(index);
  if (!it.listed) return;
  ++it.all_failures;
  it.successes = 0;
  it.lost = true;
  it.reached.reset();
  if (trouble.kind == Failure::denied) {
    it.blind = true;
    if (it.blind_for != trouble.text)
      say(LogLevel::error,
          "the monitor is not let in by node " + name(index) + ": " + trouble.text);
    it.blind_for = trouble.text;
  }
  if (counts(it, trouble, now)) {
    it.trouble = trouble.text;
    ++it.failures;
    const std::uint32_t limit = options_.failures;
    if (it.failures + (it.lone_error && limit > 1 ? 1 : 0) >= limit) it.health = Health::down;
    it.lone_error = false;
    if (it.health == Health::fine) actions_.probe.push_back(index);
  }
  evaluate(now);
  publish_position(index, now);
}

void Reducer::replayed(std::uint32_t index, std::uint64_t lsn, Instant now) {
  Member& it = member(index);
  if (!it.answer || it.lost) return;
  it.answer->replayed = std::max(it.answer->replayed, lsn);
  publish_position(index, now);
}

void Reducer::inserted(std::uint32_t index, std::uint64_t lsn, Instant asked) {
  Member& it = member(index);
  if (primary_ != index || !it.answer) return;
  it.answer->insert = std::max(it.answer->insert, lsn);
  positions_.add(lsn, asked);
}

void Reducer::told(std::uint32_t index, Role role, Instant now) {
  Member& it = member(index);
  if (!it.listed) return;
  if (!it.blind) {
    if (it.role != role) actions_.probe.push_back(index);
    return;
  }
  it.vouched = role == Role::primary;
  if (it.given != Role::unknown || it.role == role) return;
  if (it.vouched && has_rival(index)) return;
  it.role = role;
  nodes_.state(index).role = role;
  it.since = now;
  actions_.changed = true;
  say(LogLevel::info, "node " + name(index) + " is the " + to_text(role) + ", Patroni says");
}

void Reducer::unreachable(std::uint32_t index, Instant) {
  Member& it = member(index);
  if (!it.listed) return;
  // One failure less is needed then; the probe that follows at once decides.
  it.lone_error = true;
  if (!it.blind) actions_.probe.push_back(index);
}

void Reducer::seen(std::uint32_t index, Role role) {
  Member& it = member(index);
  if (it.blind) {
    it.role = nodes_.role(index);
  } else if (it.role != role) {
    actions_.probe.push_back(index);
  }
}

void Reducer::order(std::uint32_t index, Order order, Instant now) {
  Member& it = member(index);
  if (it.order == order) return;
  it.order = order;
  if (order == Order::enable) it.breaker.reset();
  evaluate(now);
}

void Reducer::count_traffic(std::uint32_t index, Instant now) {
  Member& it = member(index);
  const std::uint64_t served = nodes_.state(index).served;
  const std::uint64_t bad = nodes_.state(index).failed;
  if (served != it.served) it.last_good = now;
  it.breaker.count(served - it.served, bad - it.failed, options_.breaker, now);
  it.served = served;
  it.failed = bad;
}

void Reducer::tick(Instant now) {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].listed) continue;
    count_traffic(i, now);
  }
  evaluate(now);
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    publish_share(i, now);
    publish_position(i, now);
  }
}

// ---- what comes of it ------------------------------------------------------------------

// The system of the node that is given as the primary; else the one that most nodes belong to, or
// of two that of the node listed first. Once it had a primary it stays.
void Reducer::choose_system() {
  if (settled_) return;
  std::size_t most = 0;
  const std::uint64_t before = std::exchange(system_, 0);
  for (const Member& each : members_) {
    if (!each.listed || !each.answer || each.answer->system == 0) continue;
    const std::uint64_t system = each.answer->system;
    const auto votes =
        static_cast<std::size_t>(std::ranges::count_if(members_, [&](const Member& other) {
          return other.listed && other.answer && other.answer->system == system;
        }));
    const std::size_t weight = each.given == Role::primary ? members_.size() + 1 : votes;
    if (weight <= most) continue;
    most = weight;
    system_ = system;
  }
  if (system_ == before) return;
  // What was believed of another system says nothing of this one.
  timeline_ = led_ = 0;
  primary_.reset();
  seat_.reset();
}

bool Reducer::foreign(std::uint32_t index) const {
  const auto& answer = members_[index].answer;
  return answer && answer->system != 0 && system_ != 0 && answer->system != system_;
}

// Whether it could be the primary.
bool Reducer::writes(std::uint32_t index) const {
  const Member& it = members_[index];
  return it.listed && it.answer && !it.answer->in_recovery && !foreign(index) &&
         it.answer->timeline == timeline_ && it.given != Role::standby;
}

bool Reducer::better_primary(std::uint32_t a, std::uint32_t b) const {
  const auto rank = [&](std::uint32_t i) {
    const Member& it = members_[i];
    return std::tuple(!it.answer->read_only, it.health == Health::fine, primary_ == i,
                      it.given == Role::primary);
  };
  return rank(a) > rank(b);
}

void Reducer::choose_primary() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    const Member& it = members_[i];
    if (it.listed && it.answer && !foreign(i)) timeline_ = std::max(timeline_, it.answer->timeline);
  }
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (writes(i) && (!best || better_primary(i, *best))) best = i;
  }
  if (best == primary_) return;
  if (best) seat_ = best;
  primary_ = best;
  positions_.clear();
  for (Member& each : members_) each.reached.reset();
}

// The switch itself is not told by a probe; it is at or before where the WAL of the new timeline
// was when that was first heard of.
void Reducer::note_switch() {
  if (!primary_) return;
  const Answer& answer = *members_[*primary_].answer;
  if (led_ != 0 && answer.timeline > led_ && answer.insert != 0) actions_.switched = answer.insert;
  led_ = answer.timeline;
}

// Whether another node is the primary by its own word, as far as is known.
bool Reducer::has_rival(std::uint32_t index) const {
  const auto holder = primary_ ? primary_ : seat_;
  if (!options_.watching || !holder || holder == index || !members_[*holder].listed) return false;
  // Patroni knows better than what does not answer any more.
  return !members_[index].vouched || (primary_ && members_[*holder].health == Health::fine);
}

// What a configuration or a login said of a node that never answered may be old: a former primary
// that only the monitor cannot reach would take writes.
void Reducer::depose() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    Member& it = members_[i];
    const bool claims = it.deposed || it.given == Role::primary || nodes_.role(i) == Role::primary;
    it.deposed = it.listed && !it.answer && claims && has_rival(i);
  }
}

// Once all have had their say and one of them is the primary, others are strangers for ever.
void Reducer::settle() {
  settled_ = settled_ || (primary_ && system_ != 0 && std::ranges::all_of(members_, [](auto& each) {
                            return !each.listed || each.answer || each.all_failures > 0;
                          }));
}

Reducer::Verdict Reducer::judge_writable(std::uint32_t index) const {
  const Member& it = members_[index];
  const Answer& answer = *it.answer;
  if (answer.timeline < timeline_) {
    return {Role::standby, Condition::refused,
            "its timeline " + std::to_string(answer.timeline) +
                " is over: the cluster is on timeline " + std::to_string(timeline_) +
                "; it takes writes that would be lost",
            true};
  }
  if (it.given == Role::standby) {
    return {Role::standby, Condition::serving,
            "is given as a standby and takes writes; it gets none (role = \"auto\" would allow it)",
            true};
  }
  if (primary_ != index) {
    return {Role::standby, Condition::refused,
            "it takes writes, and so does " + (primary_ ? name(*primary_) : std::string("another")),
            true};
  }
  if (answer.read_only) return {Role::primary, Condition::serving, "read-only", true};
  return {Role::primary};
}

// What it is by its own words, or by ours where it has not spoken.
Reducer::Verdict Reducer::judge_role(std::uint32_t index) const {
  const Member& it = members_[index];
  if (it.deposed) {
    return {Role::unknown, Condition::refused,
            "it has not answered, and another node is the primary"};
  }
  if (!it.answer) {
    if (it.given != Role::unknown) return {it.given};
    const Role learnt = nodes_.role(index);  // from logins, or from Patroni
    return {learnt == Role::removed ? Role::unknown : learnt};
  }
  if (foreign(index)) {
    return {Role::standby, Condition::refused,
            "it is another system: " + std::to_string(it.answer->system) +
                ", and the cluster's is " + std::to_string(system_),
            true};
  }
  if (!it.answer->in_recovery) return judge_writable(index);
  if (it.given == Role::primary)
    return {Role::standby, Condition::serving, "is given as the primary and is in recovery", true};
  if (it.answer->timeline < timeline_) {
    return {Role::standby, Condition::serving,
            "follows timeline " + std::to_string(it.answer->timeline) + ", not " +
                std::to_string(timeline_)};
  }
  return {Role::standby};
}

// Whoever asks for the primary while there is none waits at the node that was it, or is given as
// it: elsewhere the question would find a place where it may be answered wrongly.
bool Reducer::keeps_seat(std::uint32_t index) const {
  if (primary_) return false;
  if (seat_ && members_[*seat_].listed) return seat_ == index;
  return members_[index].given == Role::primary;
}

Reducer::Verdict Reducer::judge(std::uint32_t index) const {
  const Member& it = members_[index];
  if (!it.listed) return {Role::removed, Condition::serving, "left the cluster"};
  Verdict verdict = judge_role(index);
  if (it.answer && keeps_seat(index)) {
    verdict = {Role::primary, Condition::refused,
               "the cluster has no primary; this one " +
                   (verdict.reason.empty() ? std::string("is in recovery") : verdict.reason),
               true};
  }
  if (it.order == Order::maintain) return {verdict.role, Condition::maintenance, "by an operator"};
  if (verdict.condition == Condition::refused) return verdict;
  if (it.order == Order::drain) return {verdict.role, Condition::draining, "by an operator"};
  if (it.health == Health::down) return {verdict.role, Condition::down, it.trouble};
  if (it.breaker.state() == Breaker::State::open)
    return {verdict.role, Condition::down, "too much of its traffic fails"};
  return verdict;
}

void Reducer::evaluate(Instant now) {
  choose_system();
  choose_primary();
  note_switch();
  depose();
  settle();
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    if (members_[i].listed || members_[i].role != Role::removed) publish(i, judge(i), now);
  }
}

void Reducer::publish(std::uint32_t index, Verdict verdict, Instant now) {
  Member& it = members_[index];
  const bool moved = it.role != verdict.role || it.condition != verdict.condition;
  if (moved || (verdict.alarm && it.reason != verdict.reason)) say(index, verdict);
  const bool returns = it.condition != Condition::serving && it.condition != Condition::draining &&
                       verdict.condition == Condition::serving;
  it.role = verdict.role;
  it.condition = verdict.condition;
  it.reason = std::move(verdict.reason);
  if (returns) {
    it.rises = now;
    nodes_.state(index).down_until_ns = 0;  // whoever was refused there meanwhile
  }
  if (moved) {
    actions_.changed = true;
    it.since = now;
    publish_share(index, now);
    publish_position(index, now);
  }
  // The order matters to who reads in between: nothing is given to a node by its old role.
  NodeState& state = nodes_.state(index);
  if (it.condition != Condition::serving) set(state.condition, it.condition);
  const bool learnt = it.listed && !it.answer && !it.deposed && it.given == Role::unknown;
  if (!learnt || state.role == Role::removed) set(state.role, it.role);
  set(state.condition, it.condition);
}

void Reducer::publish_position(std::uint32_t index, Instant now) {
  Member& it = members_[index];
  NodeState& state = nodes_.state(index);
  const bool follows = it.listed && it.answer && it.answer->in_recovery && !it.lost &&
                       it.health == Health::fine && !foreign(index) &&
                       it.answer->timeline == timeline_;
  set(state.replayed, follows ? it.answer->replayed : std::uint64_t{0});
  if (!follows) {
    set(state.lag_ns, std::int64_t{-1});
    return;
  }
  if (const auto reached = positions_.reached(it.answer->replayed)) {
    it.reached = std::max(it.reached.value_or(*reached), *reached);
  } else if (!it.reached && it.answer->behind) {
    it.reached = it.answered - *it.answer->behind;
  }
  state.lag_ns = it.reached ? std::max<std::int64_t>(0, (now - *it.reached).count()) : -1;
}

void Reducer::publish_share(std::uint32_t index, Instant now) {
  Member& it = members_[index];
  std::uint32_t share = 1000;
  if (it.breaker.state() == Breaker::State::half_open) {
    share = 50;
    it.rises = now;
  } else if (it.rises) {
    const Duration risen = now - *it.rises;
    if (risen >= options_.slow_start) {
      it.rises.reset();
    } else {
      share = 50 + static_cast<std::uint32_t>(950 * risen.count() / options_.slow_start.count());
    }
  }
  set(nodes_.state(index).share, share);
}

std::optional<std::uint32_t> Reducer::primary() const {
  if (!primary_ || members_[*primary_].lost) return std::nullopt;
  return primary_;
}

std::vector<Standing> Reducer::standings() const {
  std::vector<Standing> rows;
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    const Member& it = members_[i];
    if (!it.listed) continue;
    Standing row;
    row.index = i;
    row.given = it.discovered               ? "discovered"
                : it.given == Role::unknown ? "auto"
                                            : to_text(it.given);
    row.reason = it.reason.empty() ? it.blind_for : it.reason;
    row.since = it.since;
    row.breaker = to_text(it.breaker.state());
    row.failure_rate = it.breaker.rate();
    row.answer = it.answer;
    row.answered = it.answered;
    row.probes = it.probes;
    row.failures = it.all_failures;
    const std::uint64_t newest = positions_.newest();
    if (it.answer && it.answer->in_recovery && newest > 0)
      row.lag_bytes = newest - std::min(newest, it.answer->replayed);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace heim::cluster
