// Everything that happens because time passed.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}

}  // namespace

SCRIPT("client_login_timeout: silence, half a packet, an unanswered challenge") {
  bench.settings.timeouts.client_login_timeout = seconds(10);
  bench.settings.auth.type = config::AuthType::scram_sha_256;
  Client& silent = bench.connect();
  Client& half = bench.connect();
  half.sends(startup({{"user", "app"}}).substr(0, 9));
  Client& challenged = bench.starts();
  CHECK_FALSE(challenged.take().empty());
  bench.passes(seconds(9));
  silent.is_open();
  bench.passes(seconds(2));
  for (Client* client : {&silent, &half, &challenged}) {
    client->receives_error("08P01", "FATAL");
    client->is_closed();
  }
}

SCRIPT("client_idle_timeout ends sessions without a server only") {
  bench.settings.timeouts.client_idle_timeout = seconds(10);
  Client& idle = bench.login();
  Server& server = bench.last();
  Client& busy = bench.login();
  runs(busy, server, query("begin"), done("BEGIN", 'T'));
  bench.passes(seconds(11));
  idle.receives_error("57P05", "FATAL");
  idle.is_closed();
  busy.is_open();
}

SCRIPT("query_wait_timeout: an error in the place of the answer, and the session goes on") {
  bench.settings.timeouts.query_wait_timeout = seconds(10);
  bench.settings.proxy.pool_size = 1;
  Client& holder = bench.login();
  Server& server = bench.last();
  Client& simple = bench.login();
  Client& extended = bench.login();
  runs(holder, server, query("begin"), done("BEGIN", 'T'));
  simple.sends(query("select 1"));
  extended.sends(parse("", "select 2") + bind("", "") + execute() + end_batch());
  bench.passes(seconds(9));
  simple.receives_nothing();
  bench.passes(seconds(2));
  for (Client* client : {&simple, &extended}) {
    client->receives_error("53300");
    client->receives_all(ready());
  }
  runs(holder, server, query("commit"), done("COMMIT"));
  runs(simple, server, query("select 3"), answer("3"));
  runs(extended, server, parse("", "select 4") + end_batch(), parsed() + ready());
}

SCRIPT("query_wait_timeout of a large query that is still coming") {
  bench.settings.timeouts.query_wait_timeout = seconds(10);
  bench.settings.proxy.pool_size = 1;
  Client& holder = bench.login();
  Server& server = bench.last();
  Client& waiting = bench.login();
  runs(holder, server, query("begin"), done("BEGIN", 'T'));
  const std::string big = query(std::string(20000, ' '));
  waiting.sends(big.substr(0, 18000));
  bench.passes(seconds(11));
  waiting.receives_error("53300");
  waiting.receives_all(ready());
  waiting.sends(big.substr(18000));
  runs(holder, server, query("commit"), done("COMMIT"));
  runs(waiting, server, query("select 1"), answer("1"));
}

SCRIPT("idle_transaction_timeout") {
  bench.settings.timeouts.idle_transaction_timeout = seconds(10);
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  bench.passes(seconds(6));
  runs(client, server, query("select 1"), answer("1", 'T'));
  bench.passes(seconds(6));
  client.is_open();
  bench.passes(seconds(5));
  client.receives_error("25P03", "FATAL");
  client.is_closed();
  server.receives_all(query("ROLLBACK"));
}

SCRIPT("a running statement in a transaction is not idle") {
  bench.settings.timeouts.idle_transaction_timeout = seconds(10);
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  client.sends(query("select pg_sleep(60)"));
  bench.passes(seconds(11));
  client.is_open();
}

