#include "admin/command.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "admin/tokens.hpp"

using namespace heim;
using namespace heim::admin;
using namespace std::string_literals;

namespace {

const Identity joe{"1.2.3", "joe", "heimproxy", 77, true};

Command parse(std::string_view sql) {
  auto command = parse_command(sql, joe);
  REQUIRE_MESSAGE(bool(command), sql, ": ", command.error().message);
  return *std::move(command);
}

Error refuse(std::string_view sql) {
  const auto command = parse_command(sql, joe);
  REQUIRE_MESSAGE(!command, sql);
  return command.error();
}

struct Acts {
  const char* sql;
  Verb verb;
  const char* name;
  const char* tag;
};

}  // namespace

TEST_CASE("SHOW of everything, in any case, with comments and semicolons") {
  struct Case {
    const char* word;
    Show show;
  };
  const Case cases[] = {
      {"CONFIG", Show::config},
      {"DATABASES", Show::databases},
      {"POOLS", Show::pools},
      {"CLIENTS", Show::clients},
      {"SERVERS", Show::servers},
      {"SOCKETS", Show::sockets},
      {"ACTIVE_SOCKETS", Show::sockets},
      {"STATS", Show::stats},
      {"STATS_TOTALS", Show::stats_totals},
      {"STATS_AVERAGES", Show::stats_averages},
      {"TOTALS", Show::totals},
      {"LISTS", Show::lists},
      {"USERS", Show::users},
      {"VERSION", Show::version},
      {"STATE", Show::state},
      {"MEM", Show::mem},
      {"FDS", Show::fds},
      {"DNS_HOSTS", Show::dns_hosts},
      {"CACHE", Show::cache},
      {"CACHE QUERIES", Show::cache_queries},
      {"CACHE_QUERIES", Show::cache_queries},
      {"CACHE TABLES", Show::cache_tables},
  };
  for (const Case& row : cases) {
    std::string lower;
    for (const char* c = row.word; *c; ++c) lower += static_cast<char>(std::tolower(*c));
    for (const std::string& sql :
         {"SHOW "s + row.word, "show " + lower, "Show\n\t" + lower + " ; ",
          "/* a */show--b\n" + lower, lower.insert(0, "/* /* nested */ */ sHoW ") + "-- end"}) {
      CAPTURE(sql);
      const Command command = parse(sql);
      CHECK(command.verb == Verb::show);
      CHECK(command.show == row.show);
      CHECK(command.tag == "SHOW");
      CHECK_FALSE(command.acts());
    }
  }
  CHECK(parse("show help").verb == Verb::help);
}

TEST_CASE("what acts on the engine") {
  const Acts cases[] = {
      {"PAUSE", Verb::pause, "", "PAUSE"},
      {"pause shop;", Verb::pause, "shop", "PAUSE"},
      {"pause Shop", Verb::pause, "Shop", "PAUSE"},
      {"PAUSE \"my \"\"db\"\"\"", Verb::pause, "my \"db\"", "PAUSE"},
      {"Resume", Verb::resume, "", "RESUME"},
      {"resume db_1$", Verb::resume, "db_1$", "RESUME"},
      {"reconnect", Verb::reconnect, "", "RECONNECT"},
      {"reconnect 12", Verb::reconnect, "12", "RECONNECT"},
      {"kill", Verb::kill, "", "KILL"},
      {"kill \"pause\"", Verb::kill, "pause", "KILL"},
      {"wait_close", Verb::wait_close, "", "WAIT_CLOSE"},
      {"WAIT_CLOSE shop", Verb::wait_close, "shop", "WAIT_CLOSE"},
      {"disable b\xc3\xbc"
       "cher",
       Verb::disable,
       "b\xc3\xbc"
       "cher",
       "DISABLE"},
      {"ENABLE shop", Verb::enable, "shop", "ENABLE"},
      {"reload", Verb::reload, "", "RELOAD"},
      {"shutdown", Verb::shutdown, "", "SHUTDOWN"},
      {"set pool_mode = 'transaction'", Verb::set, "pool_mode", "SET"},
      {"SET Pool_Size TO 20", Verb::set, "pool_size", "SET"},
  };
  for (const Acts& row : cases) {
    CAPTURE(row.sql);
    const Command command = parse(row.sql);
    CHECK(command.verb == row.verb);
    CHECK(command.name == row.name);
    CHECK(command.tag == row.tag);
    CHECK(command.acts());
  }
  CHECK(parse("kill_client 4294967297").id == 4294967297u);
  CHECK(parse("KILL_CLIENT 1").verb == Verb::kill_client);
  CHECK(parse("shutdown").shutdown == Shutdown::immediate);
  CHECK(parse("shutdown wait_for_servers").shutdown == Shutdown::wait_for_servers);
  CHECK(parse("SHUTDOWN WAIT_FOR_CLIENTS;").shutdown == Shutdown::wait_for_clients);
}

