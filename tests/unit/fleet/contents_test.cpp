#include "fleet/contents.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>

namespace heim::fleet::test {

TEST_CASE("contents: what was never said may be there, until all was told") {
  Contents contents;
  CHECK(contents.may_hold("a"));
  contents.add("a");
  CHECK(contents.may_hold("b"));
  contents.complete();
  CHECK(contents.may_hold("a"));
  CHECK(!contents.may_hold("b"));
  contents.remove("a");
  CHECK(!contents.may_hold("a"));
  contents.lose();
  CHECK(contents.may_hold("a"));
  CHECK(!contents.is_complete());
}

TEST_CASE("contents: as a set, whatever comes and goes") {
  std::mt19937 dice(1);
  Contents contents;
  contents.complete();
  std::set<std::string> model;
  for (int i = 0; i < 200'000; ++i) {
    // It grows, and shrinks again.
    const std::string key = std::to_string(dice() % 3'000);
    if (dice() % 100 < (i / 20'000 % 2 == 0 ? 70u : 30u)) {
      contents.add(key);
      model.insert(key);
    } else {
      contents.remove(key);
      model.erase(key);
    }
    const std::string asked = std::to_string(dice() % 3'000);
    REQUIRE(contents.may_hold(asked) == model.contains(asked));
    REQUIRE(contents.size() == model.size());
  }
}

TEST_CASE("contents: of too many nothing is known, until it is told anew") {
  Contents contents;
  for (std::size_t i = 0; i <= Contents::most; ++i) contents.add(std::to_string(i));
  contents.complete();
  CHECK(!contents.is_complete());
  CHECK(contents.may_hold("never"));
  contents.lose();
  contents.complete();
  CHECK(!contents.may_hold("never"));
}

}  // namespace heim::fleet::test
