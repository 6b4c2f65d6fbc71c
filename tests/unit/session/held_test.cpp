// Clients that no node can serve: they wait, within bounds, and lose nothing.
#include "routing_script.hpp"

namespace heim::session::test {
namespace {

using cluster::Condition;
using cluster::Role;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Nobody is there to be connected with.
void refuses(Bench& bench) {
  while (bench.dials()) {
    Server& tried = bench.dialed();
    if (!tried.is_gone()) tried.leaves("connection refused");
  }
}

// As the monitor would say it.
void becomes(Bench& bench, std::uint32_t node, Role role, Condition condition) {
  bench.settle();
  cluster::NodeState& state = bench.shared().nodes.state(node);
  refuses(bench);
  state.role = role;
  state.condition = condition;
  state.monitored = true;
  if (condition == Condition::serving) state.down_until_ns = 0;
  for (pool::WorkerId worker = 0; worker < bench.workers; ++worker)
    bench.hub(worker).nodes_changed();
}

// A primary, a standby, and a client that was there before.
struct Failing {
  explicit Failing(Bench& the_bench, config::PoolMode mode = config::PoolMode::transaction)
      : bench(the_bench) {
    routed(bench, mode);
    bench.settings.routing.reads = config::Reads::primary;
    client = &bench.login();
    old = &bench.last();
  }
  void primary_is_down() {
    becomes(bench, 0, Role::primary, Condition::down);
    old->take();
  }
  void primary_is_back() { becomes(bench, 0, Role::primary, Condition::serving); }
  void there_is_none() {
    becomes(bench, 0, Role::standby, Condition::down);
    old->take();
  }
  void standby_is_promoted() { becomes(bench, 1, Role::primary, Condition::serving); }
  const pool::Hold& hold() { return bench.shared().hold; }
  Bench& bench;
  Client* client;
  Server* old;
};

void is_served(Client& client, Server& server, std::string_view sql) {
  server.receives_all(query(sql));
  server.sends(done("INSERT 0 1"));
  client.receives_all(done("INSERT 0 1"));
}

// Somebody for whom no server has been greeted before.
Client& comes_anew(Failing& at) {
  Client& comes = at.bench.starts({{"options", "-c geqo=off"}});
  at.bench.passes(seconds(2));
  CHECK_FALSE(at.bench.dials());
  CHECK(at.hold().clients() == 1);
  return comes;
}

void is_refused(Client& client, std::string_view why) {
  const std::string message = client.receives_error("57P03");
  CHECK_MESSAGE(message.find(why) != std::string::npos, message);
  client.receives_all(ready());
}

}  // namespace

SCRIPT("held: what is sent while the primary is down runs when it is back") {
  Failing at(bench);
  at.primary_is_down();
  at.client->sends(query("insert into t values (1)"));
  at.client->receives_nothing();
  CHECK(at.hold().clients() == 1);
  CHECK(at.hold().bytes() == query("insert into t values (1)").size());
  bench.passes(seconds(5));
  at.client->receives_nothing();
  at.primary_is_back();
  Server& again = bench.server();
  CHECK(again.target.host == "one.test");
  is_served(*at.client, again, "insert into t values (1)");
  CHECK(at.hold().clients() == 0);
  CHECK(at.hold().bytes() == 0);
  CHECK(at.hold().longest() >= seconds(5));
}

SCRIPT("held: nothing new is sent on connections from before, whoever has heard of it or not") {
  Failing at(bench);
  bench.shared().nodes.state(0).condition = Condition::down;
  at.client->sends(query("insert into t values (1)"));
  at.old->receives_nothing();
  CHECK(at.hold().clients() == 1);
}

SCRIPT("held: where nobody is the primary, it runs on the next one") {
  Failing at(bench);
  at.there_is_none();
  at.client->sends(query("insert into t values (1)"));
  bench.passes(seconds(2));
  at.client->receives_nothing();
  CHECK_FALSE(bench.dials());
  at.standby_is_promoted();
  Server& next = bench.server();
  CHECK(next.target.host == "two.test");
  is_served(*at.client, next, "insert into t values (1)");
  CHECK(at.hold().clients() == 0);
}

SCRIPT("held: who stood in the line of a primary that is one no more goes on to the next one") {
  Failing at(bench);
  at.primary_is_down();
  at.client->sends(query("insert into t values (1)"));
  bench.passes(seconds(1));
  becomes(bench, 0, Role::standby, Condition::down);
  bench.passes(seconds(1));
  CHECK_FALSE(bench.dials());
  CHECK(at.hold().clients() == 1);
  at.standby_is_promoted();
  is_served(*at.client, bench.server(), "insert into t values (1)");
  CHECK(at.hold().longest() >= seconds(2));
}

SCRIPT("held: so it is where reads go to standbys, which are still there") {
  routed(bench, config::PoolMode::automatic);
  Pair pair(bench, 100);
  becomes(bench, 1, Role::standby, Condition::serving);
  becomes(bench, 0, Role::standby, Condition::down);
  pair.primary->take();
  pair.primary->loose = true;
  pair.client->sends(query("insert into t values (1)"));
  bench.passes(seconds(1));
  pair.client->receives_nothing();
  CHECK(bench.shared().hold.clients() == 1);
  becomes(bench, 1, Role::primary, Condition::serving);
  Server& next = bench.server();
  CHECK(next.target.host == "two.test");
  next.receives_all(query("insert into t values (1)"));
  next.sends(done("INSERT 0 1"));
  pair.client->receives_all(done("INSERT 0 1"));
}

SCRIPT("held: not for longer than hold_timeout; the session goes on") {
  bench.settings.timeouts.query_wait_timeout = seconds(2);  // is for who waits for a connection
  bench.settings.failover.hold_timeout = seconds(10);
  Failing at(bench);
  Client& batch = bench.login();
  for (const bool any_primary : {true, false}) {
    any_primary ? at.primary_is_down() : at.there_is_none();
    at.client->sends(query("insert into t values (1)"));
    batch.sends(parse("", "select 2") + bind("", "") + execute() + end_batch());
    bench.passes(seconds(9));
    at.client->receives_nothing();
    batch.receives_nothing();
    bench.passes(seconds(2));
    is_refused(*at.client, "10000 ms (failover.hold_timeout)");
    is_refused(batch, "10000 ms (failover.hold_timeout)");
    CHECK(at.hold().clients() == 0);
  }
  CHECK(at.hold().late() == 4);
  at.client->sends(query("insert into t values (2)"));
  at.client->receives_nothing();
  at.primary_is_back();
  is_served(*at.client, bench.server(), "insert into t values (2)");
}

SCRIPT("held: who waits when the node goes waits on") {
  bench.settings.timeouts.query_wait_timeout = seconds(10);
  bench.settings.proxy.pool_size = 1;
  Failing at(bench);
  Client& waits = bench.login();
  at.client->sends(query("begin"));
  at.old->receives_all(query("begin"));
  waits.sends(query("insert into t values (1)"));
  bench.passes(seconds(9));
  becomes(bench, 0, Role::primary, Condition::down);
  at.old->leaves("it crashed");
  at.client->take();
  bench.passes(seconds(9));
  waits.receives_nothing();
  CHECK(at.hold().clients() == 1);
  at.primary_is_back();
  is_served(waits, bench.server(), "insert into t values (1)");
}

SCRIPT("held: not more clients than hold_max_clients") {
  bench.settings.failover.hold_max_clients = 1;
  Failing at(bench);
  Client& other = bench.login();
  at.primary_is_down();
  at.client->sends(query("insert into t values (1)"));
  at.client->receives_nothing();
  other.sends(query("insert into t values (2)"));
  is_refused(other, "1 clients wait for that already (failover.hold_max_clients)");
  CHECK(at.hold().full() == 1);
  at.primary_is_back();
  is_served(*at.client, bench.server(), "insert into t values (1)");
}

SCRIPT("held: not more bytes than hold_max_bytes") {
  bench.settings.failover.hold_max_bytes = 2048;
  Failing at(bench);
  Client& other = bench.login();
  at.primary_is_down();
  const std::string sql = "insert into t values ('" + std::string(3000, 'x') + "')";
  at.client->sends(query(sql));
  bench.settle();
  CHECK(at.client->paused);
  CHECK(at.hold().bytes() >= 2048);
  other.sends(query("insert into t values (2)"));
  is_refused(other, "2048 bytes of what clients sent wait for that already");
  at.primary_is_back();
  is_served(*at.client, bench.server(), sql);
  CHECK_FALSE(at.client->paused);
  CHECK(at.hold().bytes() == 0);
}

SCRIPT("held: not at all, if so set") {
  bench.settings.failover.hold_timeout = seconds(0);
  Failing at(bench);
  at.primary_is_down();
  at.client->sends(query("insert into t values (1)"));
  is_refused(*at.client, "nobody is to wait for that");
}

SCRIPT("held: a login, until there is a primary") {
  Failing at(bench);
  at.there_is_none();
  Client& comes = comes_anew(at);
  at.standby_is_promoted();
  Server& next = bench.server();
  CHECK(next.target.host == "two.test");
  next.take();  // it is given the client's settings
  next.sends(done());
  bench.admitted(comes);
  CHECK(at.hold().clients() == 0);
}

SCRIPT("held: a login, not for longer than hold_timeout") {
  Failing at(bench);
  at.there_is_none();
  Client& comes = comes_anew(at);
  bench.passes(seconds(29));
  comes.receives_error("57P03", "FATAL");
  comes.is_closed();
  CHECK(at.hold().clients() == 0);
}

SCRIPT("held: who leaves is counted no more") {
  Failing at(bench);
  Client& other = bench.login();
  at.primary_is_down();
  at.client->sends(query("insert into t values (1)"));
  bench.settle();
  CHECK(at.hold().clients() == 1);
  at.client->leaves();
  bench.settle();
  CHECK(at.hold().clients() == 0);
  at.there_is_none();
  other.sends(query("insert into t values (1)"));
  bench.settle();
  CHECK(at.hold().clients() == 1);
  other.leaves();
  bench.settle();
  CHECK(at.hold().clients() == 0);
  CHECK(at.hold().bytes() == 0);
  at.standby_is_promoted();
  CHECK_FALSE(bench.dials());
}

SCRIPT("held: a cancel request ends it") {
  Failing at(bench);
  for (const bool any_primary : {true, false}) {
    any_primary ? at.primary_is_down() : at.there_is_none();
    at.client->sends(query("insert into t values (1)"));
    bench.settle();
    CHECK(at.hold().clients() == 1);
    Client& asker = bench.connect();
    asker.sends(cancel_request(at.client->pid, at.client->secret));
    at.client->receives_error("57014");
    at.client->receives_all(ready());
    asker.is_closed();
    CHECK(at.hold().clients() == 0);
  }
}

SCRIPT("held: connections for those who waited are opened a few at a time, the longest first") {
  bench.settings.failover.release_concurrency = 2;
  bench.settings.proxy.pool_size = 10;
  Failing at(bench);
  std::vector<Client*> clients = {at.client};
  for (int i = 0; i < 4; ++i) clients.push_back(&bench.login());
  at.primary_is_down();
  for (Client* client : clients) client->sends(query("begin")), bench.settle();
  at.primary_is_back();
  bench.settle();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Server& server = bench.server();
    server.receives_all(query("begin"));
    server.sends(done("BEGIN", 'T'));
    clients[i]->receives_all(done("BEGIN", 'T'));
    if (i == 0) clients.back()->receives_nothing();
  }
  CHECK_FALSE(bench.dials());
}

}  // namespace heim::session::test
