// Logins that a server judges.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string wrong = fatal("28P01", "password authentication failed for user \"app\"");

Client& starts(Bench& bench) {
  bench.settings.auth.type = config::AuthType::relay;
  return bench.starts();
}
// The connection opened for a login, at the server's first word.
Server& judge(Bench& bench) {
  Server& server = bench.dialed();
  server.accepts();
  server.receives_all(startup({{"user", "app"}, {"database", "db"}}));
  return server;
}
void admits(Bench& bench, Server& server, Client& client) {
  server.sends(authentication(0) + parameter("server_version", "15.1") + key(1, "k") + ready());
  bench.admitted(client);
}

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}

}  // namespace

SCRIPT("SCRAM passes to and fro, without the mechanism that binds to the channel") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(10, std::string("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 34)));
  client.receives_all(authentication(10, std::string("SCRAM-SHA-256\0\0", 15)));
  client.sends(message('p', "initial"));
  server.receives_all(message('p', "initial"));
  server.sends(authentication(11, "challenge"));
  client.receives_all(authentication(11, "challenge"));
  client.sends(message('p', "final"));
  server.receives_all(message('p', "final"));
  server.sends(authentication(12, "proof"));
  client.receives_all(authentication(12, "proof"));
  admits(bench, server, client);
  CHECK_EQ(client.greeting, authentication(0) + parameter("server_version", "15.1"));
  // The connection joins the pool.
  runs(client, server, query("select 1"), answer("1"));
}

SCRIPT("md5 passes, too") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(5, "salt"));
  client.receives_all(authentication(5, "salt"));
  client.sends(password("md5..."));
  server.receives_all(password("md5..."));
  admits(bench, server, client);
}

SCRIPT("a wrong password is told as the server tells it") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(3));
  client.receives_all(authentication(3));
  client.sends(password("wrong"));
  server.receives_all(password("wrong"));
  server.sends(wrong);
  client.receives_all(wrong);
  client.is_closed();
  server.is_closed();
}

SCRIPT("a wrong password does not harm those who are logged in") {
  bench.settings.proxy.pool_size = 1;
  Client& good = starts(bench);
  Server& first = judge(bench);
  first.sends(authentication(3));
  good.receives_all(authentication(3));
  good.sends(password("right"));
  first.receives_all(password("right"));
  admits(bench, first, good);
  first.leaves();
  good.sends(query("select 1"));
  Server& slow = bench.dialed();
  Client& bad = bench.starts();
  Server& second = judge(bench);
  second.sends(authentication(3));
  bad.receives_all(authentication(3));
  bad.sends(password("wrong"));
  second.take();
  second.sends(wrong);
  bad.receives_all(wrong);
  // The learnt password still opens servers, now and not in 15 seconds.
  good.receives_nothing();
  slow.leaves("connection refused");
  bench.passes(milliseconds(1100));
  Server& next = bench.dialed();
  next.accepts();
  next.take();
  next.sends(authentication(3));
  next.receives_all(password("right"));
  next.sends(authentication(0) + key(1, "k") + ready());
  next.receives_all(query("select 1"));
}

SCRIPT("a server that trusts opens for all") {
  bench.settings.proxy.pool_size = 2;
  Client& client = starts(bench);
  Server& first = judge(bench);
  admits(bench, first, client);
  runs(client, first, query("begin"), done("BEGIN", 'T'));
  Client& second = bench.starts();
  Server& other = judge(bench);
  admits(bench, other, second);
  runs(second, other, query("begin"), done("BEGIN", 'T'));
  other.leaves();
  second.receives_error("08006", "FATAL");
  Client& third = bench.starts();
  Server& again = judge(bench);
  admits(bench, again, third);
}

SCRIPT("a login that the server never finishes") {
  bench.settings.timeouts.client_login_timeout = seconds(10);
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(10, std::string("SCRAM-SHA-256\0\0", 15)));
  client.take();
  bench.passes(seconds(11));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_closed();
}

