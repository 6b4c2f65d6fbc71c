#include "cluster/breaker.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace heim;
using cluster::Breaker;
using cluster::BreakerOptions;
using State = Breaker::State;
using std::chrono::milliseconds;

namespace {

struct Rig {
  BreakerOptions options;
  Breaker breaker;
  Instant now{std::chrono::seconds(1000)};

  void pass(Duration time) {
    now += time;
    breaker.tick(options, now);
  }
  State count(std::uint64_t good, std::uint64_t bad) {
    breaker.count(good, bad, options, now);
    return breaker.state();
  }
};

}  // namespace

TEST_CASE("a breaker opens by rate and volume") {
  struct Row {
    std::uint64_t good, bad;
    State after;
  };
  const Row rows[] = {
      {0, 19, State::closed},    // too few to say
      {0, 20, State::open},      // all of enough
      {11, 9, State::closed},    // less than half
      {10, 10, State::open},     // half
      {1000, 10, State::closed}  // a few of many
  };
  for (const Row& row : rows) {
    Rig rig;
    CAPTURE(row.good);
    CAPTURE(row.bad);
    CHECK(rig.count(row.good, row.bad) == row.after);
  }
}

TEST_CASE("only failures of the window count") {
  Rig rig;
  CHECK(rig.count(0, 19) == State::closed);
  rig.pass(std::chrono::seconds(11));
  CHECK(rig.count(0, 19) == State::closed);
  CHECK(rig.count(0, 1) == State::open);
}

TEST_CASE("open, then a trial, then closed") {
  Rig rig;
  REQUIRE(rig.count(0, 50) == State::open);
  rig.pass(milliseconds(999));
  CHECK(rig.breaker.state() == State::open);
  CHECK(rig.count(0, 50) == State::open);
  rig.pass(milliseconds(1));
  CHECK(rig.breaker.state() == State::half_open);
  CHECK(rig.count(4, 0) == State::half_open);
  CHECK(rig.count(1, 0) == State::closed);
  CHECK(rig.breaker.rate() == 0);
}

TEST_CASE("a trial that fails makes the rest longer, up to a limit") {
  Rig rig;
  REQUIRE(rig.count(0, 50) == State::open);
  Duration rest = rig.options.rest;
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    rig.pass(rest - milliseconds(1));
    CHECK(rig.breaker.state() == State::open);
    rig.pass(milliseconds(1));
    CHECK(rig.breaker.state() == State::half_open);
    CHECK(rig.count(3, 1) == State::open);
    rest = std::min(2 * rest, rig.options.longest_rest);
  }
}

TEST_CASE("the limit follows what is usual") {
  Rig rig;
  rig.options.threshold = 0.1;
  rig.options.factor = 3;
  CHECK(rig.breaker.limit(rig.options) == doctest::Approx(0.1));
  // A node where one in twelve always fails.
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(rig.count(1100, 100) == State::closed);
    rig.pass(std::chrono::seconds(1));
  }
  CHECK(rig.breaker.usual() == doctest::Approx(1.0 / 12).epsilon(0.05));
  CHECK(rig.breaker.limit(rig.options) == doctest::Approx(0.25).epsilon(0.05));
  rig.pass(std::chrono::seconds(20));
  CHECK(rig.count(80, 20) == State::closed);  // 20 %: opens elsewhere, not here
  rig.pass(std::chrono::seconds(20));
  CHECK(rig.count(70, 30) == State::open);
}
