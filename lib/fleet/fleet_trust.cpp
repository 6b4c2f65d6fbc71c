// What a member of a fleet may give out, and when all know what it has committed.
#include <algorithm>

#include "fleet/fleet.hpp"

namespace heim::fleet {

// ---- what waits

void Fleet::cover(Instant now) {
  std::uint64_t last = 0;
  while (!uncovered_.empty() && is_covered(uncovered_.front(), now)) {
    last = uncovered_.front().commit;
    uncovered_.pop_front();
  }
  if (last != 0) cover_.advance(last);
}

// All know of it, or trust nothing. Clocks do not go at quite the same pace.
bool Fleet::is_covered(const Uncovered& commit, Instant now) const {
  const auto over = [now](Instant last_word, Duration lease) {
    return now >= last_word + lease + lease / 16;
  };
  if (status_.joins == 0 && !over(born_, options_.lease)) return false;
  return std::ranges::all_of(members_, [&](const auto& each) {
    const Member& member = each.second;
    if (commit.number != 0 && member.knows >= commit.number) return true;
    return over(std::min(commit.since, member.heard_at), member.lease);
  });
}

// ---- trust

void Fleet::forget() {
  trust_.set({});
  horizon_.raise();
  floor_ = number_;
  for (auto& [id, member] : members_) member.in_step = {};
  urgent_ = true;
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.voids;
  }
  owner_.forget();
}

std::uint64_t Fleet::heard_by_all() const {
  std::uint64_t least = ~std::uint64_t{0};
  for (const auto& [id, member] : members_) least = std::min(least, member.knows);
  return least;
}

// Up to when all is known that anybody had to say. `slowest`: null: it is the channel.
Instant Fleet::in_step(const Member** slowest) const {
  Instant step = own_step_;
  *slowest = nullptr;
  for (const auto& [id, member] : members_) {
    if (member.in_step >= step) continue;
    step = member.in_step;
    *slowest = &member;
  }
  return step;
}

void Fleet::renew(Instant now) {
  const Member* slowest = nullptr;
  const bool in = joined_ && !superseded_ && now >= wait_until_;
  const Instant step = in ? in_step(&slowest) : Instant{};
  trust_.set(step == Instant{} ? step : step + options_.lease);
  const std::lock_guard lock(status_mutex_);
  status_.joined = joined_ && own_number_ != 0;
  status_.trusted = step != Instant{};
  status_step_ = step;
  if (superseded_) {
    status_.trouble = "another proxy is called " + options_.name + ", too";
  } else if (!joined_) {
    status_.trouble = absent_;
  } else if (now < wait_until_) {
    status_.trouble = "waits for others who may join again";
  } else {
    status_.trouble = slowest ? "waits for " + slowest->name : "waits for Redis";
  }
  status_.members.clear();
  for (const auto& [id, member] : members_) {
    status_.members.emplace_back(member.name, member.heard_at.time_since_epoch());
  }
}

// Trust first: who joins in between has no trust, and another run.
std::optional<Stamp> Fleet::stamp() const {
  if (!options_.stamps || !trust_.holds()) return std::nullopt;
  return horizon_.stamp();
}

bool Fleet::covers(const Stamp& stamp, std::span<const freshness::TableId> tables) const {
  return options_.stamps && trust_.holds() && horizon_.covers(stamp, tables);
}

Status Fleet::status(Instant now) const {
  const std::lock_guard lock(status_mutex_);
  Status status = status_;
  status.lag = status.trusted ? now - status_step_ : Duration::zero();
  status.trusted = status.trusted && status.lag < options_.lease;
  if (status.trusted) status.trouble.clear();
  for (auto& [name, silent] : status.members) silent = now.time_since_epoch() - silent;
  return status;
}

}  // namespace heim::fleet
