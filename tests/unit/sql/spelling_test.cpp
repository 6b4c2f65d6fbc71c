#include "sql/spelling.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

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

TEST_CASE("one hash for all spellings, also of texts that others have pushed out") {
  Spellings spellings(7);
  const Hash128 one = spellings.find("select a from t");
  CHECK(spellings.find("SELECT a FROM t;") == one);
  std::set<Hash128> seen = {one};
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5'000; ++i) {
      const std::string text = "select a from t where b = " + std::to_string(i);
      CHECK(seen.insert(spellings.find(text)).second == (round == 0));
    }
  }
  CHECK(spellings.find("select /* again */ a from t") == one);
  const std::string blanks(10'000, ' ');
  CHECK(spellings.find("select a" + blanks + "from t") == one);
  CHECK(Spellings(8).find("select a from t") != one);
}

}  // namespace heim::sql::test
