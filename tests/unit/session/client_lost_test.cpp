// A client that vanishes costs a rollback, not a server connection.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Leaving {
  explicit Leaving(Bench& the_bench)
      : bench(the_bench),
        client((bench.settings.proxy.pool_size = 1, bench.login())),
        server(bench.last()) {}
  Bench& bench;
  Client& client;
  Server& server;

  void runs(std::string_view bytes, std::string_view answered) {
    client.sends(bytes);
    server.receives_all(bytes);
    server.sends(answered);
    client.receives_all(answered);
  }
  void is_free() {
    Client& other = bench.login();
    other.sends(query("select 'free'"));
    server.receives_all(query("select 'free'"));
    server.sends(answer("free"));
    other.receives_all(answer("free"));
  }
};

}  // namespace

SCRIPT("the client leaves between transactions") {
  Leaving at(bench);
  at.runs(query("select 1"), answer("1"));
  at.client.leaves();
  at.is_free();
}

SCRIPT("the client leaves in a transaction") {
  Leaving at(bench);
  at.runs(query("begin"), done("BEGIN", 'T'));
  at.client.leaves();
  at.server.receives_all(query("ROLLBACK"));
  at.server.sends(done("ROLLBACK"));
  at.is_free();
}

SCRIPT("the client leaves before the error came that its query is skipped after") {
  Leaving at(bench);
  at.client.sends(parse("", "bad") + query("select 1"));
  at.server.take();
  at.client.leaves();
  at.server.sends(error("42601", "x"));
  at.server.receives_all(end_batch());
  at.server.sends(ready());
  at.is_free();
}

SCRIPT("the client leaves in a failed transaction") {
  Leaving at(bench);
  at.runs(query("begin; bad"), complete("BEGIN") + error("42601", "x") + ready('E'));
  at.client.leaves("connection reset");
  at.server.receives_all(query("ROLLBACK"));
  at.server.sends(done("ROLLBACK"));
  at.is_free();
}

SCRIPT("the client leaves while a statement runs in a transaction") {
  Leaving at(bench);
  at.runs(query("begin"), done("BEGIN", 'T'));
  at.client.sends(query("select 2"));
  at.server.receives_all(query("select 2"));
  at.client.leaves();
  at.server.receives_nothing();
  at.server.sends(answer("2", 'T'));
  at.server.receives_all(query("ROLLBACK"));
  at.server.sends(done("ROLLBACK"));
  at.is_free();
}

SCRIPT("the client leaves while a statement runs outside a transaction") {
  Leaving at(bench);
  at.client.sends(query("select 2"));
  at.server.receives_all(query("select 2"));
  at.client.leaves();
  at.server.sends(answer("2"));
  at.is_free();
}

SCRIPT("the client leaves in an extended batch without Sync") {
  Leaving at(bench);
  at.client.sends(parse("s", "select 1") + bind("", "s") + execute() + flush());
  at.server.take();
  at.server.sends(parsed() + bound() + row("1") + complete("SELECT 1"));
  at.client.receives_all(parsed() + bound() + row("1") + complete("SELECT 1"));
  at.client.leaves();
  at.server.receives_all(end_batch());
  at.server.sends(ready());
  at.is_free();
}

SCRIPT("the client leaves after an error, before Sync") {
  Leaving at(bench);
  at.client.sends(parse("s", "bad") + flush());
  at.server.take();
  at.server.sends(error("42601", "x"));
  at.client.receives_all(error("42601", "x"));
  at.client.leaves();
  at.server.receives_all(end_batch());
  at.server.sends(ready());
  at.is_free();
}

SCRIPT("the client leaves in the middle of a row") {
  Leaving at(bench);
  at.client.sends(query("select 1"));
  at.server.receives_all(query("select 1"));
  const std::string result = answer(std::string(500, 'x'));
  at.server.sends(result.substr(0, 300));
  at.client.receives_all(result.substr(0, 300));
  at.client.leaves();
  at.server.sends(result.substr(300));
  at.is_free();
}