SCRIPT("a server that cannot be reached") {
  Client& client = starts(bench);
  bench.dialed().leaves("connection refused");
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("a login may exceed pool_size; what is too many goes when it is free") {
  bench.settings.proxy.pool_size = 1;
  Client& one = starts(bench);
  Server& first = judge(bench);
  first.sends(authentication(5, "salt"));
  one.take();
  one.sends(password("x"));
  admits(bench, first, one);
  Client& two = bench.starts();
  Server& second = judge(bench);
  second.sends(authentication(5, "salt"));
  two.take();
  two.sends(password("y"));
  second.take();
  admits(bench, second, two);
  second.is_dismissed();
  first.take();
  runs(two, first, query("select 1"), answer("1"));
}

SCRIPT("nobody can open a server any more: an error now, not a wait") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(5, "salt"));
  client.take();
  client.sends(password("x"));
  server.take();
  admits(bench, server, client);
  server.leaves();
  client.sends(query("select 1"));
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("those who wait when the last server is lost and none can be opened") {
  bench.settings.proxy.pool_size = 1;
  Client& one = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(5, "salt"));
  one.take();
  one.sends(password("x"));
  server.take();
  admits(bench, server, one);
  Client& two = bench.starts();
  Server& second = judge(bench);
  second.sends(authentication(5, "salt"));
  two.take();
  two.sends(password("x"));
  second.take();
  admits(bench, second, two);
  second.is_dismissed();
  runs(one, server, query("begin"), done("BEGIN", 'T'));
  two.sends(query("select 2"));
  bench.settle();
  server.leaves();
  one.receives_error("08006", "FATAL");
  bench.passes(milliseconds(200));
  two.receives_error("08006", "FATAL");
  two.is_closed();
}

SCRIPT("a client that goes on before the server has judged") {
  Client& client = starts(bench);
  client.sends(query("select 1"));
  Server& server = judge(bench);
  client.receives_nothing();
  admits(bench, server, client);
  server.receives_all(query("select 1"));
}

SCRIPT("something else than the password that was asked for") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  server.sends(authentication(3));
  client.receives_all(authentication(3));
  client.sends(query("select 1"));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_closed();
}

SCRIPT("a password in plain text is not passed on from elsewhere") {
  bench.settings.auth.type = config::AuthType::relay;
  Client& client = bench.connect();
  client.loopback = false;
  client.sends(startup({{"user", "app"}, {"database", "db"}}));
  Server& server = judge(bench);
  server.sends(authentication(3));
  client.receives_error("28000", "FATAL");
  client.is_closed();
  server.is_closed();
}

SCRIPT("a client that leaves while the server judges") {
  Client& client = starts(bench);
  Server& server = judge(bench);
  client.leaves();
  server.is_closed();
}

SCRIPT("replication has a connection of its own") {
  bench.settings.auth.type = config::AuthType::relay;
  Client& client = bench.starts({{"replication", "database"}, {"application_name", "walreceiver"}});
  Server& server = bench.dialed();
  server.accepts();
  server.receives_all(startup({{"user", "app"},
                               {"database", "db"},
                               {"replication", "database"},
                               {"application_name", "walreceiver"}}));
  admits(bench, server, client);
  runs(client, server, query("IDENTIFY_SYSTEM"), answer("x"));
  runs(client, server, query("START_REPLICATION"), copy_response('W') + copy_data("w"));
  client.leaves();
  server.is_dismissed();
}

SCRIPT("a replication client that sends its first command at once") {
  bench.settings.auth.type = config::AuthType::trust;
  Client& client = bench.starts({{"replication", "true"}});
  client.sends(query("IDENTIFY_SYSTEM"));
  Server& server = bench.server();
  bench.admitted(client);
  server.receives_all(query("IDENTIFY_SYSTEM"));
}
