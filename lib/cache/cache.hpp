// The query cache: results by key, served only while nothing they were read from has changed.
//
//   EntryRef hit = cache.get(lookup, now);              // a lock of one shard, no allocation
//   if (!hit) Miss miss = cache.miss(lookup, waiter, now);
//     miss.entry   somebody stored it meanwhile
//     miss.fill    ask the database, then fill.admit(answer, now); or fill.give_up(); or destroy it
//     miss.ticket  somebody asks already; the waiter is woken
//     none         go on without the cache; `reason` says why
//
// The fence. An entry records the versions of its tables, read before its statement is routed and
// sent. The ledger bumps a table's version before a COMMIT is sent and again when its outcome is
// known, and counts it in flight from before the first to after the second (ledger.hpp).
//
//   fill     F: v = version(t)  -> route, send -> snapshot S -> answer -> A: nothing in flight on
//   t,
//                                                                         and version(t) == v
//   commit   B: in flight +1, version +1 -> COMMIT is sent -> visible V -> answer ->
//            E: version +1, in flight -1 -> its client is told
//   lookup   L: version(t) == v, of an entry that was admitted
//
//  Of any commit one of these holds, or the entry is not admitted or not found:
//  - E before F. Then V < E < F < S: the entry has it.
//  - B after L. It was not even sent when the reader looked: to miss it is right.
//  - B before F, E after F. At A it is in flight and the entry is refused; or it has ended, then
//  the
//    version has moved and it is refused; or it was rolled back, then there is nothing to see.
//  - B between F and A: the version has moved before A. Refused.
//  - B between A and L: the version has moved before L. Not found.
//  So at L it is enough to compare versions. Nobody is in flight there that was before: at A nobody
//  was, and who began since has moved the version. In flight is asked first at A, the version after
//  it: who has left "in flight" in between has moved the version before.
//  - An unknown outcome stays in flight, so nothing is admitted meanwhile; then it counts as E.
//  - What a fill may not do is the caller's: S must come after F (not in a snapshot that is older:
//    REPEATABLE READ), the transaction must not have written itself, and the node that answers must
//    have all that is acknowledged before F (Grade::full), or the entry says that it may not.
//
// Weaker scopes take an entry whose versions have moved: `bounded` while it was right no longer ago
// than the bound; `session` and `group` if it began after the session's or group's last commit
// (Moment); `any` always.
//
// By table, by fingerprint, all: each is an increment, whatever is there; entries of before are
// dead. By key it is dropped. The fills that are under way are older than the invalidation, too,
// and are refused.
//
// Bytes of entries, index, ghosts and figures are counted as the allocator does, and bounded by
// Limits::bytes, results included that were evicted but not sent yet. All functions: [any thread].
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/entry.hpp"
#include "cache/key.hpp"
#include "cache/stats.hpp"
#include "freshness/ledger.hpp"

namespace heim::cache {

class Cache;
class Shard;
class Benefit;

/// What a reader takes.
struct Wish {
  freshness::Scope scope = freshness::Scope::strict;
  Duration bound{0};                // bounded: it was right so long ago at most
  Moment after = 0;                 // session, group: moment() of the last commit
  std::uint64_t lsn = 0;            // session, group: its position; 0: none, or not known
  Duration max_age{0};              // no older than this; 0: whatever its ttl allows
  Duration stale_while_filling{0};  // while another fills: what was right so long ago will do
};

struct Lookup {
  Key key;
  Hash128 fingerprint;  // for figures, the automatic decision and invalidation
  /// As sets of reads are made, with everything(database): see route::Plan. More than
  /// Cache::max_tables are not cached. Read by miss() only.
  std::span<const TableId> tables;
  Wish wish = {};
  bool always = false;  // a rule includes it: the automatic decision is not asked
  bool looks = false;   // whether it is there is all that is asked: no hit
};

enum class Wake : std::uint8_t {
  look,   // it is there, or was: get() again, then miss()
  lead,   // nobody asks any more: miss() with the ticket gives the fill
  alone,  // it cannot be kept: go on without the cache
};

/// Who waits. One a worker, for example; outlives the cache's use.
class Waiter {
 public:
  /// Of another thread, maybe, with no lock held. At most once a ticket; a call that is under way
  /// when the ticket is withdrawn may still come: `token` tells.
  virtual void wake(std::uint64_t token, Wake why) = 0;