SCRIPT("session mode rolls back first, then resets") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  bench.settings.proxy.server_reset_query = "RESET ALL";
  Leaving at(bench);
  at.runs(query("begin"), done("BEGIN", 'T'));
  at.client.leaves();
  at.server.receives_all(query("ROLLBACK"));
  at.server.sends(done("ROLLBACK"));
  at.server.receives_all(query("RESET ALL"));
  at.server.sends(done("RESET"));
  Client& other = bench.login({}, 0);
  other.sends(query("select 1"));
  CHECK_NE(at.server.take().find("select 1"), std::string::npos);
}

SCRIPT("server_reset_query_always") {
  bench.settings.proxy.server_reset_query_always = true;
  Leaving at(bench);
  at.client.sends(query("select 1"));
  at.server.receives_all(query("select 1"));
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  at.server.receives_all(query("DISCARD ALL"));
  at.server.sends(done("DISCARD ALL"));
  at.client.sends(query("select 2"));
  at.server.receives_all(query("select 2"));
}

SCRIPT("a reset query that fails costs the server") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  bench.settings.proxy.server_reset_query = "SELECT wrong";
  Leaving at(bench);
  at.runs(query("select 1"), answer("1"));
  at.client.leaves();
  at.server.receives_all(query("SELECT wrong"));
  at.server.sends(error("42703", "wrong") + ready());
  at.server.is_dismissed();
}

SCRIPT("a rollback that does not help costs the server") {
  Leaving at(bench);
  at.runs(query("begin"), done("BEGIN", 'T'));
  at.client.leaves();
  at.server.receives_all(query("ROLLBACK"));
  at.server.sends(done("ROLLBACK", 'T'));
  at.server.is_dismissed();
}

SCRIPT("what its client left runs on: canceled after abandon_timeout, closed after twice that") {
  bench.settings.timeouts.abandon_timeout = seconds(5);
  Leaving at(bench);
  at.client.sends(query("select pg_sleep(1000)"));
  at.server.receives_all(query("select pg_sleep(1000)"));
  at.client.leaves();
  bench.passes(seconds(4));
  CHECK_FALSE(bench.dials());
  bench.passes(milliseconds(1100));
  Server& canceler = bench.dialed();
  canceler.accepts();
  canceler.receives_all(cancel_request(at.server.pid, at.server.secret));
  bench.passes(seconds(4));
  CHECK_FALSE(bench.dials());
  at.server.is_open();
  bench.passes(seconds(1));
  at.server.is_dismissed();
  canceler.leaves();
}

SCRIPT("what its client left ends by the cancel") {
  bench.settings.timeouts.abandon_timeout = seconds(5);
  Leaving at(bench);
  at.client.sends(query("select pg_sleep(1000)"));
  at.server.receives_all(query("select pg_sleep(1000)"));
  at.client.leaves();
  bench.passes(milliseconds(5100));
  Server& canceler = bench.dialed();
  canceler.accepts();
  canceler.take();
  at.server.sends(error("57014", "canceled") + ready());
  Client& other = bench.login();
  other.sends(query("select 1"));
  // Not before the cancel request is over: it could hit this query.
  at.server.receives_nothing();
  canceler.leaves();
  at.server.receives_all(query("select 1"));
}

SCRIPT("a client that leaves while it waits leaves the line") {
  Leaving at(bench);
  at.runs(query("begin"), done("BEGIN", 'T'));
  Client& second = bench.login();
  Client& third = bench.login();
  second.sends(query("select 2"));
  bench.settle();
  third.sends(query("select 3"));
  second.leaves();
  at.client.sends(query("commit"));
  at.server.receives_all(query("commit"));
  at.server.sends(done("COMMIT"));
  at.client.receives_all(done("COMMIT"));
  at.server.receives_all(query("select 3"));
}

SCRIPT("a client that leaves during its login") {
  Client& client = bench.starts();
  Server& server = bench.dialed();
  client.leaves();
  server.is_open();
  server.accepts();
  server.take();
  server.sends(authentication(0) + key(1, "k") + ready());
  Client& other = bench.starts();
  bench.admitted(other);
}