TEST_CASE("what drivers send when they connect changes nothing") {
  const Acts cases[] = {
      {"SET extra_float_digits = 3", Verb::accept, "extra_float_digits", "SET"},
      {"SET DateStyle TO 'ISO'", Verb::accept, "datestyle", "SET"},
      {"set client_encoding to 'UTF8'", Verb::accept, "client_encoding", "SET"},
      {"SET application_name = 'PostgreSQL JDBC Driver'", Verb::accept, "application_name", "SET"},
      {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Verb::accept, "session", "SET"},
      {"SET LOCAL search_path = a, b", Verb::accept, "search_path", "SET"},
      {"SET TIME ZONE 'UTC'", Verb::accept, "time", "SET"},
      {"SET my.variable = 'x'", Verb::accept, "my", "SET"},
      {"RESET ALL", Verb::accept, "", "RESET"},
      {"DISCARD ALL", Verb::accept, "", "DISCARD ALL"},
      {"CLOSE ALL", Verb::accept, "", "CLOSE CURSOR"},
      {"UNLISTEN *", Verb::accept, "", "UNLISTEN"},
      {"DEALLOCATE \"s1\"", Verb::accept, "", "DEALLOCATE"},
      {"BEGIN", Verb::begin, "", "BEGIN"},
      {"begin isolation level serializable", Verb::begin, "", "BEGIN"},
      {"START TRANSACTION READ ONLY", Verb::begin, "", "START TRANSACTION"},
      {"COMMIT", Verb::commit, "", "COMMIT"},
      {"end", Verb::commit, "", "COMMIT"},
      {"ROLLBACK", Verb::rollback, "", "ROLLBACK"},
      {"ROLLBACK TO SAVEPOINT a", Verb::accept, "", "ROLLBACK"},
      {"SAVEPOINT a", Verb::accept, "", "SAVEPOINT"},
  };
  for (const Acts& row : cases) {
    CAPTURE(row.sql);
    const Command command = parse(row.sql);
    CHECK(command.verb == row.verb);
    CHECK(command.name == row.name);
    CHECK(command.tag == row.tag);
    CHECK_FALSE(command.acts());
  }
}

TEST_CASE("nothing asked is an empty command") {
  for (const char* sql : {"", " \n", ";", ";;", "-- only a comment", "/* one */ ;"}) {
    CHECK(parse(sql).verb == Verb::empty);
  }
}

