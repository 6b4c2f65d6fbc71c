#include "freshness/in_step.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace heim::freshness {

std::optional<Running> Running::parse(std::string_view text) {
  Running out;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = true;
  // Of 64 bits; the stream has the lower half.
  const auto number = [&](char before) {
    std::uint64_t value = 0;
    if (before != 0) good = good && at != end && *at++ == before;
    if (!good) return std::uint32_t{0};
    const auto [stop, error] = std::from_chars(at, end, value);
    good = error == std::errc();
    at = stop;
    return static_cast<std::uint32_t>(value);
  };
  number(0);
  out.next = number(':');
  good = good && at != end && *at++ == ':';
  char before = 0;
  while (good && at != end) out.xids.push_back(number(std::exchange(before, ',')));
  std::ranges::sort(out.xids);
  return good ? std::optional(std::move(out)) : std::nullopt;
}

bool Running::has(std::uint32_t xid) const {
  const auto ahead = static_cast<std::int32_t>(xid - next);
  return ahead >= 0 || std::ranges::binary_search(xids, xid);
}

void InStep::answered(Instant asked, std::uint64_t wal_end, Running running) {
  if (!at_first_) at_first_ = running;
  running_ = std::move(running);
  begun_ = begun_ || std::ranges::none_of(at_first_->xids,
                                          [&](std::uint32_t xid) { return running_.has(xid); });
  wal_end_ = wal_end;
  if (answers_.size() < most_answers) answers_.push_back({asked, wal_end});
  settle();
}

void InStep::reached(std::uint64_t lsn) {
  reached_ = std::max(reached_, lsn);
  settle();
}

void InStep::settle() {
  while (!answers_.empty() && answers_.front().wal_end <= reached_) {
    if (begun_) known_ = std::max(known_, answers_.front().asked);
    answers_.pop_front();
  }
}

void InStep::committed(Commit commit) {
  const std::uint64_t end = commit.end;
  waiting_.push_back(std::move(commit));
  reached(end);
}

std::vector<Commit> InStep::take_visible() {
  std::vector<Commit> out;
  if (!at_first_) return out;
  const auto ended = [&](const Commit& commit) { return !running_.has(commit.xid); };
  const auto keep =
      std::stable_partition(waiting_.begin(), waiting_.end(), [&](auto& c) { return !ended(c); });
  out.assign(std::make_move_iterator(keep), std::make_move_iterator(waiting_.end()));
  waiting_.erase(keep, waiting_.end());
  return out;
}

std::optional<Instant> InStep::waits_for_stream() const {
  return answers_.empty() ? std::nullopt : std::optional(answers_.front().asked);
}

}  // namespace heim::freshness
