// Mode `auto`: what keeps a client on its server, and what becomes of clients that need that.
#include <doctest/doctest.h>

#include "auto_script.hpp"

using namespace heim;
using namespace heim::session::test;

SCRIPT("auto: who can tell that others used a server process before gets a new one, and keeps it") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& used = bench.last();
  one.sends(query("select 1"));
  used.receives_all(query("select 1"));
  used.sends(answer("1"));
  one.receives_all(answer("1"));
  const std::string load = "load 'plpgsql'";
  one.sends(query(load));
  bench.settle();
  used.is_dismissed();
  Server& fresh = bench.server();
  fresh.receives_all(query(load));
  fresh.sends(done("LOAD"));
  one.receives_all(done("LOAD"));
  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.settle();
  fresh.receives_nothing();
  one.sends(query(load));
  fresh.receives_all(query(load));
  fresh.sends(done("LOAD"));
  one.receives_all(done("LOAD"));
  one.leaves();
  bench.settle();
  fresh.is_dismissed();
  bench.server().receives_all(query("select 2"));
}

SCRIPT("auto: while the new one is opened, one that others used goes to others") {
  automatic(bench, 2);
  Client& one = bench.login();
  Server& first = bench.last();
  begin(one, first);
  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.settle();
  Server& second = bench.server();
  second.receives_all(query("select 2"));
  second.sends(answer("2"));
  two.receives_all(answer("2"));
  two.sends(query("load 'x'"));
  bench.settle();
  second.is_dismissed();
  commit(one, first);  // it is free now
  one.sends(query("select 1"));
  first.receives_all(query("select 1"));
  first.sends(answer("1"));
  one.receives_all(answer("1"));
  bench.server().receives_all(query("load 'x'"));
}

SCRIPT("auto: likewise with a Parse that begins a batch, but not with what comes later in one") {
  automatic(bench, 2);
  Client& one = bench.login();
  Server& used = bench.last();
  one.sends(query("select 1"));
  used.receives_all(query("select 1"));
  used.sends(answer("1"));
  one.receives_all(answer("1"));
  one.sends(parse("", "select 1") + parse("", "select pg_stat_force_next_flush()") + bind("", "") +
            execute() + end_batch());
  used.take();
  used.sends(parsed() + parsed() + bound() + done());
  one.receives_all(parsed() + parsed() + bound() + done());
  used.is_open();

  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.settle();
  Server& second = bench.server();
  second.receives_all(query("select 2"));
  second.sends(answer("2"));
  two.receives_all(answer("2"));
  const std::string batch =
      parse("", "select pg_stat_force_next_flush()") + bind("", "") + execute() + end_batch();
  two.sends(batch);
  bench.settle();
  second.is_dismissed();
  bench.server().receives_all(batch);
}

SCRIPT("auto: what was prepared over temporary tables stays where they were") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "create temp table t (a int)", "CREATE TABLE");
  server.receives_all(ask_holds());
  server.sends(state({{"t", "", "", ""}}));
  const std::string mine = "prepare s as select * from t";
  one.sends(query(mine));
  server.receives_all(query(mine));
  server.sends(done("PREPARE"));
  one.receives_all(done("PREPARE"));
  runs(one, server, "drop table t", "DROP TABLE");
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}, {"p", "s", mine, ""}}));
  Client& two = bench.login();
  two.sends(query("select 2"));
  bench.settle();
  server.receives_nothing();
  runs(one, server, "deallocate s", "DEALLOCATE");
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}}));
  server.receives_all(query("select 2"));
}

SCRIPT("auto: currval() and lastval() at the start of a batch see nothing of other clients") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(query("select nextval('q')"));
  server.receives_all(query("select nextval('q')"));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
  Client& two = bench.login();
  const std::string batch = parse("", "select lastval()") + bind("", "") + execute() + end_batch();
  two.sends(batch);
  server.receives_nothing();  // the first may ask for currval() next
  bench.passes(std::chrono::seconds(2));
  server.receives_all(query("DISCARD SEQUENCES") + batch);
  const std::string refused = parsed() + bound() + error("55000", "not yet defined") + ready();
  server.sends(done("DISCARD SEQUENCES") + refused);
  two.receives_all(refused);
}

SCRIPT("auto: setval() does not show what lastval() was to others") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(query("insert into t default values"));
  server.take();
  server.sends(done("INSERT 0 1"));
  one.receives_all(done("INSERT 0 1"));
  Client& two = bench.login();
  const std::string call = bind("", "") + execute() + end_batch();
  two.sends(parse("", "select 1") + parse("", "select setval('q', 7)") + call);
  bench.settle();
  const std::string sent = server.take();
  CHECK(sent.find("DISCARD SEQUENCES") != sent.npos);
  CHECK(sent.find("DISCARD SEQUENCES") < sent.rfind(call));
}

SCRIPT("auto: on_unsupported = warn tells the client, once") {
  bench.settings.proxy.on_unsupported = config::OnUnsupported::warn;
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  std::string warning;
  wire::error(warning,
              {"WARNING", "01000",
               "this session keeps its server between transactions: a library it loaded"},
              'N');
  one.sends(query("load 'x'"));
  server.receives_all(query("load 'x'"));
  server.sends(done("LOAD"));
  one.receives_all(warning + done("LOAD"));
  one.sends(query("load 'y'"));
  server.receives_all(query("load 'y'"));
  server.sends(done("LOAD"));
  one.receives_all(done("LOAD"));

  one.leaves();
  Client& two = bench.login();
  two.sends(query("do 'create temp table'"));
  bench.settle();
  Server& next = bench.server();
  next.receives_all(query("do 'create temp table'"));
  next.sends(done("DO"));
  two.receives_all(done("DO"));
  next.receives_all(ask_all());
  next.sends(state({{"t", "", "", ""}, {"r", "app", "none", ""}}));
  warning.clear();
  wire::error(
      warning,
      {"WARNING", "01000", "this session keeps its server between transactions: temporary objects"},
      'N');
  two.receives_all(warning);
}

SCRIPT("auto: on_unsupported = error refuses what its text tells, in its place") {
  bench.settings.proxy.on_unsupported = config::OnUnsupported::error;
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(query("begin") + query("declare c cursor with hold for select 1") + query("commit"));
  bench.settle();
  server.receives_all(query("begin") + bind("", "heim_none") + end_batch() + query("commit"));
  server.sends(done("BEGIN", 'T') + error("26000", "no such statement") + ready('E') +
               done("ROLLBACK"));
  std::string refused;
  wire::error(refused, {"ERROR", "0A000",
                        "this statement would keep its server for this session: a cursor WITH "
                        "HOLD"});
  one.receives_all(done("BEGIN", 'T') + refused + ready('E') + done("ROLLBACK"));

  const std::string batch = bind("", "") + execute() + end_batch();
  one.sends(parse("", "select pg_advisory_lock(1)") + batch);
  bench.settle();
  server.receives_all(parse("", "select pg_advisory_lock(1)") + bind("", "heim_none") + execute() +
                      end_batch());
  server.sends(parsed() + error("26000", "no such statement") + ready());
  refused.clear();
  wire::error(refused, {"ERROR", "0A000",
                        "this statement would keep its server for this session: an advisory "
                        "lock"});
  one.receives_all(parsed() + refused + ready());

  // What no text tells is known afterwards.
  runs(one, server, "do 'create temp table'", "DO");
  server.receives_all(ask_all());
  server.sends(state({{"t", "", "", ""}, {"r", "app", "none", ""}}));
  one.receives_error("0A000", "FATAL");
  one.is_closed();
  bench.settle();
  server.receives_all(query("DISCARD ALL"));
}
