// The budget: bytes that the process has really allocated, under churn.
#include <doctest/doctest.h>
#include <malloc.h>

#include "fixture.hpp"
#include "traces.hpp"

namespace heim::cache::test {
namespace {

// What sanitizers allocate is not told.
#ifndef HEIM_SANITIZED
std::uint64_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Sizes from nothing to the limit, most of them small.
std::uint64_t some_size(Dice& dice) {
  const std::uint64_t most = std::uint64_t{16} << dice.below(13);
  return dice.below(most);
}
#endif

}  // namespace

#ifndef HEIM_SANITIZED
TEST_CASE("allocated bytes stay within the budget by less than 3 %") {
  constexpr std::uint64_t budget = 32 << 20;
  const std::string text(64 << 10, 'x');
  Ledger ledger;
  const TableId table = ledger.everything(ledger.database("app"));
  const Instant now = start;
  Dice dice(1);
  std::vector<EntryRef> lent(100);
  const std::uint64_t before = allocated();
  Cache cache(ledger, {.bytes = budget, .automatic = false});
  std::uint64_t most = 0, least = ~std::uint64_t{0};
  for (int i = 0; i < 300'000; ++i) {
    // Keys come and go, some are asked for again, some are held for a while.
    const std::uint64_t number =
        dice.below(4) ? dice.below(50'000) : 50'000u + static_cast<unsigned>(i);
    const Lookup lookup{
        .key = key_of(number), .fingerprint = query_of(number % 50), .tables = {&table, 1}};
    EntryRef hit = cache.get(lookup, now);
    if (hit) {
      lent[dice.below(lent.size())] = std::move(hit);
    } else {
      Miss miss = cache.miss(lookup, nullptr, 0, now);
      const Bytes pieces[] = {as_bytes(std::string_view(text).substr(0, some_size(dice)))};
      miss.fill.admit({.pieces = pieces}, now);
    }
    if (i % 1'000 != 0) continue;
    const std::uint64_t is = allocated() - before;
    most = std::max(most, is);
    if (i > 100'000) least = std::min(least, is);
    const std::uint64_t told = cache.stats().bytes;
    REQUIRE(told <= budget + budget / 100);  // an index grows, a result comes to be held
    REQUIRE(is <= told + budget / 100);
    REQUIRE(told <= is + budget / 100);
  }
  CHECK(most < budget + budget / 100 * 3);
  CHECK(least > budget - budget / 100 * 3);  // and the budget is used
  CHECK(cache.stats().evicted > 10'000);
}
#endif

TEST_CASE("results that are held count, and take the others' room") {
  Bench bench({.bytes = 2 << 20, .queries = 8, .shards = 1});
  const std::string text(100'000, 'x');
  std::vector<EntryRef> held;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    if (bench.store(number, text) != Admission::stored) break;
    held.push_back(bench.cache.get(bench.lookup(number), bench.now));
    REQUIRE(held.back());
    CHECK(bench.cache.stats().bytes <= 2 << 20);
  }
  CHECK(held.size() > 15);
  CHECK(held.size() < 21);
  CHECK(bench.admitted(Admission::no_room) == 1);
  held.clear();
  CHECK(bench.cache.stats().outside == 0);
  CHECK(bench.store(1'000, text) == Admission::stored);
}

TEST_CASE("who waits counts, too") {
  Bench bench;
  const std::uint64_t before = bench.cache.stats().bytes;
  Fill fill = bench.lead(1);
  const std::uint64_t with_fill = bench.cache.stats().bytes;
  CHECK(with_fill > before);
  Ticket ticket = bench.miss(1).ticket;
  CHECK(bench.cache.stats().bytes > with_fill);
  ticket.withdraw();
  CHECK(bench.cache.stats().bytes == with_fill);
  fill.abandon();
  CHECK(bench.cache.stats().bytes == before);
}

TEST_CASE("dead results go first") {
  Bench bench({.bytes = 1 << 20, .queries = 8, .shards = 1});
  const std::string text(10'000, 'x');
  const TableId only_b[] = {bench.b};
  for (std::uint64_t number = 0; number < 90; ++number) {
    Lookup lookup = bench.lookup(number);
    if (number % 2 != 0) lookup.tables = only_b;
    Fill fill = std::move(bench.cache.miss(lookup, nullptr, 0, bench.now).fill);
    REQUIRE(bench.admit(fill, text) == Admission::stored);
    for (int i = 0; i < 3; ++i) bench.cache.get(lookup, bench.now);
  }
  bench.commit(bench.a);
  for (std::uint64_t number = 100; number < 140; ++number) bench.store(number, text);
  int left = 0;
  for (std::uint64_t number = 1; number < 90; number += 2) left += bench.read(number) != "-";
  CHECK(left == 45);
  CHECK(bench.cache.stats().evicted == 0);
  CHECK(bench.cache.stats().evicted_dead > 5);
}

}  // namespace heim::cache::test
