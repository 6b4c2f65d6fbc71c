// What the product is measured against: S3-FIFO and W-TinyLFU by the book, as plain simulators that
// know keys and sizes only.
#pragma once
#include <algorithm>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace heim::cache::test {

using Number = std::uint64_t;

inline Number mix(Number x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// A queue of keys with their sizes.
class Queue {
 public:
  struct Item {
    Number key = 0, size = 0;
    unsigned uses = 0;
  };
  using At = std::list<Item>::iterator;

  Number bytes() const { return bytes_; }
  bool empty() const { return items_.empty(); }
  bool has(Number key) const { return index_.contains(key); }
  At find(Number key) { return index_.at(key); }
  At oldest() { return std::prev(items_.end()); }
  void push(Item item) {
    bytes_ += item.size;
    items_.push_front(item);
    index_[item.key] = items_.begin();
  }
  Item take(At at) {
    const Item item = *at;
    bytes_ -= item.size;
    index_.erase(item.key);
    items_.erase(at);
    return item;
  }
  void renew(At at) { items_.splice(items_.begin(), items_, at); }

 private:
  std::list<Item> items_;
  std::unordered_map<Number, At> index_;
  Number bytes_ = 0;
};

/// "FIFO queues are all you need": a small queue, a main one, and the names of what left the small
/// one unused.
class S3Fifo {
 public:
  explicit S3Fifo(Number capacity) : capacity_(capacity), small_capacity_(capacity / 10) {}

  bool access(Number key, Number size) {
    for (Queue* queue : {&main_, &small_}) {
      if (!queue->has(key)) continue;
      unsigned& uses = queue->find(key)->uses;
      uses = std::min(uses + 1, 3u);
      return true;
    }
    while (small_.bytes() + main_.bytes() + size > capacity_) evict();
    const bool known = ghost_.has(key);
    if (known) ghost_.take(ghost_.find(key));
    (known ? main_ : small_).push({key, size, 0});
    return false;
  }

 private:
  void evict() {
    if (small_.bytes() > small_capacity_ || main_.empty()) {
      evict_small();
    } else {
      evict_main();
    }
  }
  void evict_small() {
    Queue::Item item = small_.take(small_.oldest());
    if (item.uses > 1) {
      item.uses = 0;
      main_.push(item);
      return;
    }
    while (!ghost_.empty() && ghost_.bytes() + item.size > capacity_ - small_capacity_) {
      ghost_.take(ghost_.oldest());
    }
    ghost_.push(item);
  }
  void evict_main() {
    for (;;) {
      Queue::Item item = main_.take(main_.oldest());
      if (item.uses == 0) return;
      --item.uses;
      main_.push(item);
    }
  }

  Number capacity_, small_capacity_;
  Queue small_, main_, ghost_;
};

/// Counts of keys, four rows of small counters that are halved now and then.
class Sketch {
 public:
  explicit Sketch(Number keys) {
    while (width_ < keys) width_ *= 2;
    for (auto& row : rows_) row.resize(width_);
  }
  void add(Number key) {
    for (unsigned row = 0; row < 4; ++row) {
      auto& count = at(row, key);
      if (count < 15) ++count;
    }
    if (++added_ < 10 * width_) return;
    for (auto& row : rows_) {
      for (auto& count : row) count /= 2;
    }
    added_ /= 2;
  }
  unsigned of(Number key) {
    unsigned least = 15;
    for (unsigned row = 0; row < 4; ++row) least = std::min<unsigned>(least, at(row, key));
    return least;
  }

 private:
  std::uint8_t& at(unsigned row, Number key) {
    return rows_[row][mix(key + row * 0x9e3779b97f4a7c15u) & (width_ - 1)];
  }
  Number width_ = 64, added_ = 0;
  std::vector<std::uint8_t> rows_[4];
};

/// W-TinyLFU: a window by recency, behind it a segmented LRU that takes a newcomer only if it is
/// asked for more often than what it would push out.
class TinyLfu {
 public:
  TinyLfu(Number capacity, Number mean_size)
      : window_capacity_(capacity / 100),
        main_capacity_(capacity - window_capacity_),
        sketch_(capacity / mean_size) {}

  bool access(Number key, Number size) {
    sketch_.add(key);
    if (window_.has(key)) return window_.renew(window_.find(key)), true;
    if (protected_.has(key)) return protected_.renew(protected_.find(key)), true;
    if (probation_.has(key)) return promote(key), true;
    window_.push({key, size, 0});
    while (window_.bytes() > window_capacity_) admit(window_.take(window_.oldest()));
    return false;
  }

 private:
  void promote(Number key) {
    protected_.push(probation_.take(probation_.find(key)));
    while (protected_.bytes() > main_capacity_ / 5 * 4) {
      probation_.push(protected_.take(protected_.oldest()));
    }
  }
  void admit(const Queue::Item& item) {
    while (probation_.bytes() + protected_.bytes() + item.size > main_capacity_) {
      Queue& from = probation_.empty() ? protected_ : probation_;
      if (sketch_.of(item.key) <= sketch_.of(from.oldest()->key)) return;
      from.take(from.oldest());
    }
    probation_.push(item);
  }

  Number window_capacity_, main_capacity_;
  Queue window_, probation_, protected_;
  Sketch sketch_;
};

}  // namespace heim::cache::test
