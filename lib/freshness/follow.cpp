#include "freshness/follow.hpp"

#include <algorithm>
#include <utility>

namespace heim::freshness {

Follow::Follow(Options options)
    : options_(options), places_(std::make_unique<Place[]>(options.databases)) {}

Follow::Entry* Follow::find(DatabaseId database) {
  const auto found = std::ranges::find(entries_, database, &std::pair<DatabaseId, Entry>::first);
  return found == entries_.end() ? nullptr : &found->second;
}

bool Follow::refuse(DatabaseId database, const std::string& name) {
  if (places_[database].asked.exchange(true, std::memory_order_relaxed)) return !options_.bypass;
  {
    const std::lock_guard lock(mutex_);
    entries_.emplace_back(database, Entry{.name = name, .reason = "starts"});
    wanted_.push_back({database, name});
  }
  wake_();
  return !options_.bypass;
}

std::vector<Follow::Wanted> Follow::take_wanted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wanted_, {});
}

void Follow::in_step(DatabaseId database, Instant rows, Instant objects) {
  const std::lock_guard lock(mutex_);
  Entry* entry = find(database);
  if (entry == nullptr) return;
  entry->reason.clear();
  entry->rows = rows;
  entry->objects = objects;
  places_[database].until.store(std::min(rows, objects) + options_.lag, std::memory_order_release);
}

void Follow::lose(DatabaseId database, std::string reason) {
  const std::lock_guard lock(mutex_);
  places_[database].until.store(Instant{}, std::memory_order_release);
  if (Entry* entry = find(database)) entry->reason = std::move(reason);
}

void Follow::count(DatabaseId database, std::uint64_t commits, std::uint64_t changes) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = find(database)) entry->commits += commits, entry->changes += changes;
}

std::vector<Follow::Row> Follow::rows(Instant now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [database, entry] : entries_) {
    Row& row = rows.emplace_back();
    row.name = entry.name;
    row.followed = places_[database].until.load() > now;
    row.reason = entry.reason;
    if (!row.followed && row.reason.empty()) row.reason = "more than follow_lag behind";
    if (entry.rows != Instant{}) row.rows = now - entry.rows;
    if (entry.objects != Instant{}) row.objects = now - entry.objects;
    row.commits = entry.commits;
    row.changes = entry.changes;
  }
  return rows;
}

}  // namespace heim::freshness
