#include "sql/hint.hpp"

#include <doctest/doctest.h>

namespace heim::sql::test {

TEST_CASE("hints") {
  struct Row {
    std::string_view text, route, freshness, cache = {};
  };
  constexpr Row rows[] = {
      {"/*+ route=primary */ select 1", "primary", ""},
      {"  \n/*+route=node:db-2*/select 1", "node:db-2", ""},
      {"select /*+ route=standby freshness=any */ 1", "standby", "any"},
      {"SELECT/*+ SeqScan(a), route=nearest */ 1", "nearest", ""},
      {"/*+ freshness=bounded:500ms */ table t", "", "bounded:500ms"},
      {"/*+ cache=60s freshness=any */ table t", "", "any", "60s"},
      {"select /*+ cache=off */ 1", "", "", "off"},
      {"select 1 /*+ route=primary */", "", ""},
      {"/* route=primary */ select 1", "", ""},
      {"/* a */ /*+ route=primary */ select 1", "", ""},
      {"-- x\n/*+ route=primary */ select 1", "", ""},
      {"select '/*+ route=primary */'", "", ""},
      {"/*+ route=primary", "", ""},
      {"/*+ /* */ route=primary */ select 1", "", ""},
      {"/*+ noroute=primary */ select 1", "", ""},
      {"/*+*/", "", ""},
      {"", "", ""},
      {"   ", "", ""},
      {"select", "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(find_hint(row.text).route == row.route);
    CHECK(find_hint(row.text).freshness == row.freshness);
    CHECK(find_hint(row.text).cache == row.cache);
    for (std::size_t size = 0; size < row.text.size(); ++size) find_hint(row.text.substr(0, size));
  }
}

}  // namespace heim::sql::test
