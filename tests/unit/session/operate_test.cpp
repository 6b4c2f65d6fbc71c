// PAUSE, RESUME, RECONNECT, KILL and the ways to shut down.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using How = heim::session::Operator::Shutdown;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}
void ended(Client& client) {
  client.receives_error("57P01", "FATAL");
  client.is_closed();
}

}  // namespace

SCRIPT("PAUSE closes what is idle, and what becomes free; RESUME goes on") {
  bench.settings.proxy.pool_size = 2;
  Client& idle = bench.login();
  Server& first = bench.last();
  Client& busy = bench.login();
  runs(busy, first, query("begin"), done("BEGIN", 'T'));
  CHECK_FALSE(bench.hub().all_idle("db"));
  bench.hub().pause("db", true);
  idle.sends(query("select 1"));
  CHECK_FALSE(bench.dials());
  runs(busy, first, query("commit"), done("COMMIT"));
  first.is_dismissed();
  CHECK(bench.hub().all_idle("db"));
  bench.passes(seconds(1));
  CHECK_FALSE(bench.dials());
  idle.receives_nothing();
  bench.hub().pause("db", false);
  bench.passes(milliseconds(200));
  bench.server().receives_all(query("select 1"));
}

SCRIPT("PAUSE of another database does not matter") {
  Client& client = bench.login();
  bench.hub().pause("other", true);
  runs(client, bench.last(), query("select 1"), answer("1"));
}

SCRIPT("RECONNECT: what is idle goes at once, what is in use when it is free") {
  Client& client = bench.login();
  Server& first = bench.last();
  runs(client, first, query("begin"), done("BEGIN", 'T'));
  bench.hub().reconnect("db");
  CHECK_FALSE(bench.hub().all_fresh("db"));
  runs(client, first, query("select 1"), answer("1", 'T'));
  runs(client, first, query("commit"), done("COMMIT"));
  first.is_dismissed();
  CHECK(bench.hub().all_fresh("db"));
  client.sends(query("select 2"));
  Server& second = bench.server();
  second.receives_all(query("select 2"));
  second.sends(answer("2"));
  client.receives_all(answer("2"));
  bench.hub().reconnect("");
  second.is_dismissed();
}

SCRIPT("KILL ends clients and servers of a database") {
  Client& idle = bench.login();
  Server& server = bench.last();
  Client& busy = bench.login();
  runs(busy, server, query("begin"), done("BEGIN", 'T'));
  bench.hub().kill("db");
  ended(idle);
  ended(busy);
  CHECK(server.take().ends_with(terminate()));
  server.is_closed();
  CHECK_FALSE(bench.dials());
}

SCRIPT("KILL_CLIENT ends one") {
  Client& one = bench.login();
  Client& two = bench.login();
  session::Snapshot snapshot;
  bench.hub().fill(snapshot);
  REQUIRE_EQ(snapshot.clients.size(), 2u);
  const auto& row =
      snapshot.clients[0].remote_pid == one.pid ? snapshot.clients[0] : snapshot.clients[1];
  CHECK(bench.hub().kill_client(row.id));
  ended(one);
  two.is_open();
  CHECK_FALSE(bench.hub().kill_client(row.id));
}

SCRIPT("KILL in the middle of a row says nothing into it") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  const std::string half = (row_description() + row(std::string(100, 'x'))).substr(0, 60);
  server.sends(half);
  client.receives_all(half);
  bench.hub().kill("");
  client.is_closed();
  server.is_dismissed();
}

SCRIPT("a disabled database admits nobody") {
  bench.login();
  bench.hub().disable("db", true);
  Client& client = bench.starts();
  client.receives_error("57P03", "FATAL");
  client.is_closed();
  bench.hub().disable("db", false);
  bench.login();
}

SCRIPT("shutdown now") {
  Client& idle = bench.login();
  Server& server = bench.last();
  Client& busy = bench.login();
  runs(busy, server, query("begin"), done("BEGIN", 'T'));
  Client& early = bench.connect();
  CHECK_FALSE(bench.hub().is_done());
  bench.hub().shutdown(How::now);
  ended(idle);
  ended(busy);
  ended(early);
  CHECK(bench.hub().is_done());
  server.receives_all(query("ROLLBACK"));
}

SCRIPT("shutdown that waits for servers: transactions end, nobody begins another") {
  Client& idle = bench.login();
  Server& server = bench.last();
  Client& busy = bench.login();
  runs(busy, server, query("begin"), done("BEGIN", 'T'));
  bench.hub().shutdown(How::wait_for_servers);
  ended(idle);
  runs(busy, server, query("select 1"), answer("1", 'T'));
  bench.passes(seconds(1));
  CHECK_FALSE(bench.hub().is_done());
  runs(busy, server, query("commit"), done("COMMIT"));
  bench.passes(milliseconds(200));
  ended(busy);
  CHECK(bench.hub().is_done());
}

SCRIPT("a request that comes in between is refused honestly") {
  Client& busy = bench.login();
  Server& server = bench.last();
  runs(busy, server, query("begin"), done("BEGIN", 'T'));
  bench.hub().shutdown(How::wait_for_servers);
  runs(busy, server, query("commit"), done("COMMIT"));
  busy.sends(query("select 1"));
  ended(busy);
}

SCRIPT("shutdown that waits for clients: they go on until they leave") {
  Client& client = bench.login();
  Server& server = bench.last();
  bench.hub().shutdown(How::wait_for_clients);
  runs(client, server, query("select 1"), answer("1"));
  bench.passes(seconds(10));
  runs(client, server, query("select 2"), answer("2"));
  Client& late = bench.starts();
  late.receives_error("57P03", "FATAL");
  late.is_closed();
  CHECK_FALSE(bench.hub().is_done());
  client.sends(terminate());
  client.is_closed();
  CHECK(bench.hub().is_done());
  // A second signal is immediate: see "shutdown now".
}

SCRIPT("shutdown that waits for clients, then now") {
  Client& client = bench.login();
  bench.hub().shutdown(How::wait_for_clients);
  client.is_open();
  bench.hub().shutdown(How::now);
  ended(client);
}

SCRIPT("everything ends while everything is under way") {
  bench.settings.proxy.pool_size = 2;
  Client& one = bench.login();
  Server& first = bench.last();
  runs(one, first, query("begin"), done("BEGIN", 'T'));
  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.server();
  Client& three = bench.login();
  three.sends(query("select 3"));
  bench.connect();
  Client& asker = bench.connect();
  asker.sends(cancel_request(two.pid, two.secret));
  bench.settle();
  bench.finish();
}
