// Which entry goes when there is no room: first in, first out, twice.
//
// What comes in passes a small queue, an eighth of the bytes. At its end it is taken over into the
// main queue if it was asked for twice there, or if it is asked for more often than the entry that
// it would push out; else it goes. The main queue turns: an entry that was asked for gets another
// round for each time, at most three. How often a key was asked for while it was not here, the
// sketch knows. A hit changes one byte of the entry, no queue.
//
// docs/decisions/020-cache.md has the figures beside S3-FIFO and W-TinyLFU.
#pragma once
#include <cstdint>

#include "cache/entry.hpp"
#include "cache/sketch.hpp"

namespace heim::cache {

/// Does not own the entries. Not for threads.
class Queues {
 public:
  explicit Queues(std::uint64_t capacity) : sketch_(capacity / bytes_per_counter) {}

  static void used(Entry& entry) {
    if (entry.uses_ < most_uses) ++entry.uses_;
  }
  /// What may have to go soon, and has not been looked at for long.
  void prefetch() const {
    if (small_.oldest == nullptr) return;
    const char* oldest = reinterpret_cast<const char*>(small_.oldest);
    for (std::size_t at = 0; at <= sizeof(Entry); at += 64) __builtin_prefetch(oldest + at);
  }
  /// A key was asked for that is not here.
  void missed(const Key& key) { sketch_.add(key); }
  void add(Entry& entry);
  void remove(Entry& entry);
  /// One that goes, to be removed by the caller, so that `coming` bytes can be added.
  /// `dead(entry)`: nobody can be served with it. Null: there is none.
  template <class Dead>
  Entry* victim(std::uint64_t capacity, std::uint64_t coming, const Dead& dead);

  std::uint64_t bytes() const { return small_.bytes + main_.bytes; }
  std::uint64_t overhead() const { return sketch_.bytes(); }

 private:
  static constexpr std::uint8_t most_uses = 3;
  // Answers of one row are about as large with all that belongs to them: two counters for each.
  static constexpr std::uint64_t bytes_per_counter = 256;
  static constexpr int turns = 64;  // of the main queue for one victim: a bound for the lock

  struct Queue {
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
    std::uint64_t bytes = 0;
  };

  Queue& queue_of(const Entry& entry) { return entry.queue_ == 0 ? small_ : main_; }
  void push(Entry& entry, std::uint8_t queue);
  void tell_sketch(Entry& entry) {
    for (; entry.uses_ > 0; --entry.uses_) sketch_.add(entry.key());
  }
  bool wanted_more(const Entry& leaving, const Entry& than) const {
    return leaving.uses_ > 1 || sketch_.of(leaving.key()) + leaving.uses_ > sketch_.of(than.key());
  }
  template <class Dead>
  Entry* oldest_unused(const Dead& dead);

  Queue small_, main_;
  Sketch sketch_;
};

template <class Dead>
Entry* Queues::oldest_unused(const Dead& dead) {
  for (int i = 0; i < turns && main_.oldest != nullptr; ++i) {
    Entry& entry = *main_.oldest;
    if (entry.uses_ == 0 || dead(entry)) break;
    sketch_.add(entry.key());
    --entry.uses_;
    remove(entry);
    push(entry, 1);
  }
  return main_.oldest;
}

template <class Dead>
Entry* Queues::victim(std::uint64_t capacity, std::uint64_t coming, const Dead& dead) {
  const std::uint64_t small_capacity = capacity / 8;
  while (small_.oldest != nullptr &&
         (small_.bytes + coming > small_capacity || main_.oldest == nullptr)) {
    Entry& leaving = *small_.oldest;
    if (dead(leaving)) return &leaving;
    if (main_.bytes + leaving.charge_ > capacity - small_capacity) {
      // What is wanted more waits at the end of its queue until there is room for it.
      Entry* other = oldest_unused(dead);
      if (other != nullptr && (dead(*other) || wanted_more(leaving, *other))) return other;
      tell_sketch(leaving);
      return &leaving;
    }
    tell_sketch(leaving);
    remove(leaving);
    push(leaving, 1);
  }
  return oldest_unused(dead);
}

}  // namespace heim::cache
