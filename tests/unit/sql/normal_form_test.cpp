#include "sql/normal_form.hpp"

#include <doctest/doctest.h>

#include <string>

#include "../../fuzz/sql_dress.hpp"
#include "cases.hpp"

using namespace heim::sql;
using namespace heim::sql::test;

namespace {

std::string normal(std::string_view text) {
  NormalForm form;
  form.read(text);
  return std::string(form.text());
}

std::string disguised(std::string_view text) { return dressed(text, {.seed = 1}); }

struct Row {
  const char* text;
  const char* form;
};
const Row rows[] = {
    {"", ""},
    {" -- x", ""},
    {"SELECT  1", "select $1"},
    {"select 'a', E'b\\'', $$c$$, $x$d$x$, U&'e', B'1', X'f', N'g', 1.5e3, .5, $7",
     "select $1 , $1 , $1 , $1 , $1 , $1 , $1 , $1 , $1 , $1 , $1"},
    {"select 'a'\n'b'", "select $1"},
    {"select 'a' 'b'", "select $1 $1"},
    {"select \"A\".B::Int", "select \"A\" . b :: int"},
    {"select a->>'b'", "select a ->> $1"},
    {"select a=-1, b - 1, -c, - 1", "select a = $1 , b - $1 , - c , $1"},
    {"select -1", "select - $1"},
    {"select f(-1, +2)", "select f ( $1 , $1 )"},
    {"select a[-1]", "select a [ $1 ]"},
    {"select -$1, (-$1), - -1", "select - $1 , ( - $1 ) , - $1"},
    {"x in (1, 2, 3)", "x in ( $1 )"},
    {"x IN (-1, 'b', $3)", "x in ( $1 )"},
    {"x in (1)", "x in ( $1 )"},
    {"x in (1, a)", "x in ( $1 , a )"},
    {"x in (1, 2, a, 3, 4)", "x in ( $1 , $1 , a , $1 , $1 )"},
    {"x in (1, 2 + 3)", "x in ( $1 , $1 + $1 )"},
    {"x in (1, 2::int)", "x in ( $1 , $1 :: int )"},
    {"x in (select 1, 2)", "x in ( select $1 , $1 )"},
    {"x in (1, )", "x in ( $1 , )"},
    {"x in (1, - 'a')", "x in ( $1 , - $1 )"},
    {"array[1, 2]", "array [ $1 ]"},
    {"array[[1, 2], [3]]", "array [ [ $1 , $1 ] , [ $1 ] ]"},
    {"f(1, 2)", "f ( $1 , $1 )"},
    {"values (1, 'a'), (2, 'b'), (3, 'c')", "values ( $1 , $1 )"},
    {"values (1), (a), (2), (3)", "values ( $1 ) , ( a ) , ( $1 )"},
    {"values (f(1, 2)), (f(3, 4)) on", "values ( f ( $1 , $1 ) ) on"},
    {"values (1) x, (1)", "values ( $1 ) x , ( $1 )"},
    {"values (1), 2, (1)", "values ( $1 ) , $1 , ( $1 )"},
    {"values ((1)), ((2))", "values ( ( $1 ) )"},
    {"values (x in (1, 2)), (x in (3))", "values ( x in ( $1 ) )"},
    {"select set_config('a', 'B', true), 5", "select set_config ( 'a' , 'B' , true ) , 5"},
    {"\"set_config\"( 'a')", "\"set_config\" ( 'a' )"},
    {"SET Search_Path TO 'A', b", "set search_path to 'A' , b"},
    {"explain (analyze 0) select 1 in (2, 3)", "explain ( analyze 0 ) select 1 in ( 2 , 3 )"},
    {"explain select 1", "explain select $1"},
    {"select U&\"a!62\" uescape '!'", "select U&\"a!62\" uescape '!'"},
    {"select 'open", "select 'open"},
    {"select 1 /* open ", "select $1 /* open "},
    {"select $x$ open", "select $x$ open"},
    {"a;;b", "a ; ; b"},
    {"1..2", "$1 .. $1"},
    {"a /*b*/-- c\n+d", "a + d"},
    {"a+--b\nc", "a + c"},
    {"a*/*b*/c", "a * c"},
    {"a@-b", "a @- b"},
    {"a*-b", "a * - b"},
    {"a<=-b", "a <= - b"},
    {"\xc3\x84 = '\xc3\xa4'", "\xc3\x84 = $1"},
    {"a$b$c$1", "a$b$c$1"},
    {"$a", "$ a"},
};

}  // namespace

TEST_CASE("normal forms") {
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(normal(row.text) == row.form);
    CHECK(normal(row.form) == row.form);
    CHECK(normal(disguised(row.text)) == row.form);
  }
}

TEST_CASE("comments become blanks, and nothing moves") {
  CHECK(without_comments("a/*b/**/*/ '/*' -- c\n\"--\"") == "a          '/*'     \n\"--\"");
  CHECK(without_comments("'a' --b\n/*c*/\n'd'") == "'a'           'd'");
  CHECK(without_comments("'a' -- b\n'c'--d") == "'a'     \n'c'   ");
}

TEST_CASE("names of temporary objects are seen") {
  const auto temp = [](std::string_view text) {
    NormalForm form;
    form.read(text);
    return form.names_temp();
  };
  CHECK(temp("create table PG_TEMP.x"));
  CHECK(temp("create table \"pg_temp\".x"));
  CHECK(temp("select pg_temp_12.x"));
  CHECK(temp("select set_config('a', 'b', true), pg_temp.f()"));
  CHECK_FALSE(temp("select pg_temporary, 'pg_temp' -- pg_temp"));
}

TEST_CASE("of a text without end only the beginning is made") {
  std::string text = "select a";
  for (int i = 0; i < 100'000; ++i) text += ",b";
  NormalForm form;
  form.read(text);
  CHECK_FALSE(form.complete());
  CHECK(form.text().size() <= NormalForm::limit + 16);
  form.read("select 1");
  CHECK(form.complete());
}

TEST_CASE("the case files: the form is its own form, whatever the text's dress") {
  for (const Case& row : all_cases()) {
    CAPTURE(row.text);
    const std::string form = normal(row.text);
    CHECK(normal(form) == form);
    CHECK(normal(disguised(row.text)) == form);
  }
}
