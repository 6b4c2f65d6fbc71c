#include <doctest/doctest.h>

#include "cluster/budget.hpp"
#include "cluster/positions.hpp"

using namespace heim;
using cluster::Budget;
using cluster::Positions;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a budget keeps its share over any row of questions") {
  Budget budget;
  Instant now{seconds(10)};
  Duration worked{0};
  const Instant begin = now;
  for (int i = 0; i < 1000; ++i) {
    const Duration work = microseconds(20 + i % 180);
    now = std::max(now + milliseconds(1), budget.free_at());
    budget.spend(work, now, 1);
    worked += work;
  }
  now = std::max(now, budget.free_at());
  CHECK(worked * 100 <= (now - begin) + milliseconds(1));
}

TEST_CASE("one slow answer holds up the next for a second at most") {
  Budget budget;
  const Instant now{seconds(10)};
  budget.spend(seconds(5), now, 1);
  CHECK(budget.free_at() == now + seconds(1));
}

TEST_CASE("up to when a position reaches") {
  Positions positions;
  const auto at = [](int s) { return Instant(seconds(s)); };
  CHECK_FALSE(positions.reached(100));
  positions.add(100, at(1));
  positions.add(200, at(2));
  positions.add(200, at(3));  // idle: the same position, later
  positions.add(150, at(4));  // an answer that was overtaken says nothing
  positions.add(300, at(5));
  CHECK_FALSE(positions.reached(99));
  CHECK(positions.reached(100) == at(1));
  CHECK(positions.reached(199) == at(1));
  CHECK(positions.reached(200) == at(3));
  CHECK(positions.reached(1000) == at(5));
}

TEST_CASE("old positions are thinned out, and never promise more than was true") {
  Positions positions;
  for (int i = 1; i <= 100000; ++i) {
    positions.add(static_cast<std::uint64_t>(i) * 10, Instant(milliseconds(i)));
  }
  CHECK(positions.newest() == 1000000);
  int known = 0;
  for (int i = 1; i <= 100000; i += 7) {
    const auto reached = positions.reached(static_cast<std::uint64_t>(i) * 10);
    if (!reached) continue;
    ++known;
    CHECK(*reached <= Instant(milliseconds(i)));
  }
  CHECK(known > 0);
  CHECK(positions.reached(999990) == Instant(milliseconds(99999)));
}
