// Answers from the cache, of a primary alone: "t" and "other" are tables.
#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "bench.hpp"

namespace heim::session::test {
namespace {

constexpr std::string_view read = "select a from t";

void caching(Bench& bench, bool serializable = false) {
  bench.settings.proxy.pool_mode = config::PoolMode::automatic;
  bench.settings.proxy.pool_size = 2;
  bench.settings.cache.enabled = true;
  sql::Catalog catalog;
  for (const char* const table : {"t", "other"}) catalog.add("T", table, "rp");
  catalog.add("T", "secret", "rpR");
  if (serializable) catalog.add("I", "repeatable read", "");
  bench.knows_catalog(catalog);
}

// A client and the server it was greeted by; `read` is kept.
struct Warm {
  explicit Warm(Bench& bench, Pairs more = {}) : client(bench.login(std::move(more))) {
    server = &bench.last();
    asks(client, *server, read, answer("1"));
  }
  // What is asked is answered without a server.
  void hits(std::string_view sql, const std::string& reply) {
    client.sends(query(sql));
    client.receives_all(reply);
    server->receives_nothing();
  }
  void misses(std::string_view sql, const std::string& reply) { asks(client, *server, sql, reply); }
  void writes(std::string_view sql = "update t set a = 2") {
    asks(client, *server, sql, done("UPDATE 1"));
  }
  Client& client;
  Server* server;
};

}  // namespace

SCRIPT("cache: a hit, and after a write none") {
  caching(bench);
  Warm warm(bench);
  warm.hits(read, answer("1"));
  warm.hits("SELECT /* of t */ a\n FROM t;", answer("1"));
  warm.writes();
  warm.misses(read, answer("2"));
  warm.hits(read, answer("2"));
}

SCRIPT("cache: hits and fills in a block that only reads") {
  caching(bench);
  Warm warm(bench);
  begin(warm.client, *warm.server);
  warm.hits(read, answer("1", 'T'));
  warm.misses("select a from other", answer("3", 'T'));
  warm.hits("select a from other", answer("3", 'T'));
  asks(warm.client, *warm.server, "update t set a = 2", done("UPDATE 1", 'T'));
  warm.misses("select a from other", answer("3", 'T'));
  warm.misses(read, answer("2", 'T'));
  commit(warm.client, *warm.server);
  warm.hits("select a from other", answer("3"));
  warm.misses(read, answer("2"));
}

SCRIPT("cache: a block that reads sees what others have committed") {
  caching(bench);
  Warm warm(bench);
  begin(warm.client, *warm.server);
  warm.hits(read, answer("1", 'T'));
  Client& other = bench.login();
  other.sends(query("update t set a = 2"));
  Server& second = bench.server();
  second.receives_all(query("update t set a = 2"));
  second.sends(done("UPDATE 1"));
  other.receives_all(done("UPDATE 1"));
  warm.misses(read, answer("2", 'T'));
  commit(warm.client, *warm.server);
}

SCRIPT("cache: blocks that do more than read") {
  caching(bench);
  Warm warm(bench);
  const auto block = [&](std::string_view first, std::string_view second, std::string_view tag) {
    asks(warm.client, *warm.server, first, done("BEGIN", 'T'));
    if (!second.empty()) asks(warm.client, *warm.server, second, done(tag, 'T'));
    warm.misses(read, answer("1", 'T'));
    asks(warm.client, *warm.server, "rollback", done("ROLLBACK"));
  };
  block("begin isolation level repeatable read", "", "");
  block("begin isolation level serializable", "", "");
  block("begin; select a from t for update", "", "");
  block("begin", "set transaction isolation level repeatable read", "SET");
  block("begin", "lock table other", "LOCK TABLE");
  block("begin", "select a from other for update", "SELECT 0");
  block("begin", "savepoint s", "SAVEPOINT");
  block("begin", "declare c cursor for select a from other", "DECLARE CURSOR");
}

SCRIPT("cache: a block that has failed") {
  caching(bench);
  Warm warm(bench);
  begin(warm.client, *warm.server);
  const std::string failed = error("22012", "division by zero") + ready('E');
  asks(warm.client, *warm.server, "select 1 / a from other", failed);
  asks(warm.client, *warm.server, read, error("25P02", "aborted") + ready('E'));
  asks(warm.client, *warm.server, "rollback", done("ROLLBACK"));
  warm.hits(read, answer("1"));
}

SCRIPT("cache: a block whose BEGIN is held back has no server") {
  caching(bench);
  Warm warm(bench);
  warm.hits("begin read only", done("BEGIN", 'T'));
  warm.hits(read, answer("1", 'T'));
  warm.hits("commit", done("COMMIT"));
  warm.hits("begin read only", done("BEGIN", 'T'));
  warm.client.sends(query("select a from other"));
  warm.server->receives_all(query("begin read only") + query("select a from other"));
  warm.server->sends(done("BEGIN", 'T') + answer("3", 'T'));
  warm.client.receives_all(answer("3", 'T'));
  warm.hits("select a from other", answer("3", 'T'));
  warm.hits(read, answer("1", 'T'));
  commit(warm.client, *warm.server);
  // Its snapshot is taken by the first statement that a server runs.
  warm.hits("begin isolation level repeatable read read only", done("BEGIN", 'T'));
  warm.client.sends(query(read));
  warm.server->receives(query("begin isolation level repeatable read read only") + query(read));
  warm.server->sends(done("BEGIN", 'T') + answer("1", 'T'));
  warm.client.receives_all(answer("1", 'T'));
  commit(warm.client, *warm.server);
}

SCRIPT("cache: where blocks may keep one snapshot, none is answered from it") {
  caching(bench, true);
  Warm warm(bench);
  warm.hits(read, answer("1"));
  begin(warm.client, *warm.server);
  warm.misses(read, answer("1", 'T'));
  commit(warm.client, *warm.server);
}

SCRIPT("cache: a portal that is open in a block") {
  caching(bench);
  Warm warm(bench);
  if (bench.cut == Cut::bytes) return;  // what is not here whole is run
  const std::string one = parse("", read) + bind("", "") + describe('P', "");
  const std::string whole = one + execute() + end_batch();
  std::string some = one + execute() + end_batch();
  some[some.size() - 6] = 1;  // one row
  begin(warm.client, *warm.server);
  warm.client.sends(some);
  warm.server->receives_all(some);
  const std::string reply = parsed() + bound() + row_description() + row("1");
  warm.server->sends(reply + message('s') + ready('T'));
  warm.client.receives_all(reply + message('s') + ready('T'));
  warm.client.sends(whole);
  warm.server->receives_all(whole);
  warm.server->sends(reply + done("SELECT 1", 'T'));
  warm.client.receives_all(reply + done("SELECT 1", 'T'));
  warm.client.sends(whole);
  warm.client.receives_all(reply + done("SELECT 1", 'T'));
  warm.server->receives_nothing();
  commit(warm.client, *warm.server);
}

SCRIPT("cache: so many rows are asked for") {
  caching(bench);
  Warm warm(bench);
  if (bench.cut == Cut::bytes) return;  // what is not here whole is run
  const std::string one = parse("", read) + bind("", "") + describe('P', "");
  const auto asked = [&](std::uint32_t rows) { return one + execute("", rows) + end_batch(); };
  const std::string begun = parsed() + bound() + row_description() + row("1");
  const std::string all = begun + row("2") + done("SELECT 2");
  const std::string part = begun + message('s') + ready();
  const auto misses = [&](std::uint32_t rows, const std::string& reply) {
    warm.client.sends(asked(rows));
    warm.server->receives_all(asked(rows));
    warm.server->sends(reply);
    warm.client.receives_all(reply);
  };
  const auto hits = [&](std::uint32_t rows, const std::string& reply) {
    warm.client.sends(asked(rows));
    warm.client.receives_all(reply);
    warm.server->receives_nothing();
  };
  warm.writes();
  misses(1, part);
  hits(1, part);
  const std::string reached = begun + row("2") + message('s') + ready();
  misses(2, reached);  // whether there are more, nobody has looked
  hits(2, reached);
  misses(3, all);
  hits(3, all);
  misses(0, all);
  hits(0, all);
  hits(~std::uint32_t{0}, all);  // less than none is all
  hits(1, part);
  warm.writes();
  misses(1, part);
}

SCRIPT("cache: so many rows are asked for in a block") {
  caching(bench);
  Warm warm(bench);
  if (bench.cut == Cut::bytes) return;
  const std::string asked = parse("", read) + bind("", "") + execute("", 1) + end_batch();
  const std::string more = execute("", 1) + end_batch();
  const auto runs = [&](const std::string& what, const std::string& reply) {
    warm.client.sends(what);
    warm.server->receives_all(what);
    warm.server->sends(reply);
    warm.client.receives_all(reply);
  };
  runs(asked, parsed() + bound() + row("1") + message('s') + ready());
  begin(warm.client, *warm.server);
  for (int i = 0; i < 2; ++i) {
    runs(asked, parsed() + bound() + row("1") + message('s') + ready('T'));
    runs(more, done("SELECT 0", 'T'));
  }
  commit(warm.client, *warm.server);
}

SCRIPT("cache: what a hint asks for") {
  caching(bench);
  Warm warm(bench);
  warm.misses("/*+ cache=off */ select a from t", answer("1"));
  bench.passes(std::chrono::seconds(30));
  warm.hits("/*+ cache=60s */ select a from t", answer("1"));
  warm.misses("/*+ cache=20s */ select a from t", answer("1"));
  warm.hits("/*+ cache=20s */ select a from t", answer("1"));
  warm.misses("/*+ route=primary */ select a from t", answer("1"));
  warm.writes();
  warm.hits("/*+ freshness=any */ select a from t", answer("1"));
  warm.hits("/*+ freshness=bounded:10s */ select a from t", answer("1"));
  warm.misses("/*+ freshness=session */ select a from t", answer("2"));
}

SCRIPT("cache: what a session asks for") {
  caching(bench);
  Warm warm(bench, {{"options", "-c heimproxy.cache=off"}});
  warm.misses(read, answer("1"));
  bench.starts({{"options", "-c heimproxy.cache=never"}}).receives_error("22023", "FATAL");
  asks(warm.client, *warm.server, "select a from other", answer("3"));
}

SCRIPT("cache: a session sees its own commits, and may miss those of others") {
  caching(bench);
  Warm warm(bench);
  warm.writes();
  Client& own = bench.login({{"options", "-c heimproxy.freshness=session"}});
  own.sends(query(read));
  own.receives_all(answer("1"));
  own.sends(query("update t set a = 3"));
  const bool adapts = !warm.server->take().starts_with(query("update t set a = 3"));
  warm.server->sends((adapts ? done("SET") : "") + done("UPDATE 1"));
  own.receives_all(done("UPDATE 1"));
  asks(own, *warm.server, read, answer("3"));
  own.sends(query(read));
  own.receives_all(answer("3"));
  warm.server->receives_nothing();
}

SCRIPT("cache: what rules say") {
  bench.settings.rules.resize(4);
  bench.settings.rules[0].table = {"other"};
  bench.settings.rules[0].cache = false;
  bench.settings.rules[1].table = {"secret"};
  bench.settings.rules[1].cache_row_security = true;
  bench.settings.rules[2].regex = "^select b from t$";
  bench.settings.rules[2].cache_ttl = std::chrono::seconds(10);
  bench.settings.rules[3].regex = "^select c from t$";
  bench.settings.rules[3].cache_max_result_size = 1024;
  caching(bench);
  Warm warm(bench);
  warm.hits(read, answer("1"));
  warm.misses("select a from other", answer("1"));
  warm.misses("select a from other", answer("1"));
  warm.misses("select a from secret", answer("1"));
  warm.hits("select a from secret", answer("1"));
  warm.misses("select b from t", answer("1"));
  warm.hits("select b from t", answer("1"));
  bench.passes(std::chrono::seconds(11));
  warm.misses("select b from t", answer("1"));
  warm.misses("select c from t", answer(std::string(1024, 'x')));
  warm.misses("select c from t", answer(std::string(900, 'x')));
  warm.hits("select c from t", answer(std::string(900, 'x')));
}

SCRIPT("cache: one asks anew, and others have what was right meanwhile") {
  bench.settings.rules.resize(1);
  bench.settings.rules[0].table = {"t"};
  bench.settings.rules[0].stale_while_revalidate = std::chrono::seconds(5);
  caching(bench);
  Warm warm(bench);
  warm.writes();
  warm.client.sends(query(read));
  warm.server->receives_all(query(read));
  Client& other = bench.login();
  other.sends(query(read));
  other.receives_all(answer("1"));
  bench.passes(std::chrono::seconds(6));
  other.sends(query(read));
  other.receives_nothing();
  warm.server->sends(answer("2"));
  warm.client.receives_all(answer("2"));
  other.receives_all(answer("2"));
}

SCRIPT("cache: the next one asks where the first one is canceled") {
  caching(bench);
  Warm warm(bench);
  Client& second = bench.login();
  Client& third = bench.login();
  const std::string other = query("select a from other");
  warm.client.sends(other);
  warm.server->receives_all(other);
  second.sends(other);
  third.sends(other);
  second.receives_nothing();
  const std::string canceled = error("57014", "canceled") + ready();
  warm.server->sends(canceled);
  warm.client.receives_all(canceled);
  warm.server->receives_all(other);
  warm.server->sends(answer("3"));
  if (bench.dials()) {
    Server& more = bench.server();
    more.receives_all(other);
    more.sends(answer("3"));
  }
  second.receives_all(answer("3"));
  third.receives_all(answer("3"));
  warm.hits("select a from other", answer("3"));
}

}  // namespace heim::session::test