SCRIPT("query_timeout counts from the query, not from what came before") {
  bench.settings.timeouts.query_timeout = seconds(10);
  for (const auto mode : {config::PoolMode::session, config::PoolMode::transaction}) {
    Bench each(bench.cut);
    each.settings = bench.settings;
    each.settings.proxy.pool_mode = mode;
    Client& client = each.login();
    Server& server = each.last();
    runs(client, server, query("begin"), done("BEGIN", 'T'));
    each.passes(minutes(5));
    client.sends(query("select pg_sleep(9)"));
    server.receives_all(query("select pg_sleep(9)"));
    each.passes(seconds(9));
    client.is_open();
    each.passes(seconds(2));
    client.receives_error("57014", "FATAL");
    client.is_closed();
    Server& signal = each.dialed();
    signal.accepts();
    signal.receives_all(cancel_request(server.pid, server.secret));
    signal.leaves();
  }
}

SCRIPT("query_timeout counts what a login asks of its server from then on") {
  bench.settings.timeouts.query_timeout = seconds(10);
  bench.login();
  Server& server = bench.last();
  bench.passes(seconds(20));
  Client& client = bench.starts({{"DateStyle", "ISO, DMY"}});
  CHECK_FALSE(server.take().empty());
  bench.passes(seconds(9));
  client.is_open();
  bench.passes(seconds(2));
  client.receives_error("57014", "FATAL");
}

SCRIPT("server_idle_timeout counts use, not checks") {
  bench.settings.timeouts.server_idle_timeout = seconds(100);
  bench.settings.timeouts.server_check_delay = seconds(30);
  bench.settings.proxy.server_check_query = "select 1";
  bench.login();
  Server& server = bench.last();
  for (int i = 0; i < 3; ++i) {
    bench.passes(seconds(31));
    server.receives_all(query("select 1"));
    server.sends(answer("1"));
  }
  server.is_open();
  bench.passes(seconds(8));
  server.is_dismissed();
}

SCRIPT("a check that fails costs the server; a client does not meet it") {
  bench.settings.timeouts.server_check_delay = seconds(30);
  Client& client = bench.login();
  Server& server = bench.last();
  bench.passes(seconds(31));
  server.receives_all(query("select 1"));
  client.sends(query("select 'mine'"));
  bench.settle();
  server.receives_nothing();
  server.sends(error("XX000", "broken") + ready());
  server.is_dismissed();
  if (bench.dials()) bench.server().receives_all(query("select 'mine'"));
}

SCRIPT("server_check_query empty: no checks") {
  bench.settings.proxy.server_check_query = "";
  bench.login();
  bench.passes(minutes(5));
  bench.last().is_open();
}

SCRIPT("server_lifetime ends idle servers") {
  bench.settings.timeouts.server_lifetime = seconds(100);
  bench.settings.proxy.server_check_query = "";
  bench.login();
  Server& server = bench.last();
  bench.passes(seconds(99));
  server.is_open();
  bench.passes(seconds(2));
  server.is_dismissed();
}

SCRIPT("server_lifetime ends a server that is never idle, when it is given back") {
  bench.settings.timeouts.server_lifetime = seconds(100);
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  runs(one, server, query("begin"), done("BEGIN", 'T'));
  two.sends(query("select 2"));
  bench.passes(seconds(101));
  server.is_open();
  runs(one, server, query("commit"), done("COMMIT"));
  server.is_dismissed();
  bench.server().receives_all(query("select 2"));
}

SCRIPT("a server_lifetime shorter than a login: each connection serves once") {
  bench.settings.timeouts.server_lifetime = std::chrono::milliseconds(1);
  Client& one = bench.starts();
  bench.passes(seconds(1));
  Server& server = bench.server();
  bench.admitted(one);
  one.sends(query("select 1"));
  server.receives_all(query("select 1"));
  bench.passes(std::chrono::milliseconds(10));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
  server.is_dismissed();
}

SCRIPT("no limit means none") {
  bench.settings.timeouts.query_wait_timeout = seconds(0);
  bench.settings.timeouts.server_idle_timeout = seconds(0);
  bench.settings.timeouts.server_lifetime = seconds(0);
  bench.settings.proxy.server_check_query = "";
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  runs(one, server, query("begin"), done("BEGIN", 'T'));
  two.sends(query("select 2"));
  bench.passes(std::chrono::hours(100));
  two.receives_nothing();
  runs(one, server, query("commit"), done("COMMIT"));
  server.receives_all(query("select 2"));
}
