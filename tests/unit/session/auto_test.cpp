// Mode `auto`: what a client's statements do to its session goes where the client goes.
#include <doctest/doctest.h>

#include "auto_script.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

const std::string mine = "prepare s as select 1";

void prepares_s(Client& client, Server& server) {
  runs(client, server, mine, "PREPARE");
  server.receives_all(ask_statements());
  server.sends(state({{"p", "s", mine, ""}}));
}

}  // namespace

SCRIPT("auto: a SET follows its client to another server, and no other client sees it") {
  automatic(bench);
  Client& one = bench.login();
  Server& first = bench.last();
  runs(one, first, "set work_mem to '1MB'", "SET");
  first.receives_all(ask_names({"work_mem"}));
  first.sends(state({{"v", "work_mem", "1MB", ""}}));
  one.receives_nothing();

  Client& two = bench.login();
  two.sends(query("begin"));
  first.receives_all(query("RESET \"work_mem\";") + query("begin"));
  first.sends(done("RESET") + done("BEGIN", 'T'));
  two.receives_all(done("BEGIN", 'T'));

  one.sends(query("show work_mem"));
  bench.settle();
  Server& second = bench.server();
  second.receives_all(query(set_config("work_mem", "1MB")) + query("show work_mem"));
  second.sends(answer("1MB") + answer("1MB"));
  one.receives_all(answer("1MB"));
  commit(two, first);
}

SCRIPT("auto: a server that is lost with a SET of ours and a query does not end the session") {
  automatic(bench, 1);
  Client& client = bench.login();
  Server& first = bench.last();
  runs(client, first, "set work_mem to '1MB'", "SET");
  first.receives_all(ask_names({"work_mem"}));
  first.sends(state({{"v", "work_mem", "1MB", ""}}));
  client.receives_nothing();
  first.leaves();

  const std::string both = query(set_config("work_mem", "1MB")) + query("show work_mem");
  client.sends(query("show work_mem"));
  bench.settle();
  Server& second = bench.server();
  second.receives_all(both);
  second.leaves();
  client.receives_error("08007");
  client.receives_all(ready());

  client.sends(query("show work_mem"));
  bench.settle();
  Server& third = bench.server();
  third.receives_all(both);
  third.sends(answer("1MB") + answer("1MB"));
  client.receives_all(answer("1MB"));
}

SCRIPT("auto: a server that is lost before it said what a statement did ends the session") {
  automatic(bench, 1);
  Client& client = bench.login();
  Server& first = bench.last();
  runs(client, first, "set work_mem to '1MB'", "SET");
  first.receives_all(ask_names({"work_mem"}));
  client.sends(query("select 1"));
  first.receives_all(query("select 1"));
  first.leaves();
  client.receives_error("08007", "FATAL");
  client.is_closed();
}

SCRIPT("auto: what the server says counts, not what was written") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("set timezone to 'utc'"));
  server.receives_all(query("set timezone to 'utc'"));
  server.sends(done("SET", 'T'));
  one.receives_all(done("SET", 'T'));
  one.sends(query("rollback"));
  server.receives(query("rollback"));
  server.sends(done("ROLLBACK"));
  one.receives_all(done("ROLLBACK"));
  server.receives_all(ask_settings());
  server.sends(state({{"r", "app", "none", ""}}));
  Client& two = bench.login();
  two.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  two.receives_all(answer("1"));
}

SCRIPT("auto: a failed SET, SET LOCAL and plain statements") {
  automatic(bench);
  Client& one = bench.login();
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("set local work_mem to '1MB'"));
  server.receives_all(query("set local work_mem to '1MB'"));
  server.sends(done("SET", 'T'));
  one.receives_all(done("SET", 'T'));
  commit(one, server);
  one.sends(query("insert into t values (1)"));
  server.receives_all(query("insert into t values (1)"));
  server.sends(done("INSERT 0 1"));
  one.receives_all(done("INSERT 0 1"));
  one.sends(query("set work_mem to 'much'"));
  server.receives(query("set work_mem to 'much'"));
  server.sends(error("22023", "no") + ready());
  one.receives_all(error("22023", "no") + ready());
  server.receives_all(ask_settings());
  server.sends(state({{"r", "app", "none", ""}}));
  one.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
}

SCRIPT("auto: the role comes last and goes first") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "set role reader", "SET");
  server.receives_all(ask_settings());
  server.sends(state({{"g", "work_mem", "64", "user"}, {"r", "app", "reader", ""}}));
  Client& two = bench.login();
  two.sends(query("select 1"));
  server.receives_all(query("RESET SESSION AUTHORIZATION;RESET ROLE;RESET \"work_mem\";") +
                      query("select 1"));
  server.sends(done("RESET") + answer("1"));
  two.receives_all(answer("1"));
  one.sends(query("select 2"));
  server.receives_all(query("SELECT pg_catalog.set_config(E'work_mem',E'64',false),"
                            "pg_catalog.set_config(E'role',E'reader',false)") +
                      query("select 2"));
  server.sends(answer("reader") + answer("2"));
  one.receives_all(answer("2"));
}

