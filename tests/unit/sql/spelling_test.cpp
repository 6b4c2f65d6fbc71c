#include "sql/spelling.hpp"

#include <doctest/doctest.h>

#include "sql/analysis.hpp"

namespace heim::sql::test {

TEST_CASE("what PostgreSQL reads alike is spelled alike") {
  std::string one, other;
  struct Row {
    std::string_view a, b;
  };
  constexpr Row rows[] = {
      {"select a from t", "SELECT A\n\tFROM T ;"},
      {"select a from t", " /* why */ select a -- what\n from t;; "},
      {"select a from t where b=1", "select a from t where b = 1"},
      {"select a,b from t", "select a , b from t"},
      {"select \"A\" from t", "select\n\"A\" from t"},
      {"select 'A b' from t", "select 'A b'from t"},
      {"select $$A  b$$ from t", "select  $$A  b$$  from t"},
      {"select t.a::int from s.t", "select t . a :: int from s . t"},
      {"", " /* */ ; "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CHECK(one_spelling(row.a, one) == one_spelling(row.b, other));
    CHECK(analyse(row.a)->understood == analyse(one_spelling(row.a, one))->understood);
    const std::string again(one_spelling(row.a, one));
    CHECK(one_spelling(again, other) == again);
  }
}

TEST_CASE("what it may read otherwise is spelled otherwise") {
  std::string one, other;
  struct Row {
    std::string_view a, b;
  };
  constexpr Row rows[] = {
      {"select \"A\" from t", "select a from t"},
      {"select 'A' from t", "select 'a' from t"},
      {"select 'a  b' from t", "select 'a b' from t"},
      {"select 'a' \n 'b'", "select 'a' 'b'"},
      {"select 'a' -- x\n 'b'", "select 'a' 'b'"},
      {"select 1as b from t", "select 1 as b from t"},
      {"select $1as b from t", "select $1 as b from t"},
      {"select a @- 1 from t", "select a @ - 1 from t"},
      {"select a- -1 from t", "select a--1\nfrom t"},
      {"select 1.0 from t", "select 1.00 from t"},
      {"select e'a\\'b' from t", "select 'a\\'b' from t"},
      {"select $a$ -- $a$ from t", "select $a$ $a$ from t"},
      {"select a; b", "select a b"},
      {"select 'a", "select 'A"},
      {"select a /* b", "select a /* c"},
      {"select u&\"A\" from t", "select u&\"a\" from t"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CHECK(one_spelling(row.a, one) != one_spelling(row.b, other));
  }
}

}  // namespace heim::sql::test
