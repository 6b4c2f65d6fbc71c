#include "cache/benefit.hpp"

#include <doctest/doctest.h>

#include "fixture.hpp"

namespace heim::cache::test {
namespace {

/// Asks for one fingerprint under ever new keys.
struct Asking : Bench {
  explicit Asking(Cache::Limits limits = {.bytes = 1 << 20, .shards = 1}) : Bench(limits) {}
  std::uint64_t key = 0;
  std::string text = "text";
  Duration cost = milliseconds(1);
  int hits = 0;  // of each result
  Duration pace = milliseconds(20);

  /// Whether it was asked for the cache.
  bool once() {
    Miss found = miss(++key);
    if (!found.fill) return false;
    admit(found.fill, text, {.cost = cost});
    for (int i = 0; i < hits; ++i) read(key);
    now += pace;
    return true;
  }
  QueryRow row() const { return cache.queries(1).at(0); }
};

// The last one of a window is judged when the next one is asked.
constexpr int window = static_cast<int>(Benefit::window) + 1;

}  // namespace

TEST_CASE("what is left out, and why") {
  struct Case {
    const char* wanted;  // the reason's beginning; null: it stays
    void (*prepare)(Asking&);
    void (*after_each)(Asking&);
  };
  const auto nothing = [](Asking&) {};
  const auto write = [](Asking& asking) {
    asking.commit(asking.a);
    asking.cache.invalidate(key_of(asking.key));
  };
  const auto drop = [](Asking& asking) { asking.cache.invalidate(key_of(asking.key)); };
  for (const auto& [wanted, prepare, after_each] : {
           // Nothing has come to its end yet: a cache that fills up.
           Case{nullptr, nothing, nothing},
           Case{"left out: written too often (65 of 65 ", nothing, write},
           Case{nullptr, [](Asking& asking) { asking.hits = 1; }, write},
           Case{"left out: the same is rarely asked again (0 hits of 65", nothing, drop},
           Case{"left out: too cheap (5 us)",
                [](Asking& asking) { asking.cost = std::chrono::microseconds(5); }, nothing},
           // Nobody said what it costs.
           Case{nullptr, [](Asking& asking) { asking.cost = Duration(0); }, nothing},
           Case{"left out: too large (4 of 4 ",
                [](Asking& asking) { asking.text = std::string(1 << 20, 'x'); }, nothing},
       }) {
    Asking asking;
    prepare(asking);
    int asked = 0;
    while (asked < 2 * window && asking.once()) {
      ++asked;
      after_each(asking);
    }
    INFO(asking.row().reason);
    CHECK(asking.row().left_out == (wanted != nullptr));
    if (wanted == nullptr) {
      CHECK(asked == 2 * window);
      CHECK(asking.row().reason == "kept");
      continue;
    }
    CHECK(asking.row().reason.starts_with(wanted));
    CHECK(asking.miss(1'000).reason.starts_with("left out"));
    CHECK(asking.cache.stats().passed >= 1);
    Lookup always = asking.lookup(1'000);
    always.always = true;
    CHECK(asking.cache.miss(always, nullptr, 0, asking.now).fill);
  }
}

TEST_CASE("what is left out is tried again, each time later, until it pays") {
  Asking asking;
  const auto run = [&] {
    int asked = 0;
    while (asked < 4 * window && asking.once()) {
      ++asked;
      asking.cache.invalidate(key_of(asking.key));
    }
    return asked;
  };
  CHECK(run() == window);
  Duration pause = Benefit::first_pause;
  for (std::uint32_t i = 0; i < Benefit::most_doublings + 3; ++i) {
    asking.now += pause - asking.pace - milliseconds(1);
    CHECK(run() == 0);
    asking.now += milliseconds(1);
    CHECK(run() == window);
    if (i < Benefit::most_doublings) pause *= 2;
  }
  asking.hits = 1;
  asking.now += pause;
  CHECK(run() == 4 * window);
  CHECK_FALSE(asking.row().left_out);
  asking.hits = 0;
  CHECK(run() < 4 * window);
  asking.now += Benefit::first_pause;
  CHECK(run() == window);
}

TEST_CASE("what is refused at once, and never again, leaves nothing out") {
  Asking asking;
  asking.pace = std::chrono::microseconds(100);
  for (int i = 0; i < 2 * window; ++i) {
    REQUIRE(asking.once());
    asking.commit(asking.a);
    asking.cache.invalidate(key_of(asking.key));
  }
  // They have taken 13 ms, and what comes next pays for them.
  asking.pace = milliseconds(20);
  asking.hits = 1;
  for (int i = 0; i < 2 * window; ++i) REQUIRE(asking.once());
  CHECK(asking.row().reason == "kept");
}

TEST_CASE("moments in which nothing can be kept leave out for no longer than a second") {
  Asking asking;
  for (int moment = 0; moment < 8; ++moment) {
    asking.pace = milliseconds(20);
    asking.hits = 0;
    int asked = 0;
    while (asked < 4 * window && asking.once()) {
      ++asked;
      asking.cache.invalidate(key_of(asking.key));
    }
    CHECK(asked < 4 * window);
    CHECK(asking.row().left_out);
    asking.now += Benefit::first_pause;
    asking.hits = 1;
    for (int i = 0; i < 2 * window; ++i) REQUIRE(asking.once());
    CHECK_FALSE(asking.row().left_out);
  }
}

TEST_CASE("what is refused all the time is left out once a second is over") {
  Asking asking;
  asking.pace = std::chrono::microseconds(100);
  int asked = 0;
  for (; asked < 20'000 && asking.once(); ++asked) {
    asking.commit(asking.a);
    asking.cache.invalidate(key_of(asking.key));
  }
  CHECK(asked >= 10'000);
  CHECK(asked < 10'100);
  CHECK(asking.row().reason.starts_with("left out: written too often"));
}

TEST_CASE("without the automatic decision nothing is left out") {
  Asking asking({.bytes = 1 << 20, .shards = 1, .automatic = false});
  for (int i = 0; i < 2 * window; ++i) {
    CHECK(asking.once());
    asking.cache.invalidate(key_of(asking.key));
  }
}

TEST_CASE("figures of a query") {
  Asking asking;
  asking.hits = 5;
  for (int i = 0; i < 4; ++i) asking.once();
  asking.hits = 0;
  asking.once();
  asking.commit(asking.a);
  for (std::uint64_t key = 1; key <= 5; ++key) asking.cache.invalidate(key_of(key));
  const QueryRow row = asking.row();
  CHECK(row.fingerprint == query_of(1));
  CHECK(row.hits == 20);
  CHECK(row.misses == 5);
  CHECK(row.fills == 5);
  CHECK(row.invalidated == 5);
  CHECK(row.unused == 1);
  CHECK(row.mean_bytes == 4);
  CHECK(row.mean_us == 1'000);
  CHECK(row.saved_us == 20'000);
  CHECK(std::ranges::equal(row.tables, asking.reads_a));
}

TEST_CASE("figures are bounded: beyond that, queries share some") {
  Bench bench({.bytes = 1 << 20, .queries = 8, .shards = 1});
  const auto ask = [&](std::uint64_t query) {
    Lookup lookup = bench.lookup(query);
    lookup.fingerprint = query_of(query);
    return std::move(bench.cache.miss(lookup, nullptr, 0, bench.now).fill);
  };
  std::vector<Fill> fills;
  for (std::uint64_t query = 1; query <= 20; ++query) fills.push_back(ask(query));
  CHECK(bench.cache.stats().queries == 8);
  const std::vector<QueryRow> rows = bench.cache.queries(100);
  CHECK(rows.size() == 9);
  CHECK(std::ranges::count(rows, "queries that have no figures of their own", &QueryRow::reason) ==
        1);
  for (Fill& fill : fills) bench.admit(fill, "text");
  // A result of those that share goes with any of them.
  bench.cache.invalidate_fingerprint(query_of(15));
  CHECK(bench.read(20) == "-");
  CHECK(bench.read(8) == "text");
  // Those that nothing points at make room.
  bench.cache.invalidate(key_of(3));
  fills.clear();
  Fill fresh = ask(50);
  CHECK(std::ranges::count(bench.cache.queries(100), query_of(50), &QueryRow::fingerprint) == 1);
  CHECK(std::ranges::count(bench.cache.queries(100), query_of(3), &QueryRow::fingerprint) == 0);
}

}  // namespace heim::cache::test
