#include "crypto/random.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace heim::crypto;

TEST_CASE("the system's random bytes fill what is asked for and do not repeat") {
  SystemRandom random;
  CHECK(random.bytes(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random.bytes(16));
  CHECK(seen.size() == 100);
}
