#include "config/text.hpp"

#include <doctest/doctest.h>

namespace heim::config {

TEST_CASE("edit distance counts letters added, removed, changed and swapped") {
  struct Case {
    const char* a;
    const char* b;
    std::size_t distance;
  };
  const Case cases[] = {{"", "", 0},         {"", "abc", 3},          {"abc", "abc", 0},
                        {"abc", "abd", 1},   {"abc", "ab", 1},        {"abc", "acb", 1},
                        {"host", "hots", 1}, {"kitten", "sitting", 3}};
  for (const Case& each : cases) {
    CHECK(edit_distance(each.a, each.b) == each.distance);
    CHECK(edit_distance(each.b, each.a) == each.distance);
  }
  const std::string long_name(1000, 'x');
  CHECK(edit_distance(long_name, "") == 64);
}

TEST_CASE("the nearest name is found, and none where none is near") {
  const std::string_view known[] = {"listen_address", "pool_size", "pool_mode", "host", "warning"};
  struct Case {
    const char* wrong;
    const char* nearest;
  };
  const Case cases[] = {{"listen_adress", "listen_address"},
                        {"Listen-Address", "listen_address"},
                        {"poolsize", "pool_size"},
                        {"pool_mod", "pool_mode"},
                        {"hots", "host"},
                        {"hostname", "host"},
                        {"warn", "warning"},
                        {"listen", "listen_address"},
                        {"zzzz", ""},
                        {"xy", ""},
                        {"", ""}};
  for (const Case& each : cases) {
    CAPTURE(each.wrong);
    CHECK(nearest(each.wrong, known) == each.nearest);
  }
}

TEST_CASE("UTF-8 is told from what is not") {
  struct Case {
    const char* text;
    bool good;
  };
  const Case cases[] = {{"", true},
                        {"plain", true},
                        {"\xC3\xA9", true},
                        {"\xE2\x82\xAC", true},
                        {"\xF0\x9F\x90\x98", true},
                        {"\xF4\x8F\xBF\xBF", true},
                        {"\x80", false},              // starts in the middle
                        {"\xC0\xAF", false},          // longer than needed
                        {"\xE0\x80\xAF", false},      // longer than needed
                        {"\xED\xA0\x80", false},      // a surrogate
                        {"\xF4\x90\x80\x80", false},  // beyond the last character
                        {"\xE2\x82", false},          // cut off
                        {"\xE2\x28\xA1", false},
                        {"\xFF", false}};
  for (const Case& each : cases) CHECK(is_utf8(each.text) == each.good);
}

TEST_CASE("lists with commas are split and joined") {
  CHECK(split_list("").empty());
  CHECK(split_list(" , ,").empty());
  CHECK(split_list("a") == std::vector<std::string_view>{"a"});
  CHECK(split_list(" a, b c ,,d") == std::vector<std::string_view>{"a", "b c", "d"});
  CHECK(join({}, ", ").empty());
  CHECK(join({"a", "a", "b"}, ", ") == "a, a, b");
}

TEST_CASE("texts are quoted for a file") {
  CHECK(quoted("plain") == "\"plain\"");
  CHECK(quoted("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(quoted("a\nb\x7f") == "\"a\\u000ab\\u007f\"");
}

TEST_CASE("control characters are seen") {
  CHECK_FALSE(has_control("plain \xC3\xA9", false));
  CHECK(has_control("a\nb", false));
  CHECK_FALSE(has_control("a\nb\t", true));
  CHECK(has_control("a\x01", true));
}

}  // namespace heim::config
