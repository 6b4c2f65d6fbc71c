// Every order in which reads, fills, commits and invalidations can fall: nobody is given a result
// that lacks a commit which was acknowledged before he asked.
#include <doctest/doctest.h>

#include <functional>

#include "fixture.hpp"

namespace heim::cache::test {
namespace {

/// A database of one number, which each commit counts up.
struct World : Bench {
  using Bench::Bench;
  int visible = 0, told = 0;
  struct Select {
    Fill fill;
    int snapshot = -1;
  };
  Select selects[2];
  CommitTicket tickets[2];
  std::size_t served = 0, stored = 0;

  void ask(int i) { selects[i].fill = std::move(miss(1, static_cast<std::uint64_t>(i)).fill); }
  void snapshot(int i) { selects[i].snapshot = visible; }
  void done(int i) {
    if (!selects[i].fill) return;
    stored += admit(selects[i].fill, std::to_string(selects[i].snapshot)) == Admission::stored;
  }
  void send(int i) { tickets[i] = begin(a); }
  void apply() { ++visible; }
  void heard(int i, Outcome outcome = Outcome::committed) { end(tickets[i], outcome); }
  /// More than is promised: what is visible may have been seen elsewhere, by a read of its own, and
  /// told, though nobody has acknowledged it.
  void look() {
    const std::string found = read(1);
    if (found == "-") return;
    ++served;
    if (std::stoi(found) != visible) FAIL("given " << found << ", but there is " << visible);
  }
};

using Step = std::function<void(World&)>;
using Line = std::vector<Step>;

/// All merges of the lines, each kept in its order.
void each_order(const std::vector<Line>& lines, std::vector<std::size_t>& at,
                std::vector<const Step*>& order, const std::function<void()>& run) {
  bool any = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (at[i] == lines[i].size()) continue;
    any = true;
    order.push_back(&lines[i][at[i]++]);
    each_order(lines, at, order, run);
    order.pop_back();
    --at[i];
  }
  if (!any) run();
}

struct Tally {
  std::size_t orders = 0, served = 0, stored = 0;
};

/// A read after each step.
Tally run_all(const std::vector<Line>& lines) {
  Tally tally;
  std::vector<std::size_t> at(lines.size(), 0);
  std::vector<const Step*> order;
  each_order(lines, at, order, [&] {
    World world({.bytes = 1 << 20, .queries = 8, .shards = 1});
    for (const Step* step : order) {
      (*step)(world);
      world.look();
    }
    ++tally.orders;
    tally.served += world.served;
    tally.stored += world.stored;
    // Whatever came before: one more read, and it is kept.
    if (world.ledger.in_flight(world.a)) return;
    world.selects[0].fill = {}, world.selects[1].fill = {};
    world.bell.rings.clear();
    if (world.read(1) == "-") {
      world.ask(0), world.snapshot(0), world.done(0);
    }
    world.look();
    REQUIRE(world.read(1) == std::to_string(world.visible));
  });
  return tally;
}

Line select(int i) {
  return {[i](World& w) { w.ask(i); }, [i](World& w) { w.snapshot(i); },
          [i](World& w) { w.done(i); }};
}
Line write(int i) {
  return {[i](World& w) { w.send(i); }, [](World& w) { w.apply(); }, [i](World& w) { w.heard(i); }};
}

}  // namespace

TEST_CASE("every order of two reads and two commits") {
  const Tally tally = run_all({select(0), select(1), write(0), write(1)});
  CHECK(tally.orders == 369'600);  // 12! / (3!)^4
  CHECK(tally.served > 0);
  CHECK(tally.stored > 0);
  CHECK(tally.stored < 2 * tally.orders);
}

TEST_CASE("every order of a read, a commit, one that fails and one that nobody knows of") {
  const Line fails = {[](World& w) { w.send(0); },
                      [](World& w) { w.heard(0, Outcome::rolled_back); }};
  const Line lost = {[](World& w) { w.send(1); },
                     // The connection breaks; the server goes on.
                     [](World& w) { w.heard(1, Outcome::unknown); }, [](World& w) { w.apply(); }};
  const Tally tally = run_all({select(0), select(1), fails, lost});
  CHECK(tally.orders == 92'400);  // 11! / (3! 3! 2! 3!)
  CHECK(tally.served > 0);
}

TEST_CASE("every order of a read, a commit and invalidations") {
  const Line invalidate = {[](World& w) { w.cache.invalidate(key_of(1)); },
                           [](World& w) { w.cache.invalidate_fingerprint(query_of(1)); },
                           [](World& w) { w.cache.invalidate_all(); }};
  const Tally tally = run_all({select(0), write(0), invalidate});
  CHECK(tally.orders == 1'680);  // 9! / (3!)^3
  CHECK(tally.served > 0);
}

/// What is not told to the ledger: who changes it knows, and says so afterwards.
TEST_CASE("every order of two reads and a change that is told by invalidation alone") {
  using Invalidate = void (*)(Cache&);
  for (const Invalidate invalidate :
       {Invalidate([](Cache& cache) { cache.invalidate(key_of(1)); }),
        Invalidate([](Cache& cache) { cache.invalidate_fingerprint(query_of(1)); }),
        Invalidate([](Cache& cache) { cache.invalidate_all(); })}) {
    const std::vector<Line> lines = {select(0),
                                     select(1),
                                     {[](World& w) { ++w.visible; },
                                      [invalidate](World& w) {
                                        invalidate(w.cache);
                                        w.told = w.visible;
                                      }}};
    std::vector<std::size_t> at(lines.size(), 0);
    std::vector<const Step*> order;
    std::size_t orders = 0;
    each_order(lines, at, order, [&] {
      World world({.bytes = 1 << 20, .queries = 8, .shards = 1});
      for (const Step* step : order) {
        (*step)(world);
        const std::string found = world.read(1);
        REQUIRE((found == "-" || std::stoi(found) >= world.told));
      }
      ++orders;
    });
    CHECK(orders == 560);  // 8! / (3! 3! 2!)
  }
}

}  // namespace heim::cache::test
