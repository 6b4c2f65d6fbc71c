// A cache beside a ledger with two tables of one database, and readers of it.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cache/cache.hpp"

namespace heim::cache::test {

using freshness::CommitTicket;
using freshness::Ledger;
using freshness::Outcome;
using freshness::WriteSet;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(1000)};

inline Key key_of(std::uint64_t number) { return KeyBuilder(7).add_number(number).key(); }
inline Hash128 query_of(std::uint64_t number) { return {number, ~number}; }

/// Notes who was woken, and why.
struct Bell final : Waiter {
  struct Ring {
    std::uint64_t token;
    Wake why;
    bool operator==(const Ring&) const = default;
  };
  std::vector<Ring> rings;
  void wake(std::uint64_t token, Wake why) override { rings.push_back({token, why}); }
  std::size_t count(Wake why) const {
    return static_cast<std::size_t>(std::ranges::count(rings, why, &Ring::why));
  }
};

struct Bench {
  explicit Bench(Cache::Limits limits = {}) : cache(ledger, limits) {}

  Ledger ledger{Ledger::Limits{.tables = 32, .databases = 4}};
  freshness::DatabaseId db = ledger.database("app");
  TableId a = ledger.intern(db, "a"), b = ledger.intern(db, "b");
  TableId reads_a[2] = {ledger.everything(db), a};
  Cache cache;
  Bell bell;
  Instant now = start;

  CommitTicket begin(TableId table) {
    WriteSet set;
    set.add(table);
    return ledger.begin_commit(db, set);
  }
  void end(CommitTicket& ticket, Outcome outcome = Outcome::committed) {
    ledger.end_commit(ticket, outcome, now);
  }
  void commit(TableId table) {
    CommitTicket ticket = begin(table);
    end(ticket);
  }

  Lookup lookup(std::uint64_t number, Wish wish = {}) const {
    return {.key = key_of(number), .fingerprint = query_of(1), .tables = reads_a, .wish = wish};
  }
  Miss miss(std::uint64_t number, std::uint64_t token = 0, Wish wish = {}, Ticket ticket = {}) {
    return cache.miss(lookup(number, wish), &bell, token, now, std::move(ticket));
  }
  Fill lead(std::uint64_t number, Wish wish = {}) { return std::move(miss(number, 0, wish).fill); }
  Admission admit(Fill& fill, std::string_view text, Answer answer = {}) {
    const Bytes pieces[] = {as_bytes(text)};
    answer.pieces = pieces;
    return fill.admit(answer, now);
  }
  Admission store(std::uint64_t number, std::string_view text, Answer answer = {}) {
    Fill fill = lead(number);
    return admit(fill, text, answer);
  }
  /// What a reader is given; "-" for nothing.
  std::string read(std::uint64_t number, Wish wish = {}) {
    const EntryRef entry = cache.get(lookup(number, wish), now);
    return entry ? std::string(as_text(entry->bytes())) : "-";
  }
  std::uint64_t admitted(Admission how) const {
    return cache.stats().admitted[static_cast<std::size_t>(how)];
  }
};

}  // namespace heim::cache::test
