#include "base/result.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using heim::Error;
using heim::Result;

namespace {

Result<int> half(int value) {
  if (value % 2) return Error{"22023", "odd", {}, {}};
  return value / 2;
}
Result<void> even(int value) {
  if (value % 2) return Error{"22023", "odd", {}, {}};
  return {};
}

}  // namespace

TEST_CASE("a Result is its value or its error") {
  const Result<int> good = half(4);
  REQUIRE(bool(good));
  CHECK(*good == 2);
  const Result<int> bad = half(3);
  REQUIRE_FALSE(bool(bad));
  CHECK(bad.error().sqlstate == "22023");
  CHECK(bad.error().message == "odd");
}

TEST_CASE("the value can be changed, reached and moved out") {
  Result<std::string> text(std::string("abc"));
  text->push_back('d');
  *text += 'e';
  const std::string moved = *std::move(text);
  CHECK(moved == "abcde");
  Result<std::unique_ptr<int>> owner(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = *std::move(owner);
  CHECK(*taken == 7);
}

TEST_CASE("a false value is not an error") {
  CHECK(bool(Result<bool>(false)));
  CHECK(bool(Result<int>(0)));
  CHECK(bool(Result<std::string>(std::string())));
}

TEST_CASE("Result<void>") {
  CHECK(bool(even(2)));
  REQUIRE_FALSE(bool(even(1)));
  CHECK(even(1).error().message == "odd");
}
