// What the cache costs: hits, misses, invalidation, hit ratios. Fails if a hit allocates.
//
//     bench-cache [hits|threads|invalidate|churn|ratio [keys] [length]]
#include <malloc.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <thread>
#include <unordered_set>

#include "../unit/cache/product.hpp"

namespace {
std::atomic<std::size_t> allocations{0};  // of the whole program
}  // namespace

// Not inlined: the compiler would take malloc and delete for a mismatch.
__attribute__((noinline)) void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

using namespace heim;
using namespace heim::cache;

namespace {

constexpr Instant now{std::chrono::seconds(1)};
constexpr std::string_view row =
    "T\0\0\0\x21\0\1abalance\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0D\0\0\0\x0c\0\1\0\0\0\1"
    "0C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I";

double seconds_of(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

struct Bench {
  explicit Bench(Cache::Limits limits) : cache(ledger, limits) {
    for (const char* name : {"orders", "customers", "addresses"}) {
      tables.push_back(ledger.intern(db, name));
    }
    tables.push_back(ledger.everything(db));
  }
  Lookup lookup(std::uint64_t number, std::size_t count) const {
    // As good as a hash, and costs nothing.
    return {.key = {test::mix(2 * number + 1), test::mix(2 * number + 2)},
            .fingerprint = {1, 1},
            .tables = std::span(tables).last(count),
            .wish = {}};
  }
  void store(const Lookup& lookup, std::string_view text) {
    Miss miss = cache.miss(lookup, nullptr, 0, now);
    const Bytes pieces[] = {as_bytes(text)};
    if (miss.fill) miss.fill.admit({.pieces = pieces}, now);
  }

  freshness::Ledger ledger;
  freshness::DatabaseId db = ledger.database("app");
  std::vector<TableId> tables;
  Cache cache;
};

/// False if it allocated.
bool hits(std::uint64_t keys, std::size_t tables) {
  Bench bench({.bytes = 1u << 30, .automatic = false});
  for (std::uint64_t i = 0; i < keys; ++i) bench.store(bench.lookup(i, tables), row);
  constexpr std::uint64_t rounds = 4'000'000;
  std::uint64_t found = 0, at = 1;
  const std::size_t before = allocations;
  const double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    at = at * 6364136223846793005u + 1442695040888963407u;
    found += static_cast<bool>(bench.cache.get(bench.lookup((at >> 33) % keys, tables), now));
  }
  const double took = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start;
  std::printf("hits, %7llu keys, %zu tables: %6.1f ns each\n",
              static_cast<unsigned long long>(keys), tables, took / rounds * 1e9);
  if (found != rounds) std::printf("not all were found\n");
  if (allocations != before) std::printf("a hit allocated\n");
  return found == rounds && allocations == before;
}

void key() {
  constexpr std::uint64_t rounds = 2'000'000;
  std::uint64_t sum = 0;
  const double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    KeyBuilder builder(7);
    builder.add("app").add("alice").add({i, i}).add_number(1).add("12345").add_number(0);
    sum += builder.key().low;
  }
  const double took = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start;
  std::printf("a key of six parts:           %6.1f ns (%llx)\n", took / rounds * 1e9,
              static_cast<unsigned long long>(sum));
}

void misses() {
  constexpr std::uint64_t rounds = 400'000;
  Bench bench({.bytes = 16 << 20, .automatic = false});
  for (std::uint64_t i = 0; i < rounds; ++i) bench.store(bench.lookup(i, 2), row);
  const double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t i = rounds; i < 2 * rounds; ++i) {
    const Lookup lookup = bench.lookup(i, 2);
    if (bench.cache.get(lookup, now)) std::abort();
    bench.store(lookup, row);
  }
  const double took = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start;
  std::printf("a miss, stored, one evicted:  %6.1f ns\n", took / rounds * 1e9);
}

