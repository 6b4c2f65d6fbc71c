#include "fleet/contents.hpp"

#include <utility>

namespace heim::fleet {

bool Contents::may_hold(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  return !complete_ || (!marks_.empty() && marks_[place(mark_of(key))] != 0);
}

void Contents::complete() {
  const std::lock_guard lock(mutex_);
  complete_ = !too_many_;
}

bool Contents::is_complete() const {
  const std::lock_guard lock(mutex_);
  return complete_;
}

std::size_t Contents::size() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

// Where the mark is, or would be.
std::size_t Contents::place(std::uint64_t mark) const {
  const std::size_t mask = marks_.size() - 1;
  std::size_t at = (mark >> 1) & mask;
  while (marks_[at] != 0 && marks_[at] != mark) at = (at + 1) & mask;
  return at;
}

void Contents::grow() {
  const std::vector<std::uint64_t> before =
      std::exchange(marks_, std::vector<std::uint64_t>(marks_.empty() ? 64 : 2 * marks_.size()));
  for (const std::uint64_t mark : before) {
    if (mark != 0) marks_[place(mark)] = mark;
  }
}

void Contents::add(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (too_many_) return;
  if (2 * (count_ + 1) > marks_.size()) grow();
  std::uint64_t& mark = marks_[place(mark_of(key))];
  if (mark != 0) return;
  mark = mark_of(key);
  if (++count_ <= most) return;
  too_many_ = true;
  complete_ = false;
  count_ = 0;
  marks_ = {};
}

// Those behind it move up, so that none is cut off from where it would be looked for.
void Contents::remove(std::string_view key) {
  const std::lock_guard lock(mutex_);
  if (marks_.empty()) return;
  std::size_t hole = place(mark_of(key));
  if (marks_[hole] == 0) return;
  --count_;
  const std::size_t mask = marks_.size() - 1;
  for (std::size_t at = (hole + 1) & mask; marks_[at] != 0; at = (at + 1) & mask) {
    const std::size_t home = (marks_[at] >> 1) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    marks_[hole] = marks_[at];
    hole = at;
  }
  marks_[hole] = 0;
}

void Contents::lose() {
  const std::lock_guard lock(mutex_);
  complete_ = too_many_ = false;
  count_ = 0;
  marks_ = {};
}

}  // namespace heim::fleet
