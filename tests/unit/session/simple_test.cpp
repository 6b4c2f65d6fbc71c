// The simple protocol in the three pool modes, and when a server is given back.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

bool idle(Bench& bench, std::uint32_t count = 1) {
  session::Snapshot snapshot;
  bench.hub().fill(snapshot);
  return snapshot.pools.size() == 1 && snapshot.pools[0].sv_idle == count &&
         snapshot.pools[0].sv_active == 0;
}

}  // namespace

SCRIPT("a query goes to a server and its answer comes back") {
  Client& client = bench.login();
  Server& server = bench.last();
  CHECK_EQ(client.greeting,
           authentication(0) + parameter("TimeZone", "UTC") + parameter("server_version", "15.1"));
  CHECK(idle(bench));
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  CHECK_FALSE(idle(bench));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
  CHECK(idle(bench));
}

SCRIPT("pipelined queries are answered in order on one server") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  client.sends(query("select 2"));
  server.receives_all(query("select 1") + query("select 2"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
  CHECK_FALSE(idle(bench));
  server.sends(answer("2"));
  client.receives_all(answer("2"));
  CHECK(idle(bench));
}

SCRIPT("transaction mode keeps the server from BEGIN to COMMIT") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives_all(done("BEGIN", 'T'));
  CHECK_FALSE(idle(bench));
  client.sends(query("bad"));
  server.receives_all(query("bad"));
  server.sends(error("42601", "syntax error") + ready('E'));
  client.receives_all(error("42601", "syntax error") + ready('E'));
  CHECK_FALSE(idle(bench));
  client.sends(query("rollback"));
  server.receives_all(query("rollback"));
  server.sends(done("ROLLBACK"));
  client.receives_all(done("ROLLBACK"));
  CHECK(idle(bench));
}

SCRIPT("two clients share a server in transaction mode") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  one.sends(query("select 1"));
  bench.settle();
  two.sends(query("select 2"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  two.receives_all(answer("2"));
  CHECK_FALSE(bench.dials());
}

SCRIPT("session mode keeps the server until the client leaves, then resets it") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
  CHECK_FALSE(idle(bench));
  client.sends(terminate());
  client.is_closed();
  server.receives_all(query("DISCARD ALL"));
  CHECK_FALSE(idle(bench));
  server.sends(done("DISCARD ALL"));
  server.is_open();
  CHECK(idle(bench));
}

SCRIPT("a login alone leaves nothing to reset") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  Client& client = bench.login();
  client.leaves();
  bench.last().is_open();
  CHECK(idle(bench));
}

SCRIPT("statement mode allows no transaction blocks") {
  bench.settings.proxy.pool_mode = config::PoolMode::statement;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
  CHECK(idle(bench));
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives(done("BEGIN", 'T'));
  client.receives_error("0A000", "FATAL");
  client.is_closed();
  server.receives_all(query("ROLLBACK"));
  server.sends(done("ROLLBACK"));
  CHECK(idle(bench));
}

SCRIPT("a client without a server: Sync, Flush, COPY data, Terminate") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(end_batch());
  client.receives_all(ready());
  client.sends(flush() + copy_data("late") + copy_done() + copy_fail("late"));
  client.receives_nothing();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
  client.sends(terminate());
  client.is_closed();
  server.is_open();
}

SCRIPT("a query right before Terminate still runs, and the server is used again") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  Client& other = bench.login();
  client.sends(query("insert"));
  client.sends(terminate());
  server.receives_all(query("insert"));
  client.is_closed();
  other.sends(query("select 1"));
  server.receives_nothing();
  server.sends(done("INSERT 0 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  other.receives_all(answer("1"));
}

SCRIPT("what came before a protocol violation is answered for") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  Client& other = bench.login();
  client.sends(query("insert"));
  client.sends(message('!', "what"));
  server.receives_all(query("insert"));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.sends(done("INSERT 0 1"));
  other.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  other.receives_all(answer("1"));
}

SCRIPT("FunctionCall") {
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string call = message('F', std::string("\0\0\1\0\0\0\0\0\0\0", 10));
  client.sends(call);
  server.receives_all(call);
  const std::string result = message('V', std::string("\0\0\0\1x", 5)) + ready();
  server.sends(result);
  client.receives_all(result);
  CHECK(idle(bench));
  client.sends(call);
  server.receives_all(call);
  server.sends(error("42883", "no function") + ready());
  client.receives_all(error("42883", "no function") + ready());
  CHECK(idle(bench));
}

SCRIPT("notices, notifications and parameters pass at any time") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  const std::string noise = notice("n") + notification("ch") + parameter("application_name", "x");
  const std::string answered = noise + complete("BEGIN") + noise + ready('T') + noise;
  server.sends(answered);
  client.receives_all(answered);
  client.sends(query("commit"));
  server.receives_all(query("commit"));
  server.sends(done("COMMIT") + notice("late"));
  client.receives(done("COMMIT"));
  client.take();  // the notice may find the session without its server
  CHECK(idle(bench));
}

SCRIPT("what a server says when it serves nobody is dropped") {
  Client& client = bench.login();
  Server& server = bench.last();
  server.sends(notice("n") + notification("ch") + parameter("is_superuser", "on"));
  client.receives_nothing();
  CHECK(idle(bench));
  // The next session hears of the parameter, since it differs from what it was told.
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  client.receives_all(parameter("is_superuser", "on"));
}

TEST_CASE("a server is given back although half of an asynchronous message follows ReadyForQuery") {
  Bench bench(Cut::whole);
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  const std::string late = parameter("is_superuser", "on");
  server.sends(answer("1") + late.substr(0, 7));
  client.receives_all(answer("1"));
  CHECK_FALSE(idle(bench));
  server.sends(late.substr(7));
  client.receives_all(late);
  CHECK(idle(bench));
}

SCRIPT("an empty query and several statements in one") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query(""));
  server.receives_all(query(""));
  server.sends(message('I') + ready());
  client.receives_all(message('I') + ready());
  client.sends(query("select 1; select 2"));
  server.receives_all(query("select 1; select 2"));
  const std::string both = row_description() + row("1") + complete("SELECT 1") + row_description() +
                           row("2") + complete("SELECT 1") + ready();
  server.sends(both);
  client.receives_all(both);
  CHECK(idle(bench));
}
