// Texts whose trees are deep. The stack of the tests has 8 MiB: none of them may end it.
#include <doctest/doctest.h>

#include <string>

#include "sql/analysis.hpp"

using namespace heim::sql;

namespace {

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

struct Bomb {
  const char* before;
  const char* opening;
  const char* middle;
  const char* closing;
};

std::string built(const Bomb& bomb, std::size_t bytes) {
  const std::string_view opening = bomb.opening, closing = bomb.closing;
  const std::size_t count = bytes / (opening.size() + closing.size());
  return bomb.before + repeated(opening, count) + bomb.middle + repeated(closing, count);
}

constexpr Bomb bombs[] = {
    {"select 1", "+a", "", ""},
    {"select a", "||b", "", ""},
    {"select ", "(", "1", ")"},
    {"select ", "f(", "", ")"},
    {"select ", "not ", "true", ""},
    {"select ", "- ", "1", ""},
    {"select 1", " union select 1", "", ""},
    {"select 1", " union all values(1)", "", ""},
    {"", "(select 1 union ", "select 1", ")"},
    {"select ", "(select ", "1", ")"},
    {"", "select*from(", "select", ")a"},
    {"select * from a", " join b on true", "", ""},
    {"select * from ", "(a join ", "b", " on true)"},
    {"select ", "array[", "1", "]"},
    {"select ", "case when true then ", "1", " end"},
    {"select ", "row(", "1", ")"},
    {"select a", "[1]", "", ""},
    {"select a", "::int", "", ""},
    {"select a", " collate c", "", ""},
    {"select a", " is null", "", ""},
    {"select true", " and a", "", ""},
    {"select true", " or a and b", "", ""},
    {"select a in (1", ",a", ")", ""},
    {"", "with a as (", "select", ")select"},
    {"", "explain ", "select 1", ""},
    {"", "explain analyze ", "select 1", ""},
    {"", "prepare a as ", "select 1", ""},
    {"", "select 1;", "", ""},
    {"", ";", "", ""},
    {"create schema s", " create table t()", "", ""},
    {"", "/*", "", "*/"},
    {"select ", "/*", "", "*/"},
    {"values(1)", ",(a)", "", ""},
    {"values(1)", ",((1))", "", ""},
};

}  // namespace

TEST_CASE("deep trees end no stack") {
  for (const Bomb& bomb : bombs) {
    CAPTURE(bomb.opening);
    const std::string large = built(bomb, analysis_limit - 100);
    AnalysisCache cache(1);
    cache.find(large);
    CHECK(cache.find(large)->effects == analyse(large)->effects);
    analyse(built(bomb, 2 << 20));
    analyse_prepared("prepare p as " + large);
    prepare_statement(large, "a");
  }
}
