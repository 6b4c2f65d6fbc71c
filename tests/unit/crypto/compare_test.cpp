#include "crypto/compare.hpp"

#include <doctest/doctest.h>

using namespace heim::crypto;

TEST_CASE("equal compares bytes, zeros too") {
  CHECK(equal("", ""));
  CHECK(equal({}, ""));
  CHECK(equal("abc", "abc"));
  CHECK_FALSE(equal("abc", "abd"));
  CHECK_FALSE(equal("abc", "ab"));
  CHECK_FALSE(equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST_CASE("exclusive or undoes itself") {
  const Digest a = sha256("a"), b = sha256("b");
  CHECK(exclusive_or(exclusive_or(a, b), b) == a);
  CHECK(exclusive_or(a, a) == Digest{});
}
