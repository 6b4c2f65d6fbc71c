#include "history.hpp"

#include <algorithm>

namespace heim::sim {

void History::begin_timeline(std::uint32_t timeline, std::uint32_t parent, std::uint64_t at) {
  timelines_[timeline] = {parent, at};
  newest_ = std::max(newest_, timeline);
}

bool History::covers(Position head, Position position) const {
  if (position.timeline == 0) return true;
  for (;;) {
    if (head.timeline == position.timeline) return position.lsn <= head.lsn;
    const auto found = timelines_.find(head.timeline);
    if (found == timelines_.end() || found->second.parent == 0) return false;
    head = {found->second.parent, std::min(head.lsn, found->second.begins)};
  }
}

bool History::survives(Position position) const { return covers({newest_, UINT64_MAX}, position); }

bool History::keeps(const std::string& tag) const {
  const auto found = commits_.find(tag);
  return found != commits_.end() && survives(found->second.position);
}

void History::committed(const std::string& tag, const std::string& table, Position position) {
  commits_[tag] = {table, position};
}

void History::acknowledged(const std::string& tag) {
  const auto found = commits_.find(tag);
  if (found == commits_.end()) return;
  const auto& [table, position] = found->second;
  auto& known = known_[table][position.timeline];
  const bool newer = known.empty() || known.back().lsn < position.lsn;
  ++stamp_;
  if (newer) known.push_back({stamp_, position.lsn, tag});
}

std::string History::missing(const std::string& table, Position head, std::uint64_t stamp) const {
  const auto of_table = known_.find(table);
  if (of_table == known_.end()) return {};
  for (const auto& [timeline, known] : of_table->second) {
    // The last that had to be seen and was not lost since.
    for (auto each = known.rbegin(); each != known.rend(); ++each) {
      const Position position{timeline, each->lsn};
      if (each->stamp > stamp || !survives(position)) continue;
      if (!covers(head, position)) return each->tag;
      break;
    }
  }
  return {};
}

std::string History::read(const std::string& table, const std::string& tag, std::uint64_t stamp,
                          Fresh fresh, Seen& seen) {
  ++reads_;
  Position head;
  if (!tag.empty()) {
    const auto found = commits_.find(tag);
    if (found == commits_.end() || found->second.table != table) {
      return "a read of " + table + " shows '" + tag + "', which nobody committed there";
    }
    head = found->second.position;
  }
  const auto shown = [&] { return "a read of " + table + " shows '" + tag + "' as the newest"; };
  Position& last = seen[table];
  if (fresh != Fresh::any && survives(last) && !covers(head, last)) {
    return shown() + ", but this session has seen what is newer";
  }
  if (fresh == Fresh::strict) {
    const std::string newer = missing(table, head, stamp);
    if (!newer.empty()) {
      return "stale: " + shown() + ", but " + newer + " was acknowledged before it was sent";
    }
  }
  if (!survives(last) || covers(head, last)) last = head;
  return {};
}

void History::own(const std::string& tag, Seen& seen) const {
  const auto found = commits_.find(tag);
  if (found == commits_.end()) return;
  Position& last = seen[found->second.table];
  if (!survives(last) || covers(found->second.position, last)) last = found->second.position;
}

std::uint64_t History::lost() const {
  std::uint64_t count = 0;
  for (const auto& [table, timelines] : known_) {
    for (const auto& [timeline, known] : timelines) {
      for (const auto& one : known) count += survives({timeline, one.lsn}) ? 0 : 1;
    }
  }
  return count;
}

}  // namespace heim::sim