TEST_CASE("constants") {
  struct Case {
    const char* sql;
    std::vector<Column> columns;
    Row row;
  };
  const std::string version = "PostgreSQL 15.0 (heimproxy 1.2.3 console)";
  const Case cases[] = {
      {"SELECT 1", {{"?column?", Type::int4}}, {"1"}},
      {"select -5 as \"A b\", 'it''s' x", {{"A b", Type::int4}, {"x"}}, {"-5", "it's"}},
      {"select 99999999999, null, true as t, false",
       {{"?column?", Type::int8}, {"?column?"}, {"t", Type::boolean}, {"bool", Type::boolean}},
       {"99999999999", {}, "t", "f"}},
      {"SELECT version();", {{"version"}}, {version}},
      {"select pg_catalog.version()", {{"version"}}, {version}},
      {"select current_schema()", {{"current_schema"}}, {"public"}},
      {"select current_database() AS Db, current_user",
       {{"db"}, {"current_user"}},
       {"heimproxy", "joe"}},
      {"SELECT pg_catalog.pg_is_in_recovery()", {{"pg_is_in_recovery", Type::boolean}}, {"f"}},
      {"select pg_backend_pid()", {{"pg_backend_pid", Type::int4}}, {"77"}},
      {"SELECT pg_advisory_unlock_all()", {{"pg_advisory_unlock_all", Type::nothing}}, {""}},
      {"select set_config('a', 'b', false)", {{"set_config"}}, {"b"}},
      {"select current_setting('server_version_num')::text", {{"current_setting"}}, {"150000"}},
      {"select current_setting('nope', true)", {{"current_setting"}}, {Cell{}}},
      {"show server_version", {{"server_version"}}, {"15.0 (heimproxy 1.2.3)"}},
      {"SHOW TRANSACTION ISOLATION LEVEL", {{"transaction_isolation"}}, {"read committed"}},
      {"show transaction_read_only", {{"transaction_read_only"}}, {"off"}},
      {"SHOW TIME ZONE", {{"timezone"}}, {"Etc/UTC"}},
      {"show standard_conforming_strings", {{"standard_conforming_strings"}}, {"on"}},
      {"show session_authorization", {{"session_authorization"}}, {"joe"}},
  };
  for (const Case& row : cases) {
    CAPTURE(row.sql);
    const Command command = parse(row.sql);
    CHECK(command.verb == Verb::constant);
    CHECK(command.result.columns == row.columns);
    REQUIRE(command.result.rows.size() == 1);
    CHECK(command.result.rows[0] == row.row);
    CHECK_FALSE(command.acts());
  }
}

TEST_CASE("what the console does not know is a syntax error with the commands in its hint") {
  for (const char* sql : {"foo",
                          "SHOW",
                          "SHOW nope",
                          "SHOW POOLS x",
                          "show 'pools'",
                          "PAUSE a b",
                          "PAUSE ,",
                          "PAUSE ''",
                          "PAUSE \"\"",
                          "DISABLE",
                          "ENABLE",
                          "KILL_CLIENT",
                          "KILL_CLIENT x",
                          "KILL_CLIENT 1x",
                          "KILL_CLIENT -1",
                          "KILL_CLIENT \"1\"",
                          "KILL_CLIENT 1 2",
                          "KILL_CLIENT 99999999999999999999",
                          "RELOAD now",
                          "SHUTDOWN later",
                          "SHUTDOWN WAIT_FOR_SERVERS now",
                          "SET",
                          "SET x",
                          "SET pool_size 20",
                          "SET pool_size =",
                          "SUSPEND",
                          "SHOW \"pools",
                          "PAUSE 'x",
                          "/* no end",
                          "show pools /* no end",
                          "\"show\" pools",
                          "=",
                          "INSERT INTO t VALUES (1)"}) {
    CAPTURE(sql);
    const Error error = refuse(sql);
    CHECK(error.sqlstate == "42601");
    CHECK_FALSE(error.message.empty());
    CHECK(error.hint.find("KILL_CLIENT") != std::string::npos);
  }
}

TEST_CASE("a SELECT beyond constants says what it is") {
  for (const char* sql :
       {"SELECT", "SELECT * FROM t", "SELECT 1 FROM t", "SELECT 1 + 1", "SELECT f()", "SELECT 1,",
        "SELECT version(", "SELECT 1::", "SELECT 1 a b", "SELECT pg_catalog.", "SELECT 1 AS",
        "SELECT 1.5", "SELECT -'a'", "SELECT current_setting('nope')", "SELECT \"a\"",
        "SELECT 1:int"}) {
    CAPTURE(sql);
    CHECK(refuse(sql).sqlstate == "0A000");
  }
}

