// Limits over one worker and over two.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}
void begins(Client& client, Server& server) {
  runs(client, server, query("begin"), done("BEGIN", 'T'));
}
void commits(Client& client, Server& server) {
  runs(client, server, query("commit"), done("COMMIT"));
}

std::size_t open_servers(Bench& bench) {
  std::size_t count = 0;
  for (const auto& each : bench.shared().broker.counts()) count += each.servers;
  return count;
}

}  // namespace

SCRIPT("pool_size is exact, and those who wait are served in the order they came") {
  bench.settings.proxy.pool_size = 2;
  Client& a = bench.login();
  Server& first = bench.last();
  Client& b = bench.login();
  Client& c = bench.login();
  Client& d = bench.login();
  begins(a, first);
  b.sends(query("begin"));
  Server& second = bench.server();
  second.receives_all(query("begin"));
  second.sends(done("BEGIN", 'T'));
  b.receives_all(done("BEGIN", 'T'));
  c.sends(query("select 'c'"));
  bench.settle();
  d.sends(query("select 'd'"));
  CHECK_FALSE(bench.dials());
  CHECK_EQ(open_servers(bench), 2u);
  commits(b, second);
  second.receives_all(query("select 'c'"));
  commits(a, first);
  first.receives_all(query("select 'd'"));
}

SCRIPT("one connection per waiting client is opened, no more") {
  bench.settings.proxy.pool_size = 5;
  Client& a = bench.starts();
  Client& b = bench.starts();
  bench.dialed();
  bench.dialed();
  CHECK_FALSE(bench.dials());
  CHECK_EQ(open_servers(bench), 2u);
  a.loose = b.loose = true;
}

SCRIPT("a server that comes free serves the one for whom another is being opened") {
  bench.settings.proxy.pool_size = 2;
  Client& a = bench.login();
  Server& first = bench.last();
  Client& b = bench.login();
  begins(a, first);
  b.sends(query("select 'b'"));
  Server& second = bench.dialed();
  commits(a, first);
  first.receives_all(query("select 'b'"));
  first.sends(answer("b"));
  b.receives_all(answer("b"));
  second.accepts();
  second.take();
  second.sends(authentication(0) + key(1, "k") + ready());
  second.is_open();
  CHECK_EQ(open_servers(bench), 2u);
}

SCRIPT("a worker without an idle server gets one handed over") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  Client& here = bench.login({}, 0);
  Server& server = bench.last();
  Client& there = bench.login({}, 1);
  there.sends(query("select 'there'"));
  server.receives_all(query("select 'there'"));
  server.sends(answer("there"));
  there.receives_all(answer("there"));
  here.sends(query("select 'here'"));
  server.receives_all(query("select 'here'"));
  server.sends(answer("here"));
  here.receives_all(answer("here"));
  CHECK_FALSE(bench.dials());
  CHECK_EQ(open_servers(bench), 1u);
}

SCRIPT("a server that comes free goes to the head of the line, on whatever worker") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  Client& a = bench.login({}, 0);
  Server& server = bench.last();
  Client& b = bench.login({}, 1);
  Client& c = bench.login({}, 0);
  begins(a, server);
  b.sends(query("select 'b'"));
  bench.settle();
  c.sends(query("select 'c'"));
  commits(a, server);
  server.receives_all(query("select 'b'"));
  server.sends(answer("b"));
  b.receives_all(answer("b"));
  server.receives_all(query("select 'c'"));
  server.sends(answer("c"));
  c.receives_all(answer("c"));
}

SCRIPT("a prepared statement survives the hand-over of its server") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  Client& a = bench.login({{"application_name", "a"}}, 0);
  Server& server = bench.last();
  a.sends(parse("s", "select 1") + end_batch());
  CHECK(server.take().ends_with(parse("heim_0", "select 1") + end_batch()));
  server.sends(parsed() + ready());
  a.receives_all(parsed() + ready());
  Client& b = bench.login({{"application_name", "a"}}, 1);
  b.sends(parse("t", "select 1") + bind("", "t") + end_batch());
  // The same settings and the same statement: nothing of it is sent again.
  server.receives_all(bind("", "heim_0") + end_batch());
  server.sends(bound() + ready());
  b.receives_all(parsed() + bound() + ready());
}

