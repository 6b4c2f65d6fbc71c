// Key to entry: open addressing, one line of memory for most keys that are there.
#pragma once
#include <cstdint>
#include <vector>

#include "cache/entry.hpp"

namespace heim::cache {

/// Does not own the entries. Not for threads.
class Index {
 public:
  Index() : slots_(least) {}

  Entry* find(const Key& key) const {
    for (std::uint64_t at = home(key.low);; at = next(at)) {
      const Slot& slot = slots_[at];
      if (slot.entry == nullptr) return nullptr;
      if (slot.tag != key.low) continue;
      // What a hit looks at next: its times, and the versions behind it.
      __builtin_prefetch(reinterpret_cast<const char*>(slot.entry) + 64);
      __builtin_prefetch(slot.entry + 1);
      if (slot.entry->key() == key) return slot.entry;
    }
  }
  /// Room for one more; may throw, and has changed nothing then.
  void reserve() {
    if ((count_ + 1) * 5 > slots_.size() * 4) resize(slots_.size() * 2);
  }
  /// After reserve(). The key is not in it.
  void put(Entry& entry) {
    place(slots_, entry);
    ++count_;
  }
  /// It is in it.
  void remove(const Entry& entry);

  std::uint64_t size() const { return count_; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(Slot); }
  /// Of so many slots, for those who walk over all a part at a time.
  std::uint64_t slots() const { return slots_.size(); }
  Entry* at(std::uint64_t slot) const { return slots_[slot].entry; }

 private:
  struct Slot {
    std::uint64_t tag = 0;
    Entry* entry = nullptr;
  };
  static constexpr std::uint64_t least = 64;

  std::uint64_t home(std::uint64_t tag) const { return tag & (slots_.size() - 1); }
  std::uint64_t next(std::uint64_t at) const { return (at + 1) & (slots_.size() - 1); }
  static void place(std::vector<Slot>& slots, Entry& entry);
  void resize(std::uint64_t size);

  std::vector<Slot> slots_;
  std::uint64_t count_ = 0;
};

}  // namespace heim::cache
