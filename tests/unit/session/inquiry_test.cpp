// auth_query: secrets that a server knows. And how long an inquiry stood in line.
#include "session/inquiry.hpp"

#include <doctest/doctest.h>

#include "bench.hpp"
#include "session/pool.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::seconds;

namespace {

const std::string sql = "SELECT usename, passwd FROM pg_shadow WHERE usename = $1";

void configure(Bench& bench) {
  bench.settings.auth.type = config::AuthType::password;
  bench.settings.auth.query = sql;
  bench.settings.auth.user = "keeper";
}

std::string asked(std::string_view user) {
  std::string out;
  wire::Writer(out, 'P').string("").string(sql).u16(0);
  wire::Writer(out, 'B')
      .string("")
      .string("")
      .u16(0)
      .u16(1)
      .u32(static_cast<std::uint32_t>(user.size()))
      .bytes(user)
      .u16(0);
  return out + [] {
    std::string execute;
    wire::Writer(execute, 'E').string("").u32(1);
    return execute;
  }() + end_batch();
}

std::string told(std::string_view user, std::string_view secret) {
  std::string row;
  wire::data_row(row, std::vector<std::string_view>{user, secret});
  return parsed() + bound() + row + done("SELECT 1");
}

const std::string pin = query(
    "SELECT pg_catalog.set_config(E'jit',E'off',false),"
    "pg_catalog.set_config(E'search_path',E'pg_catalog',false)");

Server& keeper(Bench& bench) {
  Server& server = bench.dialed();
  server.accepts();
  server.receives_all(startup({{"user", "keeper"}, {"database", "db"}}));
  server.sends(authentication(0) + key(1, "k") + ready());
  return server;
}

}  // namespace

SCRIPT("a user's secret is asked for, with search_path pinned, and believed for a while") {
  configure(bench);
  bench.settings.auth.cache_ttl = seconds(30);
  Client& client = bench.starts();
  Server& server = keeper(bench);
  server.receives_all(pin + asked("app"));
  client.receives_nothing();
  server.sends(done() + told("app", "secret"));
  client.receives_all(authentication(3));
  client.sends(password("secret"));
  bench.server();
  bench.admitted(client);
  Client& second = bench.starts();
  second.receives_all(authentication(3));
  second.sends(password("secret"));
  bench.admitted(second);
  bench.passes(seconds(31));
  server.take();
  server.sends(done());
  bench.starts();
  CHECK(server.take().ends_with(asked("app")));
}

SCRIPT("an unknown user is asked for a password, too") {
  configure(bench);
  Client& client = bench.starts();
  Server& server = keeper(bench);
  server.take();
  server.sends(done() + parsed() + bound() + done("SELECT 0"));
  CHECK_FALSE(client.take().empty());
  client.sends(password("x"));
  client.take();
  client.is_closed();
}

SCRIPT("a query that fails, and one without a secret's column") {
  for (const std::string& answered : {error("42501", "permission denied") + ready(),
                                      parsed() + bound() + row("app") + done("SELECT 1")}) {
    Bench each(bench.cut);
    configure(each);
    Client& client = each.starts();
    Server& server = keeper(each);
    server.take();
    server.sends(done() + answered);
    client.receives_error("08006", "FATAL");
    client.is_closed();
    server.is_open();
  }
}

SCRIPT("the server is lost while it is asked") {
  configure(bench);
  Client& client = bench.starts();
  Server& server = keeper(bench);
  server.take();
  server.leaves();
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("no server can be had") {
  configure(bench);
  Client& client = bench.starts();
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  server.sends(fatal("28000", "no such role"));
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("no node is configured as a primary") {
  configure(bench);
  bench.settings.nodes = {{"two", "two.test", 5432, config::NodeRole::standby}};
  Client& client = bench.starts();
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("an answer that never comes") {
  configure(bench);
  bench.settings.timeouts.client_login_timeout = seconds(10);
  Client& client = bench.starts();
  Server& server = keeper(bench);
  server.take();
  bench.passes(seconds(11));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_dismissed();
}

SCRIPT("the client leaves while its secret is asked for") {
  configure(bench);
  Client& client = bench.starts();
  Server& server = keeper(bench);
  client.leaves();
  server.take();
  server.sends(done() + told("app", "secret"));
  server.is_open();
}

SCRIPT("a database with a user of its own: its password is not the keeper's") {
  configure(bench);
  config::Database database;
  database.name = "db";
  database.user = "owner";
  database.password = Secret("owner's");
  bench.settings.databases.push_back(database);
  bench.starts().loose = true;
  Server& server = bench.dialed();
  server.accepts();
  server.receives_all(startup({{"user", "keeper"}, {"database", "db"}}));
  server.sends(authentication(3));
  CHECK_EQ(server.take().find("owner's"), std::string::npos);
}

SCRIPT("everything ends while a secret is asked for, and while another waits") {
  configure(bench);
  bench.settings.proxy.pool_size = 1;
  bench.starts();
  Server& server = keeper(bench);
  Client& second = bench.connect();
  second.sends(startup({{"user", "second"}, {"database", "db"}}));
  CHECK_FALSE(server.take().empty());
  bench.finish();
}

SCRIPT("an inquiry tells how long it stood in line; how long its answer took is not of that") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("begin"));
  server.receives(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives(done("BEGIN", 'T'));
  session::Hub& hub = bench.hub();
  session::Pool* pool = hub.pool_for(hub.database("db"), "app", 0);
  REQUIRE(pool);
  std::optional<Duration> told;
  session::Inquiry::start(hub, *pool, {"a question", "SELECT 1", {}, 0},
                          [&](session::Hub&, const auto& rows, Duration waited) {
                            CHECK(bool(rows));
                            told = waited;
                          });
  bench.passes(seconds(5));
  server.receives_nothing();
  client.sends(query("commit"));
  server.receives(query("commit"));
  server.sends(done("COMMIT"));
  CHECK(server.take().ends_with(end_batch()));
  bench.passes(seconds(2));
  CHECK_FALSE(told);
  server.sends(done() + parsed() + bound() + done("SELECT 0"));
  bench.settle();
  CHECK(told == Duration(seconds(5)));
  client.receives(done("COMMIT"));
}
