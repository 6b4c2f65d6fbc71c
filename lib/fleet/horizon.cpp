#include "fleet/horizon.hpp"

#include <algorithm>

namespace heim::fleet {
namespace {

// 0: nothing of it.
std::uint64_t number_of(const Stamp& stamp, MemberId member, std::uint64_t run) {
  const auto at = std::ranges::find_if(stamp, [&](const Message::Heard& heard) {
    return heard.member == member && heard.run == run;
  });
  return at == stamp.end() ? 0 : at->number;
}

}  // namespace

void Horizon::join(MemberId self, std::uint64_t run) {
  const std::lock_guard lock(mutex_);
  self_ = self;
  run_ = run;
  next_ = 1;
  known_.clear();
  void_all();
}

void Horizon::heard(MemberId member, std::uint64_t run, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  known_[member] = {run, number};
}

void Horizon::gone(MemberId member) {
  const std::lock_guard lock(mutex_);
  known_.erase(member);
  void_all();
}

void Horizon::raise() {
  const std::lock_guard lock(mutex_);
  void_all();
}

// Whoever has heard what we say next has heard of all that is forgotten here.
void Horizon::void_all() {
  floor_ = next_;
  writes_.clear();
}

void Horizon::wrote(MemberId member, std::uint64_t number, const freshness::WriteSet& tables) {
  const std::lock_guard lock(mutex_);
  if (tables.full()) return void_all();
  for (const freshness::TableId table : tables.ids()) note(table, {member, number});
}

void Horizon::wrote_here(std::span<const freshness::TableId> tables) {
  const std::lock_guard lock(mutex_);
  for (const freshness::TableId table : tables) note(table, {self_, next_});
}

void Horizon::made(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  next_ = number + 1;
}

void Horizon::note(freshness::TableId table, Write write) {
  std::vector<Write>& writes = writes_[table];
  const auto at = std::ranges::find(writes, write.member, &Write::member);
  if (at == writes.end()) {
    writes.push_back(write);
  } else {
    at->number = write.number;
  }
}

Stamp Horizon::stamp() const {
  const std::lock_guard lock(mutex_);
  Stamp stamp = {{self_, run_, next_ - 1}};
  for (const auto& [member, place] : known_) stamp.push_back({member, place.run, place.number});
  return stamp;
}

std::uint64_t Horizon::run_of(MemberId member) const {
  if (member == self_) return run_;
  const auto at = known_.find(member);
  return at == known_.end() ? 0 : at->second.run;
}

bool Horizon::covers(const Stamp& stamp, std::span<const freshness::TableId> tables) const {
  const std::lock_guard lock(mutex_);
  const auto has_heard = [&](MemberId member, std::uint64_t number) {
    return number_of(stamp, member, run_of(member)) >= number;
  };
  const auto has_all = [&](freshness::TableId table) {
    const auto at = writes_.find(table);
    return at == writes_.end() || std::ranges::all_of(at->second, [&](const Write& write) {
             return has_heard(write.member, write.number);
           });
  };
  return has_heard(self_, floor_) && std::ranges::all_of(tables, has_all) &&
         std::ranges::all_of(known_, [&](const auto& each) { return has_heard(each.first, 1); });
}

}  // namespace heim::fleet
