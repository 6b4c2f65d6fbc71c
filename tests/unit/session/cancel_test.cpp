// Cancel requests: only ever the statement they are for.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string canceled = error("57014", "canceling statement due to user request");

struct Running {
  explicit Running(Bench& the_bench)
      : bench(the_bench),
        client((bench.settings.proxy.pool_size = 1, bench.login())),
        server(bench.last()) {}
  Bench& bench;
  Client& client;
  Server& server;
  void runs() {
    client.sends(query("select 1"));
    server.receives_all(query("select 1"));
  }
  Client& asks() { return asks(client.pid, client.secret); }
  Client& asks(std::uint32_t pid, std::string_view secret) {
    Client& asker = bench.connect();
    asker.sends(cancel_request(pid, secret));
    return asker;
  }
};

}  // namespace

SCRIPT("a cancel request reaches the server that runs the statement") {
  Running at(bench);
  at.runs();
  Client& asker = at.asks();
  Server& signal = bench.dialed();
  CHECK_EQ(signal.target.host, "one.test");
  signal.accepts();
  signal.receives_all(cancel_request(at.server.pid, at.server.secret));
  asker.is_open();
  signal.leaves();
  asker.is_closed();
  signal.is_closed();
  at.server.sends(canceled + ready());
  at.client.receives_all(canceled + ready());
}

SCRIPT("a cancel request waits for the hidden statements, and never hits them") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login({{"application_name", "one"}});
  Server& server = bench.last();
  Client& two = bench.login({{"application_name", "two"}});
  two.sends(query("select 2"));
  if (server.take().find("set_config") != std::string::npos) server.sends(done());
  server.sends(answer("2"));
  two.receives_all(answer("2"));
  one.sends(query("select 1"));
  CHECK(server.take().find("set_config") != std::string::npos);
  Client& asker = bench.connect();
  asker.sends(cancel_request(one.pid, one.secret));
  CHECK_FALSE(bench.dials());
  server.sends(done());
  Server& signal = bench.dialed();
  signal.accepts();
  signal.receives_all(cancel_request(server.pid, server.secret));
  signal.leaves();
  asker.is_closed();
  server.sends(canceled + ready());
  one.receives_all(canceled + ready());
}

SCRIPT("the server serves nobody else until the cancel request is over") {
  Running at(bench);
  at.runs();
  at.asks();
  Server& signal = bench.dialed();
  signal.accepts();
  signal.take();
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  Client& other = bench.login();
  other.sends(query("select 2"));
  at.server.receives_nothing();
  other.receives_nothing();
  CHECK_FALSE(bench.dials());
  signal.leaves();
  at.server.receives_all(query("select 2"));
}

SCRIPT("a cancel request that is never over costs the server") {
  bench.settings.timeouts.cancel_wait_timeout = seconds(10);
  Running at(bench);
  at.runs();
  Client& asker = at.asks();
  Server& signal = bench.dialed();
  signal.accepts();
  signal.take();
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  bench.passes(seconds(9));
  at.server.is_open();
  bench.passes(seconds(2));
  at.server.is_dismissed();
  asker.is_closed();
  signal.is_closed();
}

SCRIPT("a cancel request that was never sent does not cost the server") {
  Running at(bench);
  at.runs();
  Client& asker = at.asks();
  Server& signal = bench.dialed();
  signal.leaves("connection refused");
  asker.is_closed();
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  Client& other = bench.login();
  other.sends(query("select 2"));
  at.server.receives_all(query("select 2"));
}

SCRIPT("two cancel requests for one statement") {
  Running at(bench);
  at.runs();
  at.asks();
  Server& one = bench.dialed();
  at.asks();
  Server& two = bench.dialed();
  one.accepts();
  two.accepts();
  one.take();
  two.take();
  at.server.sends(canceled + ready());
  at.client.receives_all(canceled + ready());
  one.leaves();
  Client& other = bench.login();
  other.sends(query("select 2"));
  at.server.receives_nothing();
  two.leaves();
  at.server.receives_all(query("select 2"));
}

