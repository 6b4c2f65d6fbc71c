// The same with real threads: no stale read, one fill for a thousand that wait, nobody forgotten.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "fixture.hpp"
#include "traces.hpp"

namespace heim::cache::test {
namespace {

/// One thread's.
struct Doorbell final : Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t rung = 0;
  Wake why{};
  void wake(std::uint64_t token, Wake reason) override {
    const std::lock_guard lock(mutex);
    rung = token;
    why = reason;
    changed.notify_one();
  }
  Wake wait(std::uint64_t token) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return rung == token; });
    return why;
  }
};

/// A number that writers count up, and readers of it by the cache.
struct Town : Bench {
  static constexpr std::uint64_t keys = 4;
  static constexpr int writes = 1'500;
  explicit Town(int writers)
      : Bench({.bytes = 1 << 20, .queries = 8, .shards = 2}), writing(writers) {}

  std::atomic<int> visible{0}, acknowledged{0}, writing;
  std::atomic<std::uint64_t> stale{0}, hits{0}, fills{0};

  void write() {
    for (int n = 0; n < writes; ++n) {
      CommitTicket ticket = begin(a);
      const int mine = ++visible;
      end(ticket);
      int seen = acknowledged.load();
      while (seen < mine && !acknowledged.compare_exchange_weak(seen, mine)) {
      }
      if (n % 50 == 0) cache.invalidate(key_of(static_cast<std::uint64_t>(n) % keys));
      if (n % 100 == 0) cache.invalidate_fingerprint(query_of(1));
      if (n % 3 == 0) std::this_thread::yield();
    }
    --writing;
  }
  void check(const EntryRef& entry, int must) {
    ++hits;
    if (std::stoi(std::string(as_text(entry->bytes()))) < must) ++stale;
  }
  /// A miss, with all the waiting; now and then somebody loses patience.
  Miss patiently(const Lookup& lookup, Doorbell& door, std::uint64_t& token, Dice& dice) {
    Miss found = cache.miss(lookup, &door, ++token, now);
    while (found.ticket && dice.below(8) != 0) {
      if (door.wait(token) == Wake::alone) break;
      const std::uint64_t next = ++token;
      found = cache.miss(lookup, &door, next, now, std::move(found.ticket));
    }
    return found;
  }
  void read_one(Doorbell& door, std::uint64_t& token, Dice& dice) {
    const Lookup wanted = lookup(dice.below(keys));
    const int must = acknowledged.load();
    if (const EntryRef entry = cache.get(wanted, now)) return check(entry, must);
    Miss found = patiently(wanted, door, token, dice);
    if (found.entry) check(found.entry, must);
    if (!found.fill || dice.below(8) == 0) return;
    ++fills;
    const std::string text = std::to_string(visible.load());
    if (dice.below(4) == 0) std::this_thread::yield();
    admit(found.fill, text);
  }
  void read(std::uint64_t seed, Doorbell& door) {
    Dice dice(seed);
    std::uint64_t token = 0;
    while (writing.load() > 0) read_one(door, token, dice);
  }
};

}  // namespace

TEST_CASE("a thousand ask at once, one query is sent") {
  constexpr int clients = 1'000, threads_count = 8;
  Bench bench;
  std::atomic<int> queries{0}, answers{0}, waiting{0};
  // A call may be under way when its thread has its answer already.
  std::vector<Bell> bells(threads_count);
  // The query is as slow as it takes until all the others wait.
  const auto run = [&](int thread) {
    Bell& bell = bells[static_cast<std::size_t>(thread)];
    std::vector<Ticket> tickets;
    Fill fill;
    for (int i = thread; i < clients; i += threads_count) {
      Miss miss =
          bench.cache.miss(bench.lookup(1), &bell, static_cast<std::uint64_t>(i), bench.now);
      if (miss.fill) ++queries, fill = std::move(miss.fill);
      if (miss.ticket) ++waiting, tickets.push_back(std::move(miss.ticket));
    }
    while (fill && waiting.load() < clients - 1) std::this_thread::yield();
    if (fill) {
      bench.admit(fill, "text");
      ++answers;
    }
    while (bench.read(1) == "-") std::this_thread::yield();
    for (std::size_t i = 0; i < tickets.size(); ++i) answers += bench.read(1) == "text";
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < threads_count; ++i) threads.emplace_back(run, i);
  for (std::thread& thread : threads) thread.join();
  CHECK(queries == 1);
  CHECK(answers == clients);
}

TEST_CASE("threads that read, write, invalidate and wait") {
  constexpr int writers = 2, readers = 4;
  Town town(writers);
  std::vector<Doorbell> doors(readers);  // outlive the calls that are under way
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i) threads.emplace_back([&] { town.write(); });
  for (std::uint64_t i = 1; i <= readers; ++i)
    threads.emplace_back([&, i] { town.read(i, doors[i - 1]); });
  for (std::thread& thread : threads) thread.join();
  CHECK(town.stale == 0);
  CHECK(town.fills > 0);
  const Stats stats = town.cache.stats();
  CHECK(stats.flights == 0);
  CHECK(stats.waiting == 0);
  CHECK(stats.outside == 0);
}

}  // namespace heim::cache::test
