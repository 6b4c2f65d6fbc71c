// Large messages in parts, and backpressure both ways.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
namespace test = heim::session::test;

namespace {

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}

const std::string large(200000, 'x');

// Several chunks on their way, as a socket would bring them.
void sends_in_parts(End& end, const std::string& bytes, std::size_t size = 10000) {
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    end.sends(bytes.substr(at, size));
    end.take(0);
  }
}

}  // namespace

SCRIPT("a large query and a large row pass in parts") {
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string sql = query("select '" + large + "'");
  client.sends(sql.substr(0, 17000));
  server.receives_all(sql.substr(0, 17000));
  client.sends(sql.substr(17000));
  server.receives_all(sql.substr(17000));
  const std::string result = answer(large);
  server.sends(result.substr(0, 50));
  client.receives_all(result.substr(0, 50));
  server.sends(result.substr(50));
  client.receives_all(result.substr(50));
  Client& other = bench.login();
  runs(other, server, query("select 1"), answer("1"));
}

TEST_CASE("a small query is passed on whole: a slow client holds no server") {
  Bench bench(Cut::whole);
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string sql = query(std::string(10000, ' '));
  client.sends(sql.substr(0, 9000));
  server.receives_nothing();
  Client& other = bench.login();
  runs(other, server, query("select 1"), answer("1"));
  client.sends(sql.substr(9000));
  server.receives_all(sql);
}

SCRIPT("large Bind values pass in parts, under our name") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, parse("", "x") + end_batch(), parsed() + ready());
  client.sends(parse("named", "insert $1") + end_batch());
  server.receives_all(parse("heim_0", "insert $1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  const std::string given = test::bind("portal", "named", large);
  const std::string ours = test::bind("portal", "heim_0", large);
  client.sends(given.substr(0, 20000));
  server.receives_all(ours.substr(0, 20001));
  client.sends(given.substr(20000) + end_batch());
  server.receives_all(ours.substr(20001) + end_batch());
  server.sends(bound() + ready());
  client.receives_all(bound() + ready());
}

SCRIPT("a large Bind for a name that does not exist is thrown away whole") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(test::bind("", "none", large) + end_batch());
  server.receives_all(bind("", "heim_none") + end_batch());
  server.sends(error("26000", "x") + ready());
  client.receives_error("26000");
  client.receives_all(ready());
  runs(client, server, query("select 1"), answer("1"));
}

TEST_CASE("a Parse above 1 MiB pins its client to the server") {
  for (const char* const name : {"", "huge"}) {
    Bench bench(Cut::coalesced);
    bench.settings.proxy.pool_size = 1;
    Client& client = bench.login();
    Server& server = bench.last();
    client.sends(parse("small", "select 1") + end_batch());
    server.receives_all(parse("heim_0", "select 1") + end_batch());
    server.sends(parsed() + ready());
    client.receives_all(parsed() + ready());
    const std::string huge = parse(name, std::string((1u << 20) + 10, 'x'));
    sends_in_parts(client, huge, 300000);
    server.receives_all(huge);
    const std::string batch = bind("", name) + execute() + end_batch();
    runs(client, server, batch, parsed() + bound() + done());
    runs(client, server, bind("", name) + describe('S', name) + end_batch(),
         bound() + no_parameters() + no_data() + ready());
    Client& other = bench.login();
    other.sends(query("select 2"));
    server.receives_nothing();
    client.sends(bind("", "small") + end_batch());
    server.receives_all(bind("", "heim_0") + end_batch());
    server.sends(bound() + ready());
    client.receives_all(bound() + ready());
    client.sends(terminate());
    server.receives_all(query("DISCARD ALL") + query("select 2"));
  }
}

SCRIPT("a client that does not read stops its server") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select"));
  server.receives_all(query("select"));
  client.stalls();
  server.sends(row_description());
  std::size_t sent = 0;
  while (!server.paused && sent < 1000000) {
    server.sends(row(std::string(5000, 'x')));
    sent += 5000;
    bench.settle();
  }
  CHECK(server.paused);
  CHECK_LT(sent, 200000u);
  client.take();
  client.reads_again();
  CHECK_FALSE(server.paused);
  client.take();
  server.sends(done("SELECT 100"));
  client.receives_all(done("SELECT 100"));
}

TEST_CASE("a server that was stopped for its client is read again when it is given back") {
  Bench bench(Cut::coalesced);
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select"));
  server.receives_all(query("select"));
  client.stalls();
  server.sends(answer(large));
  client.receives_all(answer(large));
  CHECK_FALSE(server.paused);
  Client& other = bench.login();
  runs(other, server, query("select 1"), answer("1"));
  client.reads_again();
  runs(client, server, query("select 1"), answer("1"));
}

