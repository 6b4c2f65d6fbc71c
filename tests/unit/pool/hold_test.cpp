// The bounds of what waits for a node.
#include "pool/hold.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace heim;
using namespace heim::pool;
using std::chrono::seconds;

TEST_CASE("so many clients wait, and no more") {
  Hold hold;
  const Hold::Limits limits{2, 1000};
  CHECK(hold.enter(limits) == Hold::Full::no);
  CHECK(hold.enter(limits) == Hold::Full::no);
  CHECK(hold.enter(limits) == Hold::Full::clients);
  CHECK(hold.clients() == 2);
  CHECK(hold.total() == 3);
  CHECK(hold.full() == 1);
  hold.leave(0, seconds(3));
  hold.leave(0, seconds(1));
  CHECK(hold.longest() == seconds(3));
  CHECK(hold.clients() == 0);
  CHECK(hold.enter(limits) == Hold::Full::no);
}

TEST_CASE("so many bytes wait: who has sent more is not read, who comes then is refused") {
  Hold hold;
  const Hold::Limits limits{10, 1000};
  REQUIRE(hold.enter(limits) == Hold::Full::no);
  CHECK(hold.add(limits, 999));
  CHECK_FALSE(hold.add(limits, 500));
  CHECK(hold.bytes() == 1499);
  CHECK(hold.enter(limits) == Hold::Full::bytes);
  CHECK(hold.clients() == 1);
  hold.leave(1499, seconds(1));
  CHECK(hold.bytes() == 0);
  CHECK(hold.enter(limits) == Hold::Full::no);
}
