#include "cache/benefit.hpp"

#include <algorithm>
#include <bit>

namespace heim::cache {
namespace {

std::uint64_t get(const Usage::Count& count) { return count.load(std::memory_order_relaxed); }

std::int64_t ns(Instant at) { return at.time_since_epoch().count(); }

Usage::Window now_of(const Usage& usage, Instant now) {
  return {get(usage.fills),
          get(usage.ended),
          get(usage.invalidated),
          get(usage.too_large),
          get(usage.saved_us),
          get(usage.stored_bytes),
          ns(now)};
}

void note_tables(Usage& usage, std::span<const freshness::TableId> tables) {
  const std::size_t count = std::min(tables.size(), usage.tables.size());
  std::ranges::copy(tables.first(count), usage.tables.begin());
  usage.table_count = static_cast<std::uint8_t>(count);
}

std::uint64_t mean_us(const Usage& usage) {
  const std::uint64_t timed = get(usage.timed);
  return timed == 0 ? 0 : get(usage.cost_us) / timed;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string reason_of(const Usage& usage) {
  const std::string fills = number(get(usage.fills));
  switch (usage.left_out.load()) {
    case LeftOut::written:
      return "left out: written too often (" + number(get(usage.invalidated)) + " of " + fills +
             " results were out of date before they paid)";
    case LeftOut::large:
      return "left out: too large (" + number(get(usage.too_large)) + " of " + fills +
             " results were beyond the limit)";
    case LeftOut::cheap:
      return "left out: too cheap (" + number(mean_us(usage)) + " us)";
    case LeftOut::rare:
      return "left out: the same is rarely asked again (" + number(get(usage.hits)) + " hits of " +
             fills + " results)";
    case LeftOut::no:
      break;
  }
  if (usage.shared) return "queries that have no figures of their own";
  return get(usage.stored) == 0 ? "nothing kept yet" : "kept";
}

}  // namespace

std::string_view to_text(LeftOut why) {
  switch (why) {
    case LeftOut::no:
      return "";
    case LeftOut::written:
      return "left out: its tables are written too often";
    case LeftOut::large:
      return "left out: its results are too large";
    case LeftOut::cheap:
      return "left out: it is too cheap";
    case LeftOut::rare:
      return "left out: the same is rarely asked again";
  }
  return "";
}

Benefit::Benefit(std::uint32_t queries)
    : sets_count_(std::bit_ceil(std::max<std::uint64_t>(queries / ways, 1))),
      sets_(std::make_unique<Set[]>(sets_count_)) {
  others_.shared = true;
}

Benefit::Set& Benefit::set_of(const Hash128& fingerprint) const {
  return sets_[fingerprint.high & (sets_count_ - 1)];
}

/// Its place, or one that is free, or the one that nobody has asked for for the longest and nothing
/// points at.
Usage* Benefit::place(Set& set, const Hash128& fingerprint, Instant now) {
  Usage* best = nullptr;
  for (Usage& usage : set.usages) {
    if (usage.taken && usage.fingerprint == fingerprint) return &usage;
    if (usage.pins.load(std::memory_order_acquire) != 0) continue;
    if (best == nullptr || (best->taken && (!usage.taken || usage.asked_ns < best->asked_ns))) {
      best = &usage;
    }
  }
  if (best == nullptr) return nullptr;
  std::destroy_at(best);
  std::construct_at(best);
  best->fingerprint = fingerprint;
  best->taken = true;
  best->window.began_ns = ns(now);
  return best;
}

Usage& Benefit::find(const Hash128& fingerprint, std::span<const freshness::TableId> tables,
                     Instant now) {
  Set& set = set_of(fingerprint);
  const std::lock_guard lock(set.lock);
  Usage* usage = place(set, fingerprint, now);
  if (usage == nullptr) {
    usage = &others_;
  } else {
    usage->asked_ns = ns(now);
    if (usage->table_count == 0) note_tables(*usage, tables);
  }
  usage->pins.fetch_add(1, std::memory_order_relaxed);
  return *usage;
}

void Benefit::invalidate(const Hash128& fingerprint) {
  Set& set = set_of(fingerprint);
  const std::lock_guard lock(set.lock);
  for (Usage& usage : set.usages) {
    if (usage.taken && usage.fingerprint == fingerprint) ++usage.generation;
  }
  ++others_.generation;
}

LeftOut Benefit::left_out(Usage& usage, Instant now) {
  const LeftOut why = usage.left_out.load(std::memory_order_relaxed);
  if (why == LeftOut::no || ns(now) < usage.until_ns.load(std::memory_order_relaxed)) return why;
  const std::lock_guard lock(set_of(usage.fingerprint).lock);
  usage.window = now_of(usage, now);
  usage.left_out.store(LeftOut::no);
  return LeftOut::no;
}

/// Of the window so far.
LeftOut Benefit::judge(const Usage& usage, Instant when) {
  const Usage::Window now = now_of(usage, when), &then = usage.window;
  const std::uint64_t fills = now.fills - then.fills;
  if (now.too_large - then.too_large >= std::max(window_too_large, fills / 2)) {
    return LeftOut::large;
  }
  if (fills >= window && get(usage.timed) != 0 && mean_us(usage) < cheap_us) return LeftOut::cheap;
  const std::uint64_t ended = now.ended - then.ended;
  const std::uint64_t spent_us = fills * fill_us + (now.bytes - then.bytes) / bytes_per_us;
  if (ended < window || now.began_ns - then.began_ns < least_time.count()) return LeftOut::no;
  if (now.saved_us - then.saved_us >= spent_us) return LeftOut::no;
  return (now.invalidated - then.invalidated) * 2 >= ended ? LeftOut::written : LeftOut::rare;
}

void Benefit::decide(Usage& usage, Instant now) {
  if (usage.shared) return;
  const std::lock_guard lock(set_of(usage.fingerprint).lock);
  if (usage.left_out.load() != LeftOut::no) return;
  const LeftOut why = judge(usage, now);
  if (why == LeftOut::no) {
    const bool young = ns(now) - usage.window.began_ns < least_time.count();
    if (young || get(usage.ended) - usage.window.ended < window) return;
    usage.pauses = 0;
    usage.window = now_of(usage, now);
    return;
  }
  usage.until_ns = ns(now + first_pause * (1 << std::min(usage.pauses, most_doublings)));
  ++usage.pauses;
  usage.left_out.store(why);
}

QueryRow Benefit::row(const Usage& usage) {
  const std::uint64_t stored = get(usage.stored);
  return {.fingerprint = usage.fingerprint,
          .hits = get(usage.hits),
          .misses = get(usage.misses),
          .fills = get(usage.fills),
          .invalidated = get(usage.invalidated),
          .unused = get(usage.unused),
          .mean_bytes = stored == 0 ? 0 : get(usage.stored_bytes) / stored,
          .mean_us = mean_us(usage),
          .saved_us = get(usage.saved_us),
          .left_out = usage.left_out.load() != LeftOut::no,
          .reason = reason_of(usage),
          .tables = {usage.tables.begin(), usage.tables.begin() + usage.table_count}};
}

std::uint64_t Benefit::count() const {
  std::uint64_t count = 0;
  for (std::uint64_t i = 0; i < sets_count_; ++i) {
    const std::lock_guard lock(sets_[i].lock);
    count += static_cast<std::uint64_t>(std::ranges::count_if(sets_[i].usages, &Usage::taken));
  }
  return count;
}

std::vector<QueryRow> Benefit::rows() const {
  std::vector<QueryRow> rows;
  for (std::uint64_t i = 0; i < sets_count_; ++i) {
    const std::lock_guard lock(sets_[i].lock);
    for (const Usage& usage : sets_[i].usages) {
      if (usage.taken) rows.push_back(row(usage));
    }
  }
  if (get(others_.misses) != 0) rows.push_back(row(others_));
  return rows;
}

}  // namespace heim::cache