TEST_CASE("a client that never reads cannot make the proxy keep ever more") {
  Bench bench(Cut::whole);
  Client& client = bench.login();
  Server& server = bench.last();
  client.stalls();
  std::size_t kept = 0;
  for (int i = 0; i < 10 && !client.paused; ++i) {
    client.sends(query("select"));
    if (server.take().empty()) break;
    server.sends(answer(std::string(40000, 'x')));
    kept += client.take().size();
  }
  CHECK(client.paused);
  CHECK_LT(kept, 200000u);
  client.reads_again();
  CHECK_FALSE(client.paused);
  runs(client, server, query("select 1"), answer("1"));
}

SCRIPT("a server that does not read stops its client") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("copy t from stdin"), copy_response('G'));
  server.stalls();
  std::size_t sent = 0;
  while (!client.paused && sent < 1000000) {
    client.sends(copy_data(std::string(5000, 'x')));
    sent += 5000;
    bench.settle();
  }
  CHECK(client.paused);
  CHECK_LT(sent, 200000u);
  server.take();
  server.reads_again();
  CHECK_FALSE(client.paused);
  runs(client, server, copy_done(), done("COPY 20"));
}

SCRIPT("a COPY that fails while its client is stopped") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("copy t from stdin"), copy_response('G'));
  server.stalls();
  while (!client.paused) {
    client.sends(copy_data(std::string(5000, 'x')));
    bench.settle();
  }
  server.sends(error("22P02", "bad") + ready());
  client.receives_all(error("22P02", "bad") + ready());
  server.take();
  server.reads_again();
  CHECK_FALSE(client.paused);
  client.sends(copy_done());
  client.sends(query("select 1"));
  const std::string got = server.take();
  CHECK(got.ends_with(query("select 1")));
  server.sends(answer("1"));
  client.receives_all(answer("1"));
}

SCRIPT("a COPY that fails in the middle of a message that is still coming") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("copy t from stdin"), copy_response('G'));
  const std::string data = copy_data(large);
  client.sends(data.substr(0, 20000));
  server.receives_all(data.substr(0, 20000));
  server.sends(error("22P02", "bad") + ready());
  client.receives_all(error("22P02", "bad") + ready());
  Client& other = bench.login();
  other.sends(query("select 1"));
  server.receives_nothing();
  // The message has to end before anything else can be sent.
  client.sends(data.substr(20000));
  server.receives_all(data.substr(20000) + query("select 1"));
}

SCRIPT("a client that sends on and on while it waits is stopped") {
  bench.settings.proxy.pool_size = 1;
  Client& holder = bench.login();
  Server& server = bench.last();
  Client& client = bench.login();
  runs(holder, server, query("begin"), done("BEGIN", 'T'));
  std::string all;
  while (!client.paused && all.size() < 1000000) {
    const std::string sql = query(std::string(5000, ' '));
    client.sends(sql);
    all += sql;
    bench.settle();
  }
  CHECK(client.paused);
  CHECK_LT(all.size(), 200000u);
  runs(holder, server, query("commit"), done("COMMIT"));
  server.receives_all(all);
  CHECK_FALSE(client.paused);
}

TEST_CASE("a login that has to wait, with much behind it") {
  Bench bench(Cut::whole);
  Client& client = bench.connect();
  std::string all;
  for (int i = 0; i < 40; ++i) all += query(std::string(5000, ' '));
  client.sends(startup({{"user", "app"}, {"database", "db"}}));
  for (std::size_t at = 0; at < all.size(); at += 5000) client.sends(all.substr(at, 5000));
  bench.settle();
  CHECK(client.paused);
  Server& server = bench.server();
  bench.admitted(client);
  CHECK_FALSE(client.paused);
  std::string got;
  for (int i = 0; i < 41 && got.size() < all.size(); ++i) {
    const std::string some = server.take();
    got += some;
    for (std::size_t n = 0; n < some.size() / query(std::string(5000, ' ')).size(); ++n)
      server.sends(done());
  }
  CHECK_EQ(got.size(), all.size());
}

SCRIPT("answers of ours in front of a server's do not lose their order with backpressure") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("a", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.stalls();
  client.sends(bind("", "a") + execute() + close('S', "a") + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  server.sends(bound() + row(large));
  bench.settle();
  CHECK(server.paused);
  server.sends(complete("SELECT 1") + ready());
  std::string got = client.take();
  client.reads_again();
  got += client.take();
  CHECK(got == bound() + row(large) + complete("SELECT 1") + closed() + ready());
}
