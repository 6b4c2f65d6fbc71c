#include "config/expand.hpp"

#include <doctest/doctest.h>

#include "files.hpp"

namespace heim::config::test {

TEST_CASE("variables are put in their place") {
  struct Case {
    const char* text;
    const char* expanded;
    const char* variable;
  };
  const Case cases[] = {
      {"", "", ""},
      {"plain", "plain", ""},
      {"${POOL}", "12", "POOL"},
      {"a${POOL}b${ADMIN}c", "a12balicec", "POOL"},
      {"${MISSING:-default}", "default", "MISSING"},
      {"${MISSING:-}", "", "MISSING"},
      {"${POOL:-default}", "12", "POOL"},
      {"${EMPTY:-default}", "default", "EMPTY"},
      {"${EMPTY}", "", "EMPTY"},
      {"$1 and $$1 and $", "$1 and $1 and $", ""},
      {"$${POOL}", "${POOL}", ""},
      {"$$$${", "$${", ""},
      {"${PASSWORD}", "s3cr$${et}", "PASSWORD"},  // not expanded again
      {"${MISSING:-$POOL}", "$POOL", "MISSING"},  // a default is taken as it is
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const Expanded result = expand(each.text, environment);
    CHECK(result.error.empty());
    CHECK(result.text == each.expanded);
    CHECK(result.variable == each.variable);
  }
}

TEST_CASE("what cannot be expanded is refused") {
  for (const char* text : {"${MISSING}", "${", "a ${POOL", "${}", "${:-x}", "${1A}", "${A B}",
                           "${POOL:x}", "${NOT_UTF8}"}) {
    CAPTURE(text);
    CHECK_FALSE(expand(text, environment).error.empty());
  }
  CHECK_FALSE(expand("${POOL}", nullptr).error.empty());
  CHECK_FALSE(expand(std::string_view("a\0b", 3), environment).error.empty());
}

TEST_CASE("what a variable makes is bounded") {
  const Environment large = [](std::string_view) { return std::string(600'000, 'x'); };
  CHECK(expand("${A}", large).error.empty());
  CHECK_FALSE(expand("${A}${A}", large).error.empty());
}

TEST_CASE("escaped dollars come back as they were") {
  for (const char* text : {"", "$", "$$", "$$$", "$1", "${POOL}", "$${", "a$$b", "{$}", "$1$2${"}) {
    CAPTURE(text);
    const Expanded result = expand(escape_dollars(text), environment);
    CHECK(result.error.empty());
    CHECK(result.text == text);
    CHECK(result.variable.empty());
  }
}

}  // namespace heim::config::test
