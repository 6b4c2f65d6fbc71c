#include "base/like.hpp"

#include <doctest/doctest.h>

#include <string>

using heim::like;

TEST_CASE("a name is like a pattern, or it is not") {
  struct Row {
    const char *text, *pattern;
    bool is;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "%", true},
      {"", "%%", true},
      {"", "_", false},
      {"a", "", false},
      {"orders", "orders", true},
      {"orders", "Orders", false},
      {"orders", "order", false},
      {"order", "orders", false},
      {"orders", "ord%", true},
      {"orders", "%ers", true},
      {"orders", "%de%", true},
      {"orders", "%", true},
      {"orders", "o_d_r_", true},
      {"orders", "o_d_r", false},
      {"orders", "%d_r%", true},
      {"orders_2024_01", "orders_____\\___", true},
      {"orders_2024", "orders\\_%", true},
      {"orders2024", "orders\\_%", false},
      {"100%", "100\\%", true},
      {"1000", "100\\%", false},
      {"a\\b", "a\\\\b", true},
      {"a\\", "a\\", true},
      {"ab", "a\\", false},
      {"aab", "%ab", true},
      {"abab", "%ab", true},
      {"abac", "%ab", false},
      {"mississippi", "%iss%ip_i", true},
      {"mississippi", "%iss%ip_", false},
      {"\xc3\xbcnits", "_nits", true},  // one character, two bytes
      {"\xc3\xbcnits", "__nits", false},
      {"\xe2\x82\xacs", "%_s", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CAPTURE(row.pattern);
    CHECK(like(row.text, row.pattern) == row.is);
  }
}

TEST_CASE("a pattern of many runs comes to its end") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "%a";
  CHECK_FALSE(like(std::string(2000, 'a'), pattern + "b"));
  CHECK(like(std::string(2000, 'a'), pattern));
}
