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

}  // namespace

TEST_CASE("a thousand ask at once, one query is sent") {
  constexpr int clients = 1'000, threads_count = 8;
  Bench bench;
  std::atomic<int> queries{0}, answers{0}, waiting{0};
  // The query is as slow as it takes until all the others wait.
  const auto run = [&](int thread) {
    Bell bell;
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
  constexpr std::uint64_t keys = 4;
  constexpr int writers = 2, readers = 4, writes = 1'500;
  Bench bench({.bytes = 1 << 20, .queries = 8, .shards = 2});
  std::atomic<int> visible{0}, acknowledged{0}, writing{writers};
  std::atomic<std::uint64_t> stale{0}, hits{0}, fills{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < writes; ++n) {
        CommitTicket ticket = bench.begin(bench.a);
        const int now = ++visible;
        bench.end(ticket);
        int seen = acknowledged.load();
        while (seen < now && !acknowledged.compare_exchange_weak(seen, now)) {
        }
        if (n % 50 == 0) bench.cache.invalidate(key_of(static_cast<std::uint64_t>(n) % keys));
        if (n % 100 == 0) bench.cache.invalidate_fingerprint(query_of(1));
        if (n % 3 == 0) std::this_thread::yield();
      }
      --writing;
    });
  }
  const auto check = [&](const EntryRef& entry, int must) {
    ++hits;
    if (std::stoi(std::string(as_text(entry->bytes()))) < must) ++stale;
  };
  const auto reader = [&](std::uint64_t seed) {
    Dice dice(seed);
    Doorbell bell;
    std::uint64_t token = 0;
    while (writing.load() > 0) {
      const Lookup lookup = bench.lookup(dice.below(keys));
      const int must = acknowledged.load();
      if (EntryRef entry = bench.cache.get(lookup, bench.now)) {
        check(entry, must);
        continue;
      }
      Miss miss = bench.cache.miss(lookup, &bell, ++token, bench.now);
      while (miss.ticket) {
        if (dice.below(8) == 0) break;  // an impatient one
        if (bell.wait(token) == Wake::alone) break;
        miss = bench.cache.miss(lookup, &bell, ++token, bench.now, std::move(miss.ticket));
      }
      if (miss.entry) check(miss.entry, must);
      if (!miss.fill || dice.below(8) == 0) continue;
      ++fills;
      const std::string text = std::to_string(visible.load());
      if (dice.below(4) == 0) std::this_thread::yield();
      bench.admit(miss.fill, text);
    }
  };
  for (std::uint64_t i = 0; i < readers; ++i) threads.emplace_back(reader, i + 1);
  for (std::thread& thread : threads) thread.join();
  CHECK(stale == 0);
  CHECK(fills > 0);
  const Stats stats = bench.cache.stats();
  CHECK(stats.flights == 0);
  CHECK(stats.waiting == 0);
  CHECK(stats.outside == 0);
}

}  // namespace heim::cache::test
