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

TEST_CASE("a supply gives out no byte twice") {
  struct Counter final : Random {
    void fill(std::uint8_t* out, std::size_t size) override {
      ++calls;
      for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(next++ / 4);
    }
    std::uint32_t next = 0;
    int calls = 0;
  } source;
  RandomSupply supply(source);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) CHECK(seen.insert(supply.bytes(4)).second);
  CHECK(source.calls == 1);
  CHECK(supply.bytes(300).size() == 300);
  CHECK(source.calls == 2);
}
