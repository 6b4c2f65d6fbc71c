// What statements reach through the objects of a real schema: tests/data/catalog has it, and what a
// server answered (tests/e2e/test_catalog.py holds that answer to be true).
#include "sql/objects.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <span>
#include <sstream>

#include "sql/analysis.hpp"
#include "sql/catalog.hpp"

namespace heim::sql::test {
namespace {

const Objects& objects() {
  static const Objects made = [] {
    Objects out;
    std::ifstream file(HEIM_SOURCE_DIR "/tests/data/catalog/answer.tsv");
    std::string line;
    while (std::getline(file, line)) {
      const std::size_t one = line.find('\t'), two = line.find('\t', one + 1);
      out.add(line.substr(0, one), line.substr(one + 1, two - one - 1), line.substr(two + 1));
    }
    return out;
  }();
  return made;
}

std::string said(const Reach& reach) {
  std::ostringstream out;
  for (const auto& name : reach.reads) out << "r:" << name << " ";
  if (reach.reads_everything) out << "r:* ";
  for (const auto& name : reach.writes) out << "w:" << name << " ";
  if (reach.writes_everything) out << "w:* ";
  if (reach.server_wide) out << "server ";
  if (reach.row_security) out << "rls ";
  if (reach.fleeting && reach.primary.empty()) out << "fleeting ";
  out << "| " << reach.primary;
  return out.str();
}

struct Row {
  std::string_view sql, reaches;
};

void check(std::span<const Row> rows) {
  for (const Row& row : rows) {
    CAPTURE(row.sql);
    CHECK(said(objects().reach(analyse(row.sql)->statements.at(0))) == row.reaches);
  }
}

}  // namespace

TEST_CASE("reads") {
  REQUIRE(objects().relations() == 32);
  constexpr Row rows[] = {
      {"select 1", "| "},
      {"select * from base", "r:base | "},
      {"select * from v1", "r:base r:v1 | "},
      {"select * from v2", "r:base r:log r:v1 r:v2 | "},
      {"select * from mv", "r:mv | "},
      {"select * from ev_2024", "r:ev r:ev_2024 | "},
      {"select * from ev", "r:ev | "},
      {"select * from rls", "r:base r:rls rls | "},
      {"select * from ul", "r:ul | reads an unlogged table, which standbys do not have"},
      {"select * from sq", "r:sq | reads a sequence"},
      {"select * from measure", "r:measure | reads a foreign table"},
      {"select * from vseq", "r:sq r:vseq | reads a sequence"},
      {"select * from vrec", "r:vrec | asks about the server itself"},
      {"select * from nowhere", "r:* | reads a table that the catalog does not have"},
      {"select * from pg_class", "r:pg_catalog server | "},
      {"select * from information_schema.tables", "r:pg_catalog server | "},
      {"select * from pg_stat_activity", "| asks about the server itself"},
      {"select reads_base()", "r:base | "},
      {"select atom()", "r:base | "},
      {"select odd()", "r:Odd Name | "},
      {"select pure(1)", "| "},
      {"select dyn('base')", "r:* w:* | calls a function that may do anything"},
      {"select missing()", "r:* w:* | calls a function that the catalog does not have"},
      {"select writes_log()", "r:log w:log | calls a volatile function"},
      {"select stash(1)", "r:* w:* | calls a function that may do anything"},
      {"select a.stash_all()", "r:* w:* | calls a function that may do anything"},
      {"select inside(1)", "r:* w:* | calls a function that may do anything"},
      {"select peek(1)", "| "},
      {"select sneaky()", "r:log w:log | calls a volatile function"},
  };
  check(rows);
}

TEST_CASE("PostgreSQL's own relations, through views, policies and functions") {
  constexpr Row rows[] = {
      {"select * from act", "r:act | asks about the server itself"},
      {"select * from act_twice", "r:act r:act_twice | asks about the server itself"},
      {"select * from held", "r:held | asks about the server itself"},
      {"select * from who", "r:pg_catalog r:who server | "},
      {"select * from cols", "r:cols r:pg_catalog server | "},
      {"select * from owned", "r:owned r:pg_catalog server rls | "},
      {"select sessions()", "| asks about the server itself"},
      {"select prepared()", "| asks about the server itself"},
      {"select setting('x')", "| asks about the server itself"},
      {"select tables_named('x')", "r:pg_catalog server | "},
      {"select started()", "| asks about the server itself"},
      {"select relations()", "r:pg_catalog w:pg_catalog server | calls a volatile function"},
  };
  check(rows);
}

TEST_CASE("functions that are called like columns") {
  constexpr Row rows[] = {
      {"select p.name, name from person p", "r:person | "},
      {"select p.base_count from person p", "r:base r:person | "},
      {"select (p).base_count from person p", "r:base r:person | "},
      {"select 1 from person p order by public.p.base_count", "r:base r:person | "},
      {"select e.base_count from employee e", "r:base r:employee r:person | "},
      {"select ('(1,a)'::person).base_count", "r:base | "},
      {"select (f.p).base_count from (select p from person p) f", "r:base r:person | "},
      {"select p.any_count from person p", "r:base r:person | "},
      {"select p.all_count from person p", "r:base r:person | "},
      {"select p.domain_count from person p", "r:base r:person | "},
      {"select p.number_count from person p", "r:base r:person | "},
      {"select p.logged from person p", "r:log r:person w:log | calls a volatile function"},
      // A column of that name, and no function that takes a row.
      {"select base_count from person", "r:person | "},
      {"select p.no_attribute from person p", "r:person | "},
      {"select p.two from person p", "r:person | "},
  };
  check(rows);
}

TEST_CASE("writes") {
  struct Written {
    std::string_view sql;
    std::vector<std::string> writes;
    bool everything = false;
  };
  const Written rows[] = {
      {"insert into base values (1, 2)", {"base", "log"}},
      {"update v1 set v = 3", {"base", "log", "v1"}},
      {"delete from parent", {"child", "log", "parent"}},
      {"truncate parent cascade", {"child", "log", "parent", "plain_child"}},
      {"delete from plain_child", {"plain_child"}},
      {"insert into ev values (1, '2024-02-02')", {"audit", "ev"}},
      {"insert into ev_2024 values (1, '2024-02-02')", {"audit", "ev", "ev_2024"}},
      {"insert into deflt default values", {"deflt", "log"}},
      {"refresh materialized view mv", {"mv"}},
      {"copy log from stdin", {"log"}},
      {"call proc()", {"base", "log"}},
      {"with x as (delete from log returning *) select * from x", {"log"}},
      {"insert into nowhere values (1)", {}, true},
      {"update pg_class set relname = relname", {}, true},
  };
  for (const Written& row : rows) {
    CAPTURE(row.sql);
    const Reach reach = objects().reach(analyse(row.sql)->statements.at(0));
    CHECK(reach.writes_everything == row.everything);
    CHECK(reach.writes == row.writes);
  }
}

TEST_CASE("a function behind an operator that reads a table may run anywhere") {
  Objects out;
  out.add("T", "t", "rp");
  out.add("P", "eq", "v");
  out.add("O", "eq", "");
  const Statement select = analyse("select * from t where a = b")->statements.at(0);
  CHECK(out.reach(select).primary.empty());
  out.add("T", "lookup", "rp");
  out.add("B", "eq", "lookup");
  CHECK(out.reach(select).primary == "operators or types of the database may do anything");
  CHECK(out.reach(select).writes_everything);
}

TEST_CASE("a function behind an operator that reads catalogs does not matter") {
  Objects out;
  out.add("T", "t", "rp");
  out.add("P", "eq", "v");
  out.add("O", "eq", "");
  out.add("B", "eq", "pg_type");
  CHECK(said(out.reach(analyse("select * from t where a = b")->statements.at(0))) == "r:t | ");
}

TEST_CASE("a table with the name of one of PostgreSQL's own is read beside that") {
  Objects out;
  out.add("T", "pg_roles", "rp");
  out.add("T", "v", "vp");
  out.add("D", "v", "pg_roles");
  out.add("P", "f", "v");
  out.add("B", "f", "pg_roles");
  const auto reach = [&](const char* sql) {
    return said(out.reach(analyse(sql)->statements.at(0)));
  };
  CHECK(reach("select * from v") == "r:pg_catalog r:pg_roles r:v server | ");
  CHECK(reach("select * from pg_roles") == "r:pg_catalog r:pg_roles server | ");
  CHECK(reach("select * from mine.pg_roles") == "r:pg_roles | ");
  CHECK(reach("select f()") ==
        "r:pg_catalog r:pg_roles w:pg_roles server | calls a volatile function");
}

TEST_CASE("a function in attribute notation leaves behind what it leaves behind") {
  Catalog out;
  out.add("f", "leaves", "true");
  out.add("f", "harmless", "false");
  out.add("f", "of_text", "true");
  for (const char* name : {"leaves", "harmless"}) out.add("K", name, "");
  const auto is_suspicious = [&](const char* sql) { return out.is_suspicious(*analyse(sql)); };
  CHECK(is_suspicious("select p.leaves from person p"));
  CHECK(is_suspicious("select ('(1)'::person).leaves"));
  CHECK_FALSE(is_suspicious("select p.harmless, p.of_text, p.other, leaves from person p"));
  const Effects effects = analyse("select p.leaves from person p")->effects;
  CHECK((effects & out.watch() & ~(effect::calls_functions | effect::uses_relations)) != 0);
  CHECK((effects & Catalog().watch()) == 0);
}

TEST_CASE("what refers to itself ends") {
  Objects out;
  for (const char* name : {"a", "b"}) out.add("T", name, "rp");
  out.add("A", "a", "b");
  out.add("A", "b", "a");
  out.add("D", "a", "b");
  out.add("D", "b", "a");
  out.add("P", "f", "v");
  out.add("H", "f", "f");
  out.add("G", "a", "f");
  const Reach reach = out.reach(analyse("insert into a select * from b")->statements.at(0));
  CHECK(reach.writes == std::vector<std::string>{"a", "b"});
}

TEST_CASE("answers that change by themselves") {
  constexpr Row rows[] = {
      {"select * from of_today", "r:base r:of_today fleeting | "},
      {"select * from where_it_lies", "r:base r:where_it_lies fleeting | "},
      {"select * from some_of_it", "r:base r:some_of_it fleeting | "},
      {"select ticks()", "r:base fleeting | "},
      {"select counts()", "r:base | "},
      {"select counts_ticks()", "r:base fleeting | "},
      {"select * from ticking", "r:base r:ticking fleeting | "},
  };
  check(rows);
}

}  // namespace heim::sql::test
