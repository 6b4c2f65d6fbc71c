// The results of one shard, and which of them a reader may have.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "cache/entry.hpp"
#include "cache/fence.hpp"
#include "cache/index.hpp"
#include "cache/queues.hpp"
#include "cache/world.hpp"

namespace heim::cache {

/// What an entry is to a reader.
enum class Use : std::uint8_t { strict, weaker, dead, expired };

/// Entries that are forgotten, to be given back when no lock is held.
class Forgotten {
 public:
  Forgotten() = default;
  Forgotten(const Forgotten&) = delete;
  Forgotten& operator=(const Forgotten&) = delete;
  ~Forgotten();
  bool full() const { return count_ == entries_.size(); }
  bool empty() const { return count_ == 0; }

 private:
  friend class Store;
  std::array<const Entry*, 64> entries_;
  std::size_t count_ = 0;
};

/// Makes entries.
class EntryMaker {
 public:
  struct About {
    About() = default;
    About(const About&) = delete;
    About& operator=(const About&) = delete;
    ~About() {
      if (usage != nullptr) usage->unpin();
    }

    Key key;
    Hash128 fingerprint;
    Usage* usage = nullptr;  // pinned; who stores the entry takes that over
    Fence fence;
    bool fenced = false;
    Instant began{};
    Moment moment = 0;
    std::uint32_t generation = 0, usage_generation = 0;
    std::uint64_t reserved = 0;
  };
  /// Bytes of memory, about.
  static std::uint64_t footprint(const Answer& answer, std::size_t tables);
  static std::uint64_t size(const Answer& answer);
  /// Throws std::bad_alloc.
  static EntryRef make(World& world, const About& about, const Answer& answer, Instant now);
};

/// Not for threads.
class Store {
 public:
  Store(World& world, std::uint64_t share);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Entry* find(const Key& key) const { return index_.find(key); }
  Use judge(const Entry& entry, const Wish& wish, Instant now) const;
  /// Whether it was right so long ago, at the least.
  bool was_right(const Entry& entry, Duration ago, Instant now) const;
  /// A hit: one more holds it.
  EntryRef lend(Entry& entry);
  /// Not a hit.
  static EntryRef hold(const Entry& entry) { return entry.keep(), EntryRef(&entry); }
  void missed(const Key& key) { queues_.missed(key); }
  /// reserve() comes soon.
  void prefetch() const { queues_.prefetch(); }

  /// Sets bytes aside, for insert() or unreserve(). As long as `forgotten` has room; false: not
  /// (yet).
  bool reserve(std::uint64_t bytes, Instant now, Forgotten& forgotten);
  void unreserve(std::uint64_t bytes) { reserved_ -= bytes; }
  /// In place of one with its key. May throw, and has changed nothing then. `forgotten` has room.
  void insert(const EntryRef& made, std::uint64_t reserved, Forgotten& forgotten);
  /// `forgotten` has room.
  void forget(Entry& entry, Forgotten& forgotten);

  const Index& index() const { return index_; }
  std::uint64_t overhead() const { return index_.bytes() + queues_.overhead(); }
  /// What hits would have taken; those of living entries up to when they last doubled.
  std::uint64_t saved_us() const { return saved_us_; }
  std::uint64_t bytes() const { return queues_.bytes() + reserved_; }

  // Counts of this shard.
  std::uint64_t evicted = 0, evicted_dead = 0;

 private:
  std::uint64_t capacity() const;
  bool matches(const Entry& entry) const;
  bool is_void(const Entry& entry) const;
  bool is_weaker_good(const Entry& entry, const Wish& wish, Instant now) const;
  bool is_out_of_date(const Entry& entry) const;
  bool is_dead(const Entry& entry, Instant now) const;

  World& world_;
  std::uint64_t share_;
  std::uint64_t reserved_ = 0;
  std::uint64_t saved_us_ = 0;
  Index index_;
  Queues queues_;
};

}  // namespace heim::cache