TEST_CASE("statements are cut at semicolons outside of quotes and comments") {
  using Parts = std::vector<std::string_view>;
  CHECK(statements("").empty());
  CHECK(statements(" ; ;; -- a;b").empty());
  CHECK(statements("a") == Parts{"a"});
  CHECK(statements("a;b; c ;") == Parts{"a", "b", " c "});
  CHECK(statements("a ';' \";\" /* ; /* ; */ */ -- ;\n b") ==
        Parts{"a ';' \";\" /* ; /* ; */ */ -- ;\n b"});
  CHECK(statements("a; 'no end; b") == Parts{"a", " 'no end; b"});
  CHECK(statements("a; /* no end; b") == Parts{"a", " /* no end; b"});
}

TEST_CASE("what INVALIDATE takes") {
  struct Case {
    const char* sql;
    Invalidate what;
    const char* database;
    const char* named;  // a table, or a statement
  };
  const Case cases[] = {
      {"INVALIDATE ALL", Invalidate::all, "", ""},
      {"invalidate all;", Invalidate::all, "", ""},
      {"invalidate \"all\"", Invalidate::table, "", "all"},
      {"invalidate table all", Invalidate::table, "", "all"},
      {"INVALIDATE Items", Invalidate::table, "", "items"},
      {"invalidate table items", Invalidate::table, "", "items"},
      {"invalidate table", Invalidate::table, "", "table"},
      {"invalidate query", Invalidate::table, "", "query"},
      {"invalidate \"My Items\"", Invalidate::table, "", "My Items"},
      {"invalidate public.items", Invalidate::table, "", "items"},
      {"invalidate table public.items in shop", Invalidate::table, "shop", "items"},
      {"invalidate items in \"my shop\"", Invalidate::table, "my shop", "items"},
      {"invalidate Shop.public.items", Invalidate::table, "Shop", "items"},
      {"invalidate \"a b\".c.\"D\"", Invalidate::table, "a b", "D"},
      {"invalidate like 'order%'", Invalidate::like, "", "order%"},
      {"invalidate like 'Ord''_%' in Shop", Invalidate::like, "Shop", "Ord'_%"},
      {"invalidate like", Invalidate::table, "", "like"},
      {"invalidate like in shop", Invalidate::table, "shop", "like"},
      {"invalidate database Shop", Invalidate::database, "Shop", ""},
      {"invalidate query 0123456789ABCDEF0123456789abcdef", Invalidate::query, "",
       "0123456789abcdef0123456789abcdef"},
      {"invalidate query 'select ''a'' from T'", Invalidate::query, "", "select 'a' from T"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.sql);
    const Command command = parse(row.sql);
    CHECK(command.verb == Verb::invalidate);
    CHECK(command.tag == "INVALIDATE");
    CHECK(command.acts());
    CHECK(command.invalidate == row.what);
    CHECK(command.name == row.database);
    CHECK((row.what == Invalidate::query ? command.sql : command.table) == row.named);
  }
  for (const char* sql :
       {"invalidate", "invalidate items lines", "invalidate a.b.c.d", "invalidate a.b.c in d",
        "invalidate 'items'", "invalidate \"\"", "invalidate items in", "invalidate .items",
        "invalidate items.", "invalidate database a.b", "invalidate all of it",
        "invalidate items in 'shop'", "invalidate query ''", "invalidate like ''",
        "invalidate like 'a%' 'b%'", "invalidate like 'a%' in", "invalidate like 'a%' in 'shop'"}) {
    CHECK_MESSAGE(refuse(sql).sqlstate == "42601", sql);
  }
}
