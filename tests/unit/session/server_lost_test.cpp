// A server that is lost: an honest SQLSTATE, and the session goes on where that cannot do harm.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;
using std::chrono::seconds;

namespace {

const std::string stopping = fatal("57P01", "terminating connection due to administrator command");

void runs(Client& client, Server& server, std::string_view bytes, std::string_view answered) {
  client.sends(bytes);
  server.receives_all(bytes);
  server.sends(answered);
  client.receives_all(answered);
}

// The session is alive: a new server serves it.
void goes_on(Bench& bench, Client& client) {
  client.sends(query("select 'on'"));
  Server& next = bench.server();
  next.receives_all(query("select 'on'"));
  next.sends(answer("on"));
  client.receives_all(answer("on"));
}

}  // namespace

SCRIPT("lost while idle: nobody notices") {
  Client& client = bench.login();
  bench.last().sends(stopping);
  bench.last().leaves();
  client.is_open();
  goes_on(bench, client);
}

SCRIPT("lost while one query runs outside a transaction") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("insert"));
  server.receives_all(query("insert"));
  server.leaves("connection reset by peer");
  client.receives_error("08007");
  client.receives_all(ready());
  goes_on(bench, client);
}

SCRIPT("lost after some rows of one query") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select"));
  server.receives_all(query("select"));
  server.sends(row_description() + row("1"));
  client.receives_all(row_description() + row("1"));
  server.leaves();
  client.receives_error("08007");
  client.receives_all(ready());
  goes_on(bench, client);
}

SCRIPT("lost in the middle of a row: the stream cannot be continued") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select"));
  server.receives_all(query("select"));
  const std::string bytes = row_description() + row(std::string(100, 'x'));
  server.sends(bytes.substr(0, bytes.size() - 10));
  client.receives_all(bytes.substr(0, bytes.size() - 10));
  server.leaves();
  client.is_closed();
}

SCRIPT("lost in a transaction, between statements") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  server.leaves();
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("lost in a transaction, while a statement runs") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  client.sends(query("commit"));
  server.receives_all(query("commit"));
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost with several queries under way") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("insert") + query("insert"));
  server.receives_all(query("insert") + query("insert"));
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost in an extended batch outside a transaction") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "insert") + bind("", "") + execute() + end_batch());
  server.take();
  server.sends(parsed());
  client.receives_all(parsed());
  server.leaves();
  client.receives_error("08007");
  client.receives_all(ready());
  goes_on(bench, client);
}

SCRIPT("lost in a batch that may begin a transaction") {
  Client& client = bench.login();
  client.sends(parse("s", "/* here */ begin") + end_batch());
  bench.last().take();
  bench.last().sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(bind("", "s") + execute() + end_batch());
  bench.last().take();
  bench.last().leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost in a query that may begin a transaction behind another statement") {
  Client& client = bench.login();
  client.sends(query("select 1; start transaction"));
  bench.last().take();
  bench.last().leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost in a batch with a statement that was not confirmed: its name is free") {
  Client& client = bench.login();
  client.sends(parse("s", "select 1") + bind("", "s") + execute() + end_batch());
  bench.last().take();
  bench.last().leaves();
  client.receives_error("08007");
  client.receives_all(ready());
  client.sends(parse("s", "select 2") + bind("", "s") + execute() + end_batch());
  CHECK_NE(bench.server().take().find("select 2"), std::string::npos);
}

SCRIPT("lost in a batch with a statement that was confirmed: it goes along") {
  Client& client = bench.login();
  client.sends(parse("s", "select 1") + bind("", "s") + execute() + end_batch());
  bench.last().take();
  bench.last().sends(parsed());
  client.receives_all(parsed());
  bench.last().leaves();
  client.receives_error("08007");
  client.receives_all(ready());
  client.sends(bind("", "s") + execute() + end_batch());
  CHECK_NE(bench.server().take().find("select 1"), std::string::npos);
}

SCRIPT("lost in an extended batch whose Sync was not sent") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "insert") + bind("", "") + execute() + flush());
  server.take();
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost with several batches under way") {
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string batch = parse("", "insert") + bind("", "") + execute() + end_batch();
  client.sends(batch + batch);
  server.take();
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("lost in a COPY of an extended batch, whose Sync came before it began") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "copy t from stdin") + bind("", "") + execute() + end_batch());
  server.take();
  server.sends(parsed() + bound() + copy_response('G'));
  client.receives_all(parsed() + bound() + copy_response('G'));
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("session mode: lost with nothing under way") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("select 1"), answer("1"));
  server.leaves();
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("session mode: lost while a statement runs") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("insert"));
  server.receives_all(query("insert"));
  server.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("the server says why it goes: its client hears that") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(row_description() + stopping);
  server.leaves();
  client.receives(row_description());
  client.receives_all(stopping);
  client.is_closed();
}