SCRIPT("auto: PREPARE follows its client, under its own name") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  prepares_s(one, server);
  Client& two = bench.login();
  two.sends(query("execute s"));
  server.receives(query("DEALLOCATE \"s\"") + query("execute s"));
  server.sends(done("DEALLOCATE") + error("26000", "no such statement") + ready());
  two.receives_all(error("26000", "no such statement") + ready());
  bench.settle();
  server.take();  // it may have done anything, for all we know
  server.sends(state({{"r", "app", "none", ""}}));
  one.sends(query("execute s"));
  server.receives_all(query(mine) + query("execute s"));
  server.sends(done("PREPARE") + answer("1"));
  one.receives_all(answer("1"));
}

SCRIPT("auto: a temporary table keeps its client on its server until it is gone") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "create temp table t (a int)", "CREATE TABLE");
  server.receives_all(ask_holds());
  server.sends(state({{"t", "", "", ""}}));
  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.settle();
  server.receives_nothing();
  one.sends(query("insert into t values (1)"));
  server.receives_all(query("insert into t values (1)"));
  server.sends(done("INSERT 0 1"));
  one.receives_all(done("INSERT 0 1"));
  runs(one, server, "drop table t", "DROP TABLE");
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}}));
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  two.receives_all(answer("2"));
}

SCRIPT("auto: a client that leaves with a lock or a temporary table leaves nothing behind") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "select pg_advisory_lock(1)", "SELECT 1");
  server.receives_all(ask_holds());
  server.sends(state({{"l", "", "", ""}}));
  one.leaves();
  bench.settle();
  server.receives_all(query("DISCARD ALL"));  // at once, not when somebody else wants the server
  server.sends(done("DISCARD ALL"));
  Client& two = bench.login();
  two.sends(query("select 2"));
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  two.receives_all(answer("2"));
}

SCRIPT("auto: a client that leaves amid a SET leaves none of its statements behind") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  prepares_s(one, server);
  begin(one, server);
  one.sends(query("set local app to 'one'"));
  one.leaves();
  server.take();
  server.sends(done("SET", 'T'));
  server.receives_all(query("ROLLBACK"));
  server.sends(done("ROLLBACK"));
  Client& two = bench.login();
  two.sends(query("execute s"));
  server.receives_all(query("DISCARD ALL") + query("execute s"));
}

SCRIPT("auto: statements that come while the server is asked are not held up") {
  automatic(bench);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "set work_mem to '1MB'", "SET");
  server.receives_all(ask_names({"work_mem"}));
  one.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(state({{"v", "work_mem", "1MB", ""}}) + answer("1"));
  one.receives_all(answer("1"));
  one.sends(query("select 2"));
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  one.receives_all(answer("2"));
}

SCRIPT("auto: a cancel request does not hit the question about the session") {
  automatic(bench);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "set work_mem to '1MB'", "SET");
  server.receives_all(ask_names({"work_mem"}));
  Client& asker = bench.connect();
  asker.sends(cancel_request(one.pid, one.secret));
  bench.settle();
  CHECK_FALSE(bench.dials());
  server.sends(state({{"v", "work_mem", "1MB", ""}}));
  bench.settle();
  CHECK_FALSE(bench.dials());
  asker.is_closed();
}

SCRIPT("auto: a client that asks for all statements has its own names from then on") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(parse("mine", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  Client& two = bench.login({{"application_name", "two"}});
  two.sends(query("select 2"));
  if (server.take().find("set_config") != std::string::npos) server.sends(done());
  server.sends(answer("2"));
  two.receives_all(answer("2"));
  one.sends(query("execute mine"));
  server.receives_all(query("RESET \"application_name\";"));
  server.sends(done("RESET"));
  bench.settle();
  server.receives_all(close('S', "heim_0") + end_batch() + own_name("mine", "select 1") +
                      query("execute mine"));
  server.sends(closed() + ready() + named() + answer("1"));
  one.receives_all(answer("1"));
  one.sends(bind("", "mine") + execute() + end_batch());
  server.receives_all(bind("", "mine") + execute() + end_batch());
  server.sends(bound() + done());
  one.receives_all(bound() + done());
  one.leaves();
  bench.settle();
  server.receives_all(query("DISCARD ALL"));
  server.sends(done("DISCARD ALL"));
}

SCRIPT("auto: what waits for the server's word about its session goes on after it") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(parse("mine", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  runs(one, server, "set work_mem to '1MB'", "SET");
  server.receives_all(ask_names({"work_mem"}));
  one.sends(query("execute mine"));
  server.receives_nothing();
  server.sends(state({{"v", "work_mem", "1MB", ""}}));
  bench.settle();
  server.receives_all(close('S', "heim_0") + end_batch() + own_name("mine", "select 1") +
                      query("execute mine"));
  server.sends(closed() + ready() + named() + answer("1"));
  one.receives_all(answer("1"));
  one.leaves();
  bench.settle();
  server.receives_all(query("DISCARD ALL"));
  server.sends(done("DISCARD ALL"));
}

SCRIPT("auto: a SET that fails behind the question about one before it") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "set work_mem to '1MB'", "SET");
  server.receives_all(ask_names({"work_mem"}));
  one.sends(query("set max_connections to 5"));
  server.receives_all(query("set max_connections to 5"));
  const std::string refused = error("55P02", "no") + ready();
  server.sends(state({{"v", "work_mem", "1MB", ""}}) + refused);
  one.receives_all(refused);
  bench.settle();
  server.receives_all(ask_settings());  // not its value, to be set again elsewhere
  server.sends(state({{"g", "work_mem", "1024", "user"}, {"r", "app", "none", ""}}));
}
