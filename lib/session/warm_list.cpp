#include "session/warm_list.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace heim::session {

WarmList::WarmList(std::vector<Question> questions) {
  counts_.left = questions.size();
  std::unordered_map<std::string, std::size_t> places;
  for (Question& each : questions) {
    const std::size_t place = places.try_emplace(text_of(each.asker), places.size()).first->second;
    if (place == groups_.size()) {
      groups_.push_back({.asker = std::move(each.asker), .batches = {}});
    }
    groups_[place].batches.push_back(std::move(each.batch));
  }
}

std::optional<Asker> WarmList::next_asker(Instant now) {
  const std::lock_guard lock(mutex_);
  const auto due = [&](const Group& group) { return group.not_before <= now; };
  const auto found = std::ranges::find_if(groups_, due);
  if (found == groups_.end()) return std::nullopt;
  std::rotate(groups_.begin(), found, std::next(found));
  Group& group = groups_.front();
  if (group.since == never) group.since = now;
  return group.asker;
}

std::optional<std::string> WarmList::next(Instant now) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_.front();
  if (group.batches.empty()) {
    groups_.pop_front();
    return std::nullopt;
  }
  group.since = now;
  return group.batches.front();
}

void WarmList::done() {
  const std::lock_guard lock(mutex_);
  groups_.front().batches.pop_front();
  ++counts_.asked;
  --counts_.left;
}

void WarmList::postpone(Instant now) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_.front();
  if (now - group.since > patience) return leave_front_out();
  group.not_before = now + pause;
  std::rotate(groups_.begin(), std::next(groups_.begin()), groups_.end());
}

void WarmList::leave_out() {
  const std::lock_guard lock(mutex_);
  leave_front_out();
}

void WarmList::leave_front_out() {
  const std::uint64_t count = groups_.front().batches.size();
  counts_.left -= count;
  counts_.left_out += count;
  groups_.pop_front();
}

std::vector<Question> WarmList::rest() const {
  const std::lock_guard lock(mutex_);
  std::vector<Question> rest;
  for (const Group& group : groups_) {
    for (const std::string& batch : group.batches) rest.push_back({group.asker, batch});
  }
  return rest;
}

WarmList::Counts WarmList::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace heim::session
