#include "sql/analysis.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cases.hpp"
#include "render.hpp"

using namespace heim;
using namespace heim::sql;
using namespace heim::sql::test;

TEST_CASE("what statements are and do: the case files") {
  const std::vector<Case> cases = all_cases();
  CHECK(cases.size() >= 250);
  for (const Case& row : cases) {
    CAPTURE(row.text);
    const ScriptRef script = analyse(row.text);
    CHECK(render(*script) == row.expected);
    Effects all = 0;
    for (const Statement& statement : script->statements) all |= statement.effects;
    CHECK(script->effects == all);
    CHECK(script->bytes >= sizeof(Script));
  }
}

TEST_CASE("the body of PREPARE") {
  const ScriptRef body = analyse_prepared("PREPARE p AS SELECT set_config('x', $1, false) FROM t");
  CHECK(render(*body) == "  read settings settings=x reads=t\n");
  CHECK(render(*analyse_prepared("prepare p (int) as delete from t;")) == "  write writes=t\n");
  CHECK_FALSE(analyse_prepared("select 1")->understood);
  CHECK_FALSE(analyse_prepared("prepare p as select 1; select 2")->understood);
  CHECK_FALSE(analyse_prepared("prepare p as select 'a")->understood);
}

TEST_CASE("one PREPARE of several statements") {
  const std::string_view text =
      "select 1; prepare a as select 1; /* ; */ prepare \"B\" as select 2;prepare a as select 3 "
      ";end";
  CHECK(prepare_statement(text, "a") == "prepare a as select 3 ");
  CHECK(prepare_statement(text, "B").ends_with("prepare \"B\" as select 2"));
  CHECK(analyse_prepared(prepare_statement(text, "B"))->understood);
  CHECK(prepare_statement(text, "b").empty());
  CHECK(prepare_statement("prepare a as select 'x'", "a") == "prepare a as select 'x'");
  CHECK(prepare_statement("prepare a as", "a").empty());
}

TEST_CASE("names in attribute notation") {
  struct Row {
    std::string_view sql;
    std::vector<std::string> attributes;
  };
  const Row rows[] = {
      {"select 1", {}},
      {"select a, t.* from t", {}},
      {"select t.a, t.a, s.t.b, d.s.t.c from t", {"a", "b", "c"}},
      {"select (t).a, (t.b).c, (f(t)).d, ($1).e, ((t).g).h from t",
       {"a", "b", "c", "d", "e", "g", "h"}},
      {"select (t.a[1]).b from t", {"a", "b"}},
      {"select 1 from t join u on t.a = u.b where exists (select from v where v.c) order by t.d",
       {"a", "b", "c", "d"}},
      {"update t set x = t.a, y.z = 1 from u returning t.b", {"a", "b"}},
      {"insert into t (x.y) values (1) on conflict (i) do update set x = excluded.a", {"a"}},
      {"prepare p as select t.a from t", {}},
      {"explain select t.a from t", {"a"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sql);
    const ScriptRef script = analyse(row.sql);
    const Statement& statement = script->statements.at(0);
    CHECK(statement.attributes == row.attributes);
    CHECK(((statement.effects & effect::names_attributes) != 0) == !row.attributes.empty());
  }
  CHECK(analyse_prepared("prepare p as select t.a from t")->statements.at(0).attributes.size() ==
        1);
}

TEST_CASE("texts that no client can send whole") {
  using namespace std::string_view_literals;
  CHECK_FALSE(analyse("select 1\0; delete from t"sv)->understood);
  CHECK(analyse("")->statements.empty());
  CHECK(analyse(" ;\n; -- x")->effects == 0);
  CHECK(analyse("select '\xff\xfe', \xc3")->statements.size() == 1);
}

TEST_CASE("every prefix of every case is read") {
  for (const Case& row : all_cases()) {
    for (std::size_t size = 0; size < row.text.size(); ++size) analyse(row.text.substr(0, size));
  }
}
