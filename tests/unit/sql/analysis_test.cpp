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
