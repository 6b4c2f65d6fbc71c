#include "route/cacheable.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"

namespace heim::route::test {
namespace {

std::string_view why(std::string_view sql) {
  const sql::ScriptRef script = sql::analyse(sql);
  static const Cluster cluster;
  return why_not_cached(*script, classify(*script, cluster.catalog.get()));
}

constexpr std::string_view fleeting = "asks for the time, or what else changes by itself";

}  // namespace

TEST_CASE("what may be cached") {
  struct Row {
    std::string_view sql, why;
  };
  constexpr Row rows[] = {
      {"select * from t where a = $1", ""},
      {"select count(*), max(a) from t join u using (id) order by 1 limit 3", ""},
      {"with x as (select * from t) select * from x", ""},
      {"select to_char(a, 'YYYY'), a::date, current_user from t", ""},
      {"select coalesce(lower(b), concat(a, b)) from t", ""},
      {"select harmless() from t", ""},
      {"table t", ""},
      {"select 1", "reads no table"},
      {"", "not one statement"},
      {"select a from t; select b from t", "not one statement"},
      {"select now() from t", fleeting},
      {"select * from t where a > current_date", fleeting},
      {"select * from t where a > current_timestamp - interval '1 day'", fleeting},
      {"select age(a) from t", fleeting},
      {"select random() from t", fleeting},
      {"select ctid, * from t", fleeting},
      {"select t.xmin from t", fleeting},
      {"select * from t tablesample bernoulli (10)", fleeting},
      {"select a::timetz from t", fleeting},
      {"select current_setting('a.b') from t", "asks about the server itself"},
      {"select writes() from t", "calls a volatile function"},
      {"select * from unheard_of", "reads a table that the catalog does not have"},
      {"select relname from pg_class", "reads the system catalog"},
      {"select * from t for update", "locks rows"},
      {"select nextval('s') from t", "advances a sequence"},
      {"insert into t values (1) returning a", "not a read"},
      {"explain select * from t", "not a read"},
      {"copy t to stdout", "not a read"},
      {"execute p", "not a read"},
      {"begin", "not a read"},
      {"what is this", "not a read"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sql);
    CHECK(why(row.sql) == row.why);
  }
}

TEST_CASE("words for a moment") {
  for (const char* text : {"now", "NOW", " Today", "{today}", "[yesterday,)", "a now b"}) {
    CAPTURE(text);
    CHECK(names_moment(text));
  }
  for (const char* text : {"", "know", "nowhere", "2024-01-01", "todays", "n o w"}) {
    CAPTURE(text);
    CHECK_FALSE(names_moment(text));
  }
}

TEST_CASE("texts that may have literals in quotes") {
  for (const std::string_view text :
       {"select 'a'", "select $$a$$", "select $a$b$a$ from t", "select e'a'", "'", "$",
        "select $1$", "select a from t where b = $1 and c = $_$now$_$"}) {
    CAPTURE(text);
    CHECK(has_quotes(text));
  }
  for (const std::string_view text :
       {"", "select a from t where b = 7", "select a from t where b = $1 and c = $12",
        "select \"now\", today from t"}) {
    CAPTURE(text);
    CHECK_FALSE(has_quotes(text));
  }
}

TEST_CASE("literals that are not read as they are spelled") {
  for (const char* text : {"select e'\\x6eow'", "select U&'no\\0077'", "select u&'now'",
                           "select 'to'\n'day'", "select 'to'  \n  'day'", "select 'to'\r'day'",
                           "select 'to' -- or\n 'day'", "select 'to'\n-- '\n'day'"}) {
    CAPTURE(text);
    CHECK(spells_otherwise(text));
  }
  for (const char* text : {"select 'a', 'b'", "select 'a' 'b'", "select 'it''s'",
                           "select 'a' -- 'b'", "select 1 & 2", "select a\n, 'b'\n, 'c'"}) {
    CAPTURE(text);
    CHECK_FALSE(spells_otherwise(text));
  }
}

}  // namespace heim::route::test