 protected:
  ~Waiter() = default;
};

/// What is held of the cache until it is given up: moved, not copied.
class Claim {
 public:
  explicit operator bool() const { return cache_ != nullptr; }

 protected:
  Claim() = default;
  Claim(Cache& cache, const Key& key, std::uint64_t id) : cache_(&cache), key_(key), id_(id) {}
  Claim(Claim&& other) noexcept { take(other); }
  ~Claim() = default;
  void take(Claim& other) noexcept {
    cache_ = std::exchange(other.cache_, nullptr);
    key_ = other.key_;
    id_ = other.id_;
  }
  Cache* cache_ = nullptr;
  Key key_;
  std::uint64_t id_ = 0;
};

/// A place in the line behind a fill. Given up when destroyed. [one thread at a time]
class [[nodiscard]] Ticket : public Claim {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept = default;
  Ticket& operator=(Ticket&& other) noexcept {
    withdraw();
    take(other);
    return *this;
  }
  ~Ticket() { withdraw(); }
  void withdraw();

 private:
  friend class Cache;
  Ticket(Cache& cache, const Key& key, std::uint64_t id) : Claim(cache, key, id) {}
};

/// A statement that is asked for the cache. Destroyed without an answer, the next one that waits
/// gets to ask. [one thread at a time]
class [[nodiscard]] Fill : public Claim {
 public:
  Fill() = default;
  Fill(Fill&& other) noexcept = default;
  Fill& operator=(Fill&& other) noexcept {
    abandon();
    take(other);
    return *this;
  }
  ~Fill() { abandon(); }

  /// Whether so many bytes could be kept at all: no need to gather them otherwise.
  bool fits(std::uint64_t bytes) const;
  /// The whole answer is here. Wakes who waits.
  Admission admit(const Answer& answer, Instant now);
  /// There is an answer, but no cache may have it: who waits is sent on alone. `why`: too_large, or
  /// given_up.
  void give_up(Admission why, Instant now);
  /// There is no answer: the next one asks.
  void abandon();

 private:
  friend class Cache;
  Fill(Cache& cache, const Key& key, std::uint64_t id) : Claim(cache, key, id) {}
};

/// What comes of a lookup without a hit: at most one of the first three.
struct Miss {
  EntryRef entry;
  Fill fill;
  Ticket ticket;
  std::string_view reason;  // none of them: why. Static text
};

class Cache {
 public:
  struct Limits {
    std::uint64_t bytes = 64 << 20;
    std::uint64_t entry_bytes = 1 << 20;  // larger results bypass; at most an eighth of a shard
    Duration ttl = std::chrono::hours(1);
    std::uint32_t queries = 2'048;  // fingerprints with figures of their own
    std::uint32_t shards = 0;       // 0: as the size asks for
    bool automatic = true;          // leave out what does not pay
  };
  static constexpr std::size_t max_tables = 64;

  /// `ledger` outlives it.
  Cache(const freshness::Ledger& ledger, Limits limits);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// A hit, or nothing. Counts a hit; a miss is counted by miss().
  EntryRef get(const Lookup& lookup, Instant now);
  /// After get() gave nothing, before the statement is routed. `waiter`: null does not wait.
  /// `ticket`: the one that was woken, or an empty one.
  Miss miss(const Lookup& lookup, Waiter* waiter, std::uint64_t token, Instant now,
            Ticket ticket = {});

  /// For scopes session and group: to be asked when a commit's outcome is known.
  Moment moment();

  // ---- invalidation. By table: the ledger's commits

  /// True if there was one.
  bool invalidate(const Key& key);
  void invalidate_fingerprint(const Hash128& fingerprint);
  void invalidate_all();
  /// While commits are not told to the ledger (Ledger::suspend), or it is not known what was lost:
  /// nothing is served and nothing admitted. All there was is forgotten.
  void pause();
  void resume();

  const Limits& limits() const;
  Stats stats() const;
  /// Those with most hits first, at most so many.
  std::vector<QueryRow> queries(std::size_t limit) const;
  /// Results that are there, whether or not they are still right, those with most hits first, at
  /// most so many. No lock is held for long.
  std::vector<EntryRef> hottest(std::size_t limit) const;

 private:
  friend class Fill;
  friend class Ticket;
  struct Inside;
  const std::unique_ptr<Inside> inside_;
};

}  // namespace heim::cache