SCRIPT("lost while it adapts to a client at login") {
  Client& client = bench.starts({{"application_name", "a"}});
  Server& server = bench.server();
  CHECK_NE(server.take().find("application_name"), std::string::npos);
  server.leaves();
  client.receives_error("08006", "FATAL");
  client.is_closed();
}

SCRIPT("lost while it is cleaned") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  client.leaves();
  server.receives_all(query("ROLLBACK"));
  server.leaves();
  Client& other = bench.login();
  goes_on(bench, other);
}

SCRIPT("those who wait get a new server when the old one is lost") {
  bench.settings.proxy.pool_size = 1;
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  runs(one, server, query("begin"), done("BEGIN", 'T'));
  two.sends(query("select 2"));
  CHECK_FALSE(bench.dials());
  server.leaves();
  one.receives_error("08006", "FATAL");
  Server& next = bench.server();
  next.receives_all(query("select 2"));
}

SCRIPT("a server that cannot be reached is tried again every second") {
  Client& client = bench.login();
  bench.last().leaves();
  client.sends(query("select 1"));
  bench.dialed().leaves("connection refused");
  CHECK_FALSE(bench.dials());
  client.receives_nothing();
  bench.passes(std::chrono::milliseconds(900));
  CHECK_FALSE(bench.dials());
  bench.passes(std::chrono::milliseconds(200));
  bench.dialed().leaves("connection refused");
  bench.passes(std::chrono::milliseconds(1100));
  Server& next = bench.server();
  next.receives_all(query("select 1"));
}

SCRIPT("a server that is starting up is tried again; one that says no fails those who wait") {
  Client& client = bench.login();
  bench.last().leaves();
  client.sends(query("select 1"));
  Server& early = bench.dialed();
  early.accepts();
  early.take();
  early.sends(fatal("57P03", "the database system is starting up"));
  early.is_closed();
  client.receives_nothing();
  bench.passes(std::chrono::milliseconds(1100));
  Server& refusing = bench.dialed();
  refusing.accepts();
  refusing.take();
  const std::string no = fatal("3D000", "database \"db\" does not exist");
  refusing.sends(no);
  client.receives_all(no);
  client.is_closed();
  refusing.is_closed();
}

SCRIPT("a server that never finishes the login") {
  bench.settings.timeouts.server_connect_timeout = seconds(5);
  Client& client = bench.starts();
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  bench.passes(seconds(7));
  server.is_closed();
  client.receives_nothing();
}

// ---- what a server may not send ---------------------------------------------------

SCRIPT("a server that breaks the protocol is closed, and its client told") {
  struct Row {
    const char* what;
    std::string sent;
  };
  const Row rows[] = {
      {"an unknown message", std::string("\x01\0\0\0\4", 5)},
      {"an impossible length", std::string("Z\0\0\0\xff", 5)},
      {"ParseComplete", parsed()},
      {"BindComplete", bound()},
      {"FunctionCallResponse", message('V', std::string("\xff\xff\xff\xff", 4))},
      {"Authentication", authentication(0)},
      {"BackendKeyData", key(1, "x")},
      {"ParameterDescription", no_parameters()},
      {"NoData", no_data()},
      {"an unknown status", message('Z', "X")},
      {"a ParameterStatus without a value", message('S', std::string("x\0", 2))},
  };
  for (const Row& each : rows) {
    INFO(each.what);
    Bench fresh(bench.cut);
    Client& client = fresh.login();
    Server& server = fresh.last();
    client.sends(query("select 1"));
    server.receives_all(query("select 1"));
    server.sends(row_description() + each.sent);
    client.receives(row_description());
    client.receives_error("08P01", "FATAL");
    client.is_closed();
    server.is_dismissed();
  }
}

SCRIPT("answers that nobody asked for") {
  for (const std::string& sent :
       {ready(), complete("SELECT 1"), row_description(), copy_response('G'), parsed()}) {
    Bench fresh(bench.cut);
    Client& client = fresh.login();
    Server& server = fresh.last();
    server.sends(sent);
    server.is_dismissed();
    client.is_open();
    goes_on(fresh, client);
  }
}

SCRIPT("rows that nobody asked for are not passed on") {
  Client& client = bench.login();
  Server& server = bench.last();
  runs(client, server, query("begin"), done("BEGIN", 'T'));
  server.sends(row("stray"));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_dismissed();
}

SCRIPT("a violation right after the end of a message that came in parts") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("select"));
  server.receives_all(query("select"));
  const std::string big = row(std::string(1000, 'x'));
  server.sends(row_description() + big.substr(0, 500));
  client.receives_all(row_description() + big.substr(0, 500));
  server.sends(big.substr(500) + parsed());
  client.receives(big.substr(500));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_dismissed();
}

SCRIPT("garbage during a server's login") {
  Client& client = bench.starts();
  Server& server = bench.dialed();
  server.accepts();
  server.take();
  server.sends("HTTP/1.1 400 Bad Request\r\n\r\n");
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.is_closed();
}
