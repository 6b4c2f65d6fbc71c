// Who waits because no node can serve it: how many, with how much, bounded over all workers.
//
// A client is here from the moment it is known that nobody can serve it until there is a node for
// it again; it may wait for a connection after that.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace heim::pool {

/// All of it: [any thread].
class Hold {
 public:
  struct Limits {
    std::uint32_t clients = 10'000;
    std::uint64_t bytes = 64 << 20;  // of what they sent and nobody has taken yet
  };
  enum class Full : std::uint8_t { no, clients, bytes };

  /// One more waits. Not counted unless `no`.
  Full enter(const Limits& limits) {
    total_.fetch_add(1, std::memory_order_relaxed);
    if (bytes() >= limits.bytes) return refused(Full::bytes);
    if (clients_.fetch_add(1, std::memory_order_relaxed) < limits.clients) return Full::no;
    clients_.fetch_sub(1, std::memory_order_relaxed);
    return refused(Full::clients);
  }
  /// It has sent more. False: it is not to be read any further for now.
  bool add(const Limits& limits, std::uint64_t more) {
    return bytes_.fetch_add(more, std::memory_order_relaxed) + more < limits.bytes;
  }
  /// It waits no more: `held` bytes, so long.
  void leave(std::uint64_t held, Duration waited) {
    clients_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(held, std::memory_order_relaxed);
    std::int64_t longest = longest_.load(std::memory_order_relaxed);
    while (waited.count() > longest && !longest_.compare_exchange_weak(longest, waited.count())) {
    }
  }
  /// It was told that it has waited for too long.
  void gave_up() { late_.fetch_add(1, std::memory_order_relaxed); }

  std::uint32_t clients() const { return clients_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  std::uint64_t full() const { return full_.load(std::memory_order_relaxed); }
  std::uint64_t late() const { return late_.load(std::memory_order_relaxed); }
  Duration longest() const { return Duration(longest_.load(std::memory_order_relaxed)); }

 private:
  Full refused(Full why) {
    full_.fetch_add(1, std::memory_order_relaxed);
    return why;
  }
  std::atomic<std::uint32_t> clients_{0};
  std::atomic<std::uint64_t> bytes_{0}, total_{0}, full_{0}, late_{0};
  std::atomic<std::int64_t> longest_{0};  // nanoseconds
};

/// The place of one who waits.
struct HeldPlace {
  Instant since{};
  std::uint64_t bytes = 0;           // that were counted
  Hold::Full full = Hold::Full::no;  // else it is not counted, and is told so
  bool in_no_line = false;           // no node has the role it asks for: no pool's line is its
};

}  // namespace heim::pool
