// The pid a client is told: its server's in session mode, one of ours elsewhere.
#include <doctest/doctest.h>

#include "auto_script.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

void by_session(Bench& bench, std::uint32_t pool_size = 2) {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  bench.settings.proxy.pool_size = pool_size;
}

// A client whose server tells this pid.
Client& login_at(Bench& bench, std::uint32_t pid, Pairs more = {}) {
  Client& client = bench.starts(std::move(more));
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  server.pid = pid;
  server.secret = "key" + std::to_string(pid % 10);
  server.sends(authentication(0) + key(server.pid, server.secret) + ready());
  bench.admitted(client);
  return client;
}

void asks_to_cancel(Bench& bench, std::uint32_t pid, std::string_view secret, Server* hit,
                    pool::WorkerId worker = 0) {
  Client& asker = bench.connect(worker);
  asker.sends(cancel_request(pid, secret));
  if (!hit) {
    asker.is_closed();
    CHECK_FALSE(bench.dials());
    return;
  }
  Server& signal = bench.dialed();
  CHECK_EQ(signal.target.host, hit->target.host);
  signal.accepts();
  signal.receives_all(cancel_request(hit->pid, hit->secret));
  signal.leaves();
  asker.is_closed();
}

}  // namespace

SCRIPT("session mode: the key has the server's pid and a secret of ours") {
  by_session(bench);
  Client& client = bench.login({{"application_name", "it"}});
  CHECK_EQ(client.pid, bench.last().pid);
  CHECK_NE(client.secret, bench.last().secret);
  Client& other = bench.login({{"application_name", "it"}});
  CHECK_EQ(other.pid, bench.last().pid);
  CHECK_NE(other.pid, client.pid);
}

SCRIPT("shared modes: a pid that no process has") {
  for (const auto mode :
       {config::PoolMode::automatic, config::PoolMode::transaction, config::PoolMode::statement}) {
    Bench each(bench.cut);
    each.settings.proxy.pool_mode = mode;
    each.knows_catalog({});
    CHECK_GT(each.login().pid, 1u << 22);
  }
}

SCRIPT("session mode: a cancel request with the server's pid") {
  bench.workers = 3;
  by_session(bench);
  for (pool::WorkerId home = 0; home < 3; ++home) {
    Client& client = bench.login({}, home);
    Server& server = bench.last();
    client.sends(query("select 1"));
    server.receives_all(query("select 1"));
    for (pool::WorkerId worker = 0; worker < 3; ++worker) {
      asks_to_cancel(bench, client.pid, client.secret, &server, worker);
      asks_to_cancel(bench, client.pid, "wrong", nullptr, worker);
      asks_to_cancel(bench, client.pid, server.secret, nullptr, worker);
      asks_to_cancel(bench, client.pid + 500, client.secret, nullptr, worker);
    }
    client.leaves();
    asks_to_cancel(bench, client.pid, client.secret, nullptr);
    server.take();
    server.leaves();
  }
}

SCRIPT("two servers with one pid: each client cancels its own statement") {
  bench.settings.nodes.push_back({"two", "two.test", 5432, config::NodeRole::standby});
  by_session(bench);
  Client& one = login_at(bench, 4711);
  Server& first = bench.last();
  Client& two = login_at(bench, 4711, {{"options", "-c heimproxy.route=standby"}});
  Server& second = bench.last();
  CHECK_NE(first.target.host, second.target.host);
  CHECK_EQ(one.pid, two.pid);
  CHECK_NE(one.secret, two.secret);
  one.sends(query("select 1"));
  first.receives_all(query("select 1"));
  two.sends(query("select 2"));
  second.receives_all(query("select 2"));
  asks_to_cancel(bench, 4711, one.secret, &first);
  asks_to_cancel(bench, 4711, two.secret, &second);
  asks_to_cancel(bench, 4711, "none", nullptr);
  one.leaves();
  asks_to_cancel(bench, 4711, one.secret, nullptr);
  asks_to_cancel(bench, 4711, two.secret, &second);
  first.loose = second.loose = two.loose = true;
}

SCRIPT("session mode: a login waits for its server, longer than for its password") {
  by_session(bench, 1);
  bench.settings.timeouts.client_login_timeout = seconds(10);
  bench.settings.timeouts.query_wait_timeout = seconds(100);
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.starts();
  Client& three = bench.starts();
  CHECK_FALSE(bench.dials());
  two.receives_nothing();
  bench.passes(seconds(50));
  two.is_open();
  one.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
  one.leaves();
  server.receives_all(query("DISCARD ALL"));
  server.sends(done("DISCARD ALL"));
  bench.admitted(two);
  CHECK_EQ(two.pid, server.pid);
  two.sends(query("select 2"));
  server.receives_all(query("select 2"));
  bench.passes(seconds(60));
  three.receives_error("53300", "FATAL");
  three.is_closed();
}

SCRIPT("session mode: who asked for nothing is idle, and leaves nothing to reset") {
  by_session(bench, 1);
  bench.settings.timeouts.client_idle_timeout = seconds(10);
  Client& one = bench.login();
  Server& server = bench.last();
  bench.passes(seconds(11));
  one.receives_error("57P05", "FATAL");
  one.is_closed();
  server.is_open();
  Client& two = bench.login();
  CHECK_EQ(two.pid, server.pid);
  two.sends(query("select 2"));
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  two.receives_all(answer("2"));
  bench.passes(minutes(1));
  two.is_open();
}

SCRIPT("session mode: a login that its server judges keeps no more than the pool has") {
  by_session(bench, 1);
  bench.settings.auth.type = config::AuthType::relay;
  const auto judged = [&]() -> Server& {
    Server& server = bench.dialed();
    server.accepts();
    server.take();
    server.pid = 77;
    server.secret = "kkkk";
    server.sends(authentication(0) + key(77, "kkkk") + ready());
    bench.settle();
    return server;
  };
  Client& one = bench.starts();
  Server& server = judged();
  bench.admitted(one);
  CHECK_EQ(one.pid, server.pid);
  Client& two = bench.starts();
  judged().is_dismissed();
  two.receives_nothing();
  one.leaves();
  bench.admitted(two);
  CHECK_EQ(two.pid, server.pid);
  two.sends(query("select 2"));
  server.receives_all(query("select 2"));
}

SCRIPT("auto: what a client notifies comes from the pid it was told") {
  automatic(bench, 1);
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, "listen a", "LISTEN");
  CHECK_NE(server.take().find("pg_listening_channels"), std::string::npos);
  // One that comes with the word about the session is not lost.
  server.sends(notification("a", 5) + state({{"n", "a", "", ""}}));
  client.receives_all(notification("a", 5));
  client.sends(query("notify a"));
  server.receives_all(query("notify a"));
  server.sends(complete("NOTIFY") + notification("a", server.pid) + notification("a", 6) + ready());
  client.receives_all(complete("NOTIFY") + notification("a", client.pid) + notification("a", 6) +
                      ready());
  client.loose = true;
}

SCRIPT("session mode: notifications are the server's own") {
  by_session(bench);
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("notify a"));
  server.receives_all(query("notify a"));
  const std::string told = complete("NOTIFY") + notification("a", client.pid) + ready();
  CHECK_EQ(client.pid, server.pid);
  server.sends(told);
  client.receives_all(told);
}
