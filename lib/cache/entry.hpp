// One result, as it is kept: the bytes of an answer, ready to send, and what they were read from.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "cache/key.hpp"
#include "freshness/ledger.hpp"

namespace heim::cache {

using freshness::TableId;
struct Usage;  // benefit.hpp

/// A point in the order of fills and commits, see Cache::moment(). 0: before all of them.
using Moment = std::uint64_t;

/// The caller's own: where in the bytes what begins, how many rows there are. The cache copies it.
using Layout = std::array<std::uint32_t, 8>;

/// How fresh the node was that answered.
enum class Grade : std::uint8_t {
  full,    // it had every commit that was acknowledged when it was asked: the primary, or a standby
           // that the ledger's strict verdict allows
  weaker,  // it may lack some: a standby up to `lsn` and `lag`, or a snapshot from before
};

/// An answer that is offered to the cache.
struct Answer {
  std::span<const Bytes> pieces = {};  // one behind the other; copied
  Layout layout{};
  Grade grade = Grade::full;
  std::uint64_t lsn = 0;  // weaker: the node had replayed so far; 0: not known
  Duration lag{0};        // weaker: and was so far behind; negative: not known
  Duration ttl{0};        // 0: the cache's
  Duration cost{0};       // how long the answer took
};

/// Immutable but for counts, one allocation, counted by EntryRefs. [any thread]
class Entry {
 public:
  Bytes bytes() const { return {data(), size_}; }
  const Layout& layout() const { return layout_; }
  const Key& key() const { return key_; }
  const Hash128& fingerprint() const { return fingerprint_; }
  std::span<const TableId> tables() const { return {ids(), table_count_}; }
  Grade grade() const { return grade_; }
  /// False: for weaker scopes only.
  bool fenced() const { return fenced_; }
  /// The statement was sent after this.
  Instant began() const { return began_; }
  Instant expires() const { return expires_; }
  Duration cost() const { return cost_; }
  std::uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  friend class EntryRef;
  friend class EntryMaker;
  friend class Forgotten;
  friend class Store;
  friend class Queues;

  Entry() = default;
  ~Entry() = default;
  void keep() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  void drop() const {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) free_this();
  }
  void free_this() const;

  // Behind the entry: versions, ids, bytes.
  const std::uint64_t* versions() const { return reinterpret_cast<const std::uint64_t*>(this + 1); }
  std::uint64_t* versions() { return reinterpret_cast<std::uint64_t*>(this + 1); }
  const TableId* ids() const { return reinterpret_cast<const TableId*>(versions() + table_count_); }
  TableId* ids() { return reinterpret_cast<TableId*>(versions() + table_count_); }
  const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(ids() + table_count_);
  }

  // What a hit looks at, and writes, stands together. Beside the atomics, what changes is guarded
  // by the shard.
  mutable std::atomic<std::uint32_t> refs_{1};
  std::uint8_t uses_ = 0;   // of the eviction policy
  std::uint8_t queue_ = 0;  // of the eviction policy
  Grade grade_ = Grade::full;
  bool fenced_ = false;  // of full grade, and no commit came in between: its versions count
  mutable std::atomic<std::uint64_t> hits_{0};
  mutable std::atomic<std::int64_t> known_good_{0};  // when its versions last matched, about
  Key key_;
  Usage* usage_ = nullptr;
  std::uint32_t generation_ = 0, usage_generation_ = 0;
  Instant expires_{};
  Instant began_{};
  Duration cost_{0};

  bool outlives_ = false;  // forgotten, but held by somebody: counted in *outside_
  Entry* prev_ = nullptr;
  Entry* next_ = nullptr;
  std::atomic<std::int64_t>* outside_ = nullptr;  // what is forgotten, but still lent
  Hash128 fingerprint_;
  Moment moment_ = 0;
  std::uint64_t lsn_ = 0;
  std::uint32_t charge_ = 0;  // bytes of memory, as the allocator counts
  std::uint32_t size_ = 0;
  Layout layout_{};
  std::uint16_t table_count_ = 0;
};

/// Holds an entry, also after it was evicted. Cheap. Given back before the cache goes.
class EntryRef {
 public:
  EntryRef() = default;
  EntryRef(const EntryRef& other) : entry_(other.entry_) {
    if (entry_) entry_->keep();
  }
  EntryRef(EntryRef&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryRef& operator=(EntryRef other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryRef() {
    if (entry_) entry_->drop();
  }

  explicit operator bool() const { return entry_ != nullptr; }
  const Entry& operator*() const { return *entry_; }
  const Entry* operator->() const { return entry_; }

 private:
  friend class Shard;
  friend class EntryMaker;
  friend class Store;
  explicit EntryRef(const Entry* kept) : entry_(kept) {}  // takes over one count
  const Entry* entry_ = nullptr;
};

}  // namespace heim::cache