void threads(unsigned count, std::uint64_t keys) {
  Bench bench({.bytes = 64 << 20, .automatic = false});
  for (std::uint64_t i = 0; i < keys; ++i) bench.store(bench.lookup(i, 2), row);
  constexpr std::uint64_t rounds = 4'000'000;
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
  std::vector<std::thread> all;
  for (unsigned thread = 0; thread < count; ++thread) {
    all.emplace_back([&, thread] {
      std::uint64_t at = thread + 1;
      for (std::uint64_t i = 0; i < rounds; ++i) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        if (!bench.cache.get(bench.lookup((at >> 33) % keys, 2), now)) std::abort();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  const double hits = static_cast<double>(rounds * count) / 1e6;
  std::printf("%u threads, %6llu keys: %6.1f ns of processor a hit, %5.1f million hits/s\n", count,
              static_cast<unsigned long long>(keys),
              (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3 / hits,
              hits / (seconds_of(CLOCK_MONOTONIC) - wall));
}

void invalidate(std::uint64_t keys) {
  Bench bench({.bytes = 1u << 30, .automatic = false});
  for (std::uint64_t i = 0; i < keys; ++i) bench.store(bench.lookup(i, 2), row);
  const std::uint64_t entries = bench.cache.stats().entries;
  double worst = 0;
  for (int i = 0; i < 100; ++i) {
    freshness::WriteSet set;
    set.add(bench.tables[2]);
    const double start = seconds_of(CLOCK_MONOTONIC);
    freshness::CommitTicket ticket = bench.ledger.begin_commit(bench.db, set);
    bench.ledger.end_commit(ticket, freshness::Outcome::committed, now);
    worst = std::max(worst, seconds_of(CLOCK_MONOTONIC) - start);
  }
  std::printf("a table with %llu entries: invalidated in %.2f us (the worst of 100)\n",
              static_cast<unsigned long long>(entries), worst * 1e6);
}

double resident_mib() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

/// Sizes of all kinds come and go: what the allocator loses between them is in "resident" only.
void churn(std::uint64_t rounds) {
  constexpr std::uint64_t budget = 64 << 20;
  const std::string text(1 << 16, 'x');
  test::Dice dice(1);
  const double before = resident_mib();
  const auto used = [] {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd) / (1 << 20);
  };
  const double used_before = used();
  Bench bench({.bytes = budget, .automatic = false});
  double most = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    // The mean moves, so that the sizes of today do not fit the gaps of yesterday.
    const std::uint64_t most_bytes = std::uint64_t{64} << (dice.below(6) + i * 4 / rounds);
    const Lookup lookup = bench.lookup(dice.below(1'000'000), 2);
    if (!bench.cache.get(lookup, now)) {
      bench.store(lookup, std::string_view(text).substr(0, dice.below(most_bytes)));
    }
    if (i % 10'000 == 0) most = std::max(most, used());
  }
  std::printf(
      "churn of %llu with a budget of 64 MiB: told %.1f, allocated %.1f, resident %.1f MiB\n",
      static_cast<unsigned long long>(rounds),
      static_cast<double>(bench.cache.stats().bytes) / (1 << 20), most - used_before,
      resident_mib() - before);
}

void ratio(test::Number keys, std::size_t length) {
  std::printf("| trace | of the bytes | S3-FIFO | W-TinyLFU | product |\n|---|---|---|---|---|\n");
  double worst = 0;
  for (const auto& [name, trace] : test::all_traces(keys, length)) {
    const std::unordered_set<test::Number> all(trace.begin(), trace.end());
    test::Number total = 0;
    for (const test::Number each : all) total += test::Product::charge(test::size_of(each));
    for (const test::Number part : {100, 20, 5}) {
      const test::Number bytes = total / part;
      const auto charge = test::Product::charge;
      const double s3_fifo = hit_ratio(test::S3Fifo(bytes), trace, charge);
      const double tiny_lfu = hit_ratio(test::TinyLfu(bytes, total / all.size()), trace, charge);
      const double ours = hit_ratio(test::Product(bytes), trace, [](auto size) { return size; });
      worst = std::max(worst, std::max(s3_fifo, tiny_lfu) - ours);
      std::printf("| %s | %d %% | %.1f | %.1f | %.1f |\n", name.c_str(),
                  static_cast<int>(100 / part), s3_fifo, tiny_lfu, ours);
      std::fflush(stdout);
    }
  }
  std::printf("at most %.1f points below the better one\n", worst);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";
  const auto wanted = [only](std::string_view name) { return only.empty() || only == name; };
  bool good = true;
  if (wanted("hits")) {
    for (const std::size_t tables : {1, 2, 4}) good &= hits(1'000, tables);
    good &= hits(1'000'000, 2);
    key();
    misses();
  }
  if (wanted("threads")) {
    for (const std::uint64_t keys : {1, 10'000}) threads(1, keys), threads(2, keys);
  }
  if (wanted("invalidate")) invalidate(1'000'000);
  if (wanted("churn")) churn(2'000'000);
  if (only == "ratio") {
    ratio(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50'000,
          argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1'000'000);
  }
  return good ? 0 : 1;
}