SCRIPT("a session that waits is canceled in its place in the line") {
  Running at(bench);
  at.runs();
  Client& waiting = bench.login();
  waiting.sends(query("select 2"));
  waiting.sends(query("select 3"));
  bench.settle();
  Client& asker = at.asks(waiting.pid, waiting.secret);
  asker.is_closed();
  CHECK_FALSE(bench.dials());
  waiting.receives_error("57014");
  waiting.receives_all(ready());
  // The query behind it waits on.
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  at.server.receives_all(query("select 3"));
}

SCRIPT("a waiting extended batch is canceled whole") {
  Running at(bench);
  at.runs();
  Client& waiting = bench.login();
  waiting.sends(parse("", "select 2") + bind("", "") + execute() + end_batch() + query("select 3"));
  bench.settle();
  at.asks(waiting.pid, waiting.secret).is_closed();
  waiting.receives_error("57014");
  waiting.receives_all(ready());
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  at.server.receives_all(query("select 3"));
}

SCRIPT("nothing to cancel") {
  Running at(bench);
  at.asks().is_closed();
  CHECK_FALSE(bench.dials());
  at.runs();
  at.server.sends(answer("1"));
  at.client.receives_all(answer("1"));
  at.asks().is_closed();
  CHECK_FALSE(bench.dials());
}

SCRIPT("a wrong key, an unknown process, another worker that does not exist") {
  Running at(bench);
  at.runs();
  at.asks(at.client.pid, "nope").is_closed();
  at.asks(at.client.pid, at.client.secret + "x").is_closed();
  at.asks(at.client.pid + 1, at.client.secret).is_closed();
  at.asks(0x70000001, at.client.secret).is_closed();
  at.asks(0xffffffff, at.client.secret).is_closed();
  CHECK_FALSE(bench.dials());
}

SCRIPT("a cancel request that is malformed") {
  Client& asker = bench.connect();
  asker.sends(cancel_request(1, "abc"));
  asker.take();
  asker.is_closed();
}

SCRIPT("a cancel request that comes to another worker") {
  bench.workers = 2;
  Client& client = bench.login({}, 1);
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  Client& asker = bench.connect(0);
  asker.sends(cancel_request(client.pid, client.secret));
  Server& signal = bench.dialed();
  signal.accepts();
  signal.receives_all(cancel_request(server.pid, server.secret));
  signal.leaves();
  asker.is_closed();
}

SCRIPT("the session that is canceled leaves meanwhile") {
  Running at(bench);
  at.runs();
  Client& asker = at.asks();
  Server& signal = bench.dialed();
  signal.accepts();
  signal.take();
  at.client.leaves();
  at.server.sends(canceled + ready());
  at.server.is_open();
  signal.leaves();
  asker.is_closed();
  Client& other = bench.login();
  other.sends(query("select 2"));
  at.server.receives_all(query("select 2"));
}

SCRIPT("the one who asks leaves before it is over") {
  Running at(bench);
  at.runs();
  Client& asker = at.asks();
  Server& signal = bench.dialed();
  signal.accepts();
  signal.take();
  asker.leaves();
  signal.leaves();
  at.server.sends(canceled + ready());
  at.client.receives_all(canceled + ready());
}

SCRIPT("a cancel request goes over TLS if the session does") {
  bench.settings.server_tls.mode = SslMode::require;
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.starts();
  Server& server = bench.dialed();
  server.accepts();
  server.receives_all(ssl_request());
  server.sends("S");
  server.receives_nothing();
  server.finishes_tls();
  server.take();
  server.sends(authentication(0) + key(5, "kkkk") + ready());
  bench.admitted(client);
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  Client& asker = bench.connect();
  asker.sends(cancel_request(client.pid, client.secret));
  Server& signal = bench.dialed();
  signal.accepts();
  signal.receives_all(ssl_request());
  signal.sends("S");
  signal.receives_nothing();
  signal.finishes_tls();
  signal.receives_all(cancel_request(5, "kkkk"));
  signal.leaves();
  asker.is_closed();
}
