// The build without libpg_query.
#include <doctest/doctest.h>

#include "sql/analysis.hpp"

using namespace heim::sql;

TEST_CASE("what is understood without a parser") {
  CHECK(analyse("BEGIN")->statements.at(0).kind == Kind::begin);
  CHECK(analyse("; /**/ Start\tTRANSACTION;")->statements.at(0).kind == Kind::begin);
  CHECK(analyse("commit;;")->statements.at(0).kind == Kind::commit);
  CHECK(analyse("ROLLBACK")->statements.at(0).kind == Kind::rollback);
  CHECK(analyse("rollback")->effects == effect::transaction);
  CHECK(analyse(" -- x")->statements.empty());
}

TEST_CASE("and what is not") {
  for (const char* text : {"select 1", "begin; commit", "commit and chain", "begin read only",
                           "rollback to a", "\"begin\"", "insert into t values (1)", "'begin'"}) {
    CAPTURE(text);
    const ScriptRef script = analyse(text);
    CHECK_FALSE(script->understood);
    CHECK(script->statements.at(0).kind == Kind::unknown);
    CHECK((script->effects & effect::suspicious) != 0);
  }
  AnalysisCache cache(1);
  CHECK_FALSE(cache.find("select 1")->understood);
  CHECK(cache.find("begin") == cache.find("BEGIN "));
}