SCRIPT("the client for whom a server is handed over leaves meanwhile") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  Client& a = bench.login({}, 0);
  Server& server = bench.last();
  Client& b = bench.login({}, 1);
  begins(a, server);
  b.sends(query("select 'b'"));
  bench.settle();
  b.leaves();
  commits(a, server);
  Client& c = bench.login({}, 1);
  c.sends(query("select 'c'"));
  server.receives_all(query("select 'c'"));
}

SCRIPT("a server on its way to a wait that is over serves the next wait of that session") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  bench.settings.timeouts.query_wait_timeout = seconds(10);
  Client& a = bench.login({}, 0);
  Server& server = bench.last();
  Client& b = bench.login({}, 1);
  begins(a, server);
  b.sends(query("select 1"));
  b.sends(query("select 2"));
  bench.settle();
  bench.holds_fabric = true;
  commits(a, server);
  bench.passes(seconds(11));
  b.receives_error("53300");
  b.receives_all(ready());
  bench.holds_fabric = false;
  server.receives_all(query("select 2"));
  // Nothing of either wait is left in the line.
  a.sends(query("select 3"));
  bench.settle();
  server.sends(answer("2"));
  b.receives_all(answer("2"));
  server.receives_all(query("select 3"));
  b.sends(query("select 4"));
  server.receives_nothing();
  server.sends(answer("3"));
  a.receives_all(answer("3"));
  server.receives_all(query("select 4"));
  CHECK_EQ(bench.shared().broker.counts()[0].waiting, 0u);
}

SCRIPT("max_db_connections: an idle server of another pool makes room") {
  bench.settings.proxy.max_db_connections = 1;
  bench.login();
  Server& first = bench.last();
  Client& other = bench.connect();
  other.sends(startup({{"user", "other"}, {"database", "db"}}));
  bench.settle();
  first.is_dismissed();
  Server& second = bench.server();
  bench.admitted(other);
  CHECK_EQ(open_servers(bench), 1u);
  runs(other, second, query("select 1"), answer("1"));
}

SCRIPT("max_user_connections over two databases") {
  bench.settings.proxy.max_user_connections = 1;
  Client& one = bench.login();
  Server& first = bench.last();
  begins(one, first);
  Client& other = bench.connect();
  other.sends(startup({{"user", "app"}, {"database", "second"}}));
  CHECK_FALSE(bench.dials());
  commits(one, first);
  // Now it is idle, and the other database's turn.
  bench.passes(milliseconds(200));
  if (!bench.dials()) bench.passes(milliseconds(200));
  first.is_dismissed();
  bench.server();
  bench.admitted(other);
}

SCRIPT("the reserve is opened when the head of the line has waited long enough") {
  bench.settings.proxy.pool_size = 1;
  bench.settings.proxy.reserve_pool_size = 1;
  bench.settings.timeouts.reserve_pool_timeout = seconds(5);
  Client& a = bench.login();
  Server& first = bench.last();
  Client& b = bench.login();
  Client& c = bench.login();
  begins(a, first);
  b.sends(query("select 'b'"));
  bench.settle();
  c.sends(query("select 'c'"));
  bench.passes(seconds(4));
  CHECK_FALSE(bench.dials());
  bench.passes(seconds(2));
  Server& reserve = bench.server();
  reserve.receives_all(query("select 'b'"));
  bench.passes(seconds(10));
  CHECK_FALSE(bench.dials());
  CHECK_EQ(open_servers(bench), 2u);
}

SCRIPT("min_pool_size is kept while there are clients") {
  bench.settings.proxy.min_pool_size = 2;
  bench.login();
  bench.passes(seconds(1));
  bench.server();
  bench.passes(seconds(1));
  CHECK_FALSE(bench.dials());
  CHECK_EQ(open_servers(bench), 2u);
}

SCRIPT("a failed login does not lose the slot") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.starts();
  for (int i = 0; i < 3; ++i) {
    bench.dialed().leaves("connection refused");
    CHECK_EQ(open_servers(bench), 0u);
    bench.passes(milliseconds(1100));
  }
  bench.server();
  bench.admitted(client);
  CHECK_EQ(open_servers(bench), 1u);
}

SCRIPT("a pool's size can be changed while it runs") {
  bench.settings.proxy.pool_size = 1;
  Client& a = bench.login();
  Server& first = bench.last();
  Client& b = bench.login();
  begins(a, first);
  b.sends(query("select 'b'"));
  CHECK_FALSE(bench.dials());
  bench.settings.proxy.pool_size = 2;
  bench.reload();
  bench.passes(milliseconds(200));
  bench.server().receives_all(query("select 'b'"));
}
