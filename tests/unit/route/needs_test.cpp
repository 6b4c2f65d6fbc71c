#include "route/needs.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"

namespace heim::route::test {
namespace {

struct Allowed {
  std::string_view sql;
  Place place;
  std::string_view reason;
};
constexpr Allowed allowed[] = {
    {"select 1", Place::standby, "reads only"},
    {"select * from t join u using (id)", Place::standby, "reads only"},
    {"values (1)", Place::standby, "reads only"},
    {"table t", Place::standby, "reads only"},
    {"copy t to stdout", Place::standby, "reads only"},
    {"copy (select 1) to stdout", Place::standby, "reads only"},
    {"copy t from stdin", Place::primary, "COPY FROM writes"},
    {"explain select * from t", Place::standby, "reads only"},
    {"explain delete from t", Place::standby, "reads only"},
    {"explain analyze select * from t", Place::standby, "reads only"},
    {"explain analyze delete from t", Place::primary, "writes"},
    {"declare c cursor for select * from t", Place::standby, "reads only"},
    {"declare c cursor with hold for select 1", Place::primary, "leaves a cursor behind"},
    {"fetch c", Place::any, "goes to its cursor"},
    {"insert into t values (1)", Place::primary, "writes"},
    {"with x as (insert into t values (1) returning *) select * from x", Place::primary, "writes"},
    {"select * from t for update", Place::primary, "locks rows"},
    {"select * from t for share", Place::primary, "locks rows"},
    {"select nextval('s')", Place::primary, "advances a sequence"},
    {"select random(), clock_timestamp(), now()", Place::standby, "reads only"},
    {"select pg_is_in_recovery()", Place::primary, "asks about the server itself"},
    {"select pg_backend_pid()", Place::primary, "asks about the server itself"},
    {"select pg_advisory_lock(1)", Place::primary, "takes or frees an advisory lock"},
    {"select lo_creat(1)", Place::primary, "calls a volatile function"},
    {"select txid_current()", Place::primary, "calls a volatile function"},
    {"select harmless()", Place::standby, "reads only"},
    {"select writes()", Place::primary, "calls a volatile function"},
    {"select unheard_of()", Place::primary, "calls a function that the catalog does not have"},
    {"select * from unheard_of", Place::primary, "reads a table that the catalog does not have"},
    {"select set_config('a.b', 'c', false)", Place::primary, "changes its session"},
    {"lock t", Place::primary, "locks a table"},
    {"notify c", Place::primary, "listens or notifies"},
    {"select pg_notify('c', '')", Place::primary, "listens or notifies"},
    {"create table x (a int)", Place::primary, "changes the schema"},
    {"select * into x from t", Place::primary, "changes the schema"},
    {"vacuum t", Place::primary, "maintenance"},
    {"call writes()", Place::primary, "calls a procedure"},
    {"do 'begin end'", Place::primary, "runs a DO block"},
    {"prepare transaction 'x'", Place::primary, "two-phase commit"},
    {"set a.b = 'c'", Place::any, "a command of the session"},
    {"execute p", Place::any, "runs a prepared statement"},
    {"begin", Place::control, "transaction control"},
    {"commit", Place::control, "transaction control"},
    {"", Place::any, "an empty query"},
    {"select 1; select 2", Place::standby, "reads only"},
    {"select 1; delete from t", Place::primary, "writes"},
    {"begin; select 1; commit", Place::primary, "a transaction block among other statements"},
    {"set a.b = 1; select * from t", Place::standby, "reads only"},
    {"this is no SQL", Place::primary, "not understood"},
};

}  // namespace

TEST_CASE("what the text allows") {
  Cluster cluster;
  for (const Allowed& row : allowed) {
    CAPTURE(row.sql);
    const Needs needs = classify(*sql::analyse(row.sql), cluster.catalog.get());
    CHECK(needs.place == row.place);
    CHECK(needs.reason == row.reason);
  }
}

TEST_CASE("what is read and written") {
  Cluster cluster;
  struct Row {
    std::string_view sql;
    std::vector<std::string> reads, writes;
    bool all_read = false, all_written = false, commits_itself = false;
  };
  const Row rows[] = {
      {"select * from t, u", {"t", "u"}, {}},
      {"insert into t select * from u", {"u"}, {"t"}},
      {"select writes()", {"u"}, {"u"}},
      {"call writes()", {"u"}, {"u"}, false, false, true},
      {"do 'begin end'", {}, {}, true, true, true},
      {"this is no SQL", {}, {}, true, true, true},
      {"create table x (a int)", {}, {"pg_catalog"}, false, true},
      {"create temp table x (a int)", {}, {"pg_catalog"}},
      {"create index on t (a)", {}, {"pg_catalog"}, false, true},
      {"commit prepared 'x'", {}, {}, false, true},
      {"vacuum t", {"t"}, {"pg_catalog"}},
      {"explain delete from t", {"t"}, {}},
      {"insert into t values (1); delete from u", {}, {"t", "u"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.sql);
    const Needs needs = classify(*sql::analyse(row.sql), cluster.catalog.get());
    CHECK(needs.reads == row.reads);
    CHECK(needs.writes == row.writes);
    CHECK(needs.reads_everything == row.all_read);
    CHECK(needs.writes_everything == row.all_written);
    CHECK(needs.commits_itself == row.commits_itself);
  }
}

TEST_CASE("without a catalog, only what names nothing may leave the primary") {
  CHECK(classify(*sql::analyse("select 1"), nullptr).place == Place::standby);
  CHECK(classify(*sql::analyse("select ('(1)'::t).f"), nullptr).place == Place::primary);
  const Needs read = classify(*sql::analyse("select * from t"), nullptr);
  CHECK(read.place == Place::primary);
  CHECK(read.writes_everything);
  CHECK(classify(*sql::analyse("insert into t values (1)"), nullptr).writes_everything);
}

TEST_CASE("what may run in a transaction on a standby may do so with all of its message") {
  Cluster cluster;
  const auto soft = [&](std::string_view sql) {
    return classify(*sql::analyse(sql), cluster.catalog.get()).soft;
  };
  CHECK(soft("select writes()"));
  CHECK(soft("select writes(); rollback"));
  CHECK(soft("select * from t; select writes()"));
  CHECK_FALSE(soft("select writes(); insert into t values (1)"));
  CHECK_FALSE(soft("select writes(); rollback; insert into t values (1)"));
  CHECK_FALSE(soft("insert into t values (1); select writes()"));
}

TEST_CASE("BEGIN says what it begins") {
  const Needs needs = classify(*sql::analyse("begin isolation level serializable read only"), {});
  CHECK(needs.begins);
  CHECK(needs.read_only);
  CHECK(needs.serializable);
}

}  // namespace heim::route::test
