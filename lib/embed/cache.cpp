#include "embed/cache.hpp"

#include <algorithm>
#include <cstring>

#include "crypto/random.hpp"

namespace heim::embed {
namespace {

Instant clock_now() { return std::chrono::steady_clock::now(); }

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  crypto::SystemRandom().fill(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed);
  return seed;
}

}  // namespace

Cache::Cache(Limits limits)
    : seed_(random_seed()), database_(ledger_.database("")), cache_(ledger_, limits) {}

cache::Key Cache::key_of(const Query& query) const {
  cache::KeyBuilder builder(seed_);
  builder.add(query.statement).add(query.context).add_number(query.parameters.size());
  for (const auto& parameter : query.parameters) {
    if (parameter) {
      builder.add(*parameter);
    } else {
      builder.add_null();
    }
  }
  return builder.key();
}

std::vector<cache::TableId> Cache::tables_of(const Query& query) {
  std::vector<cache::TableId> tables = {ledger_.everything(database_)};
  for (const std::string_view table : query.tables) {
    tables.push_back(ledger_.intern(database_, table));
  }
  std::ranges::sort(tables);
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}

Cache::Found Cache::find(const Query& query) {
  cache::Lookup lookup{.key = key_of(query),
                       .fingerprint = hash128(query.statement, seed_),
                       .tables = {},
                       .wish = {}};
  const Instant begin = clock_now();
  if (auto entry = cache_.get(lookup, begin)) return {std::move(entry), {}};
  const std::vector<cache::TableId> tables = tables_of(query);
  lookup.tables = tables;
  cache::Waiter* waiter = query.wait > Duration(0) ? &line_ : nullptr;
  const Instant until = query.wait < never - begin ? begin + query.wait : never;
  cache::Ticket ticket;
  for (;;) {
    const std::uint64_t token = waiter != nullptr ? line_.join() : 0;
    cache::Miss miss = cache_.miss(lookup, waiter, token, clock_now(), std::move(ticket));
    const bool waits = static_cast<bool>(miss.ticket);
    const auto why = line_.wait(token, waits ? until : Instant::min());
    if (!waits) return {std::move(miss.entry), std::move(miss.fill)};
    if (!why || *why == cache::Wake::alone) return {};
    ticket = std::move(miss.ticket);
  }
}

cache::Admission Cache::store(cache::Fill& fill, Bytes bytes, Duration cost) {
  const Bytes pieces[] = {bytes};
  return fill.admit({.pieces = pieces, .cost = cost}, clock_now());
}

bool Cache::invalidate(const Query& query) { return cache_.invalidate(key_of(query)); }

void Cache::invalidate_table(std::string_view table) {
  freshness::WriteSet set;
  set.add(ledger_.intern(database_, table));
  freshness::CommitTicket ticket = ledger_.begin_commit(database_, set);
  ledger_.end_commit(ticket, freshness::Outcome::committed, clock_now());
}

// ---- Line

std::uint64_t Cache::Line::join() {
  const std::lock_guard lock(mutex_);
  places_.try_emplace(++last_);
  return last_;
}

std::optional<cache::Wake> Cache::Line::wait(std::uint64_t token, Instant until) {
  std::unique_lock lock(mutex_);
  const auto at = places_.find(token);
  if (at == places_.end()) return {};
  Place& place = at->second;
  const auto is_rung = [&place] { return place.why.has_value(); };
  if (until == never) {
    place.rung.wait(lock, is_rung);
  } else if (until != Instant::min()) {
    place.rung.wait_until(lock, until, is_rung);
  }
  const std::optional<cache::Wake> why = place.why;
  places_.erase(token);
  return why;
}

void Cache::Line::wake(std::uint64_t token, cache::Wake why) {
  const std::lock_guard lock(mutex_);
  const auto at = places_.find(token);
  if (at == places_.end()) return;
  at->second.why = why;
  at->second.rung.notify_one();
}

}  // namespace heim::embed
