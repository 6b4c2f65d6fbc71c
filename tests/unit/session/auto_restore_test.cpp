// Mode `auto`: RESET goes back to what the login asked for; which server is chosen.
#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "session/settings.hpp"

using namespace heim;
using namespace heim::session::test;

SCRIPT("auto: behind RESET in a transaction comes what the login asked for") {
  automatic(bench, 1);
  Client& one = bench.login({{"datestyle", "German"}});
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("reset datestyle") + query("show datestyle"));
  server.receives_all(query("reset datestyle"));
  server.sends(done("RESET", 'T'));
  one.receives_all(complete("RESET"));
  bench.settle();
  server.receives_all(query(session::set_statement("datestyle", "German")));
  server.sends(done("SET", 'T'));
  one.receives_all(ready('T'));
  bench.settle();
  server.receives_all(query("show datestyle"));
}

SCRIPT("auto: outside of one, the server is asked first, and the client waits for it") {
  automatic(bench, 1);
  Client& one = bench.login({{"datestyle", "German"}});
  Server& server = bench.last();
  one.sends(query("select 1"));
  server.receives_all(query("select 1"));
  server.sends(answer("1"));
  one.receives_all(answer("1"));
  one.sends(query("reset datestyle"));
  server.receives_all(query("reset datestyle"));
  server.sends(complete("RESET") + parameter("DateStyle", "ISO, MDY") + ready());
  one.receives_all(complete("RESET"));
  server.receives_all(ask_settings());
  server.sends(state({{"r", "app", "none", ""}}));
  bench.settle();
  server.receives_all(query(set_config("datestyle", "German")));
  server.sends(answer("German"));
  one.receives_all(parameter("DateStyle", "ISO, MDY") + ready());
}

SCRIPT("auto: what the server says of before a RESET under way is not taken for its outcome") {
  automatic(bench, 1);
  Client& one = bench.login({{"role", "reader"}});
  Server& server = bench.last();
  runs(one, server, "select pg_advisory_lock(1)", "SELECT 1");
  server.receives_all(ask_holds());
  server.sends(state({{"l", "", "", ""}}));
  bench.settle();
  runs(one, server, "select set_config('role', 'none', false)", "SELECT 1");
  server.receives_all(ask_held());
  one.sends(query("discard all"));
  server.receives_all(query("discard all"));
  server.sends(state({{"r", "app", "none", ""}, {"l", "", "", ""}}));
  bench.settle();
  server.sends(complete("DISCARD ALL"));
  one.receives_all(complete("DISCARD ALL"));
  server.sends(ready());
  bench.settle();
  server.receives_all(ask_held());
  server.sends(state({{"r", "app", "none", ""}}));
  bench.settle();
  server.receives_all(query(set_config("role", "reader")));
  server.sends(row_description() + complete("SELECT 1") + parameter("is_superuser", "off") +
               ready());
  one.receives_all(parameter("is_superuser", "off") + ready());
}

// The question would stand before a SET TRANSACTION.
SCRIPT("auto: what was done before a transaction asks for nothing in it, on a server of its own") {
  automatic(bench, 1);
  Client& one = bench.login({{"datestyle", "German"}});
  Server& server = bench.last();
  asks(one, server, "select setseed(0.5)", answer(""));
  asks(one, server, "do $$ begin end $$", done("DO"));
  begin(one, server);
  one.sends(query("reset datestyle"));
  server.receives_all(query("reset datestyle"));
  server.sends(done("RESET", 'T'));
  one.receives_all(complete("RESET"));
  bench.settle();
  server.receives_all(query(session::set_statement("datestyle", "German")));
}

SCRIPT("auto: RESET of what the login did not name is passed on at once") {
  automatic(bench, 1);
  Client& one = bench.login({{"datestyle", "German"}});
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("reset work_mem") + query("show work_mem"));
  server.receives_all(query("reset work_mem") + query("show work_mem"));
}

SCRIPT("auto: the idle server that differs least") {
  automatic(bench, 2);
  Client& one = bench.login({{"work_mem", "1MB"}});
  Server& first = bench.last();
  begin(one, first);
  Client& two = bench.login({{"work_mem", "2MB"}});
  Server& second = bench.last();
  commit(one, first);  // used last
  two.sends(query("select 3"));
  second.receives_all(query("select 3"));
}

SCRIPT("auto: who had no temporary objects gets the idle server where nobody had some") {
  automatic(bench, 2);
  Client& one = bench.login();
  Server& first = bench.last();
  begin(one, first);
  bench.login({{"application_name", "two"}});
  Server& second = bench.last();
  commit(one, first);
  runs(one, first, "create temp table t (a int) on commit drop", "CREATE TABLE");
  first.receives_all(ask_holds());
  first.sends(state({{"s", "", "", ""}}));  // it is idle, and was used last
  bench.settle();
  Client& three = bench.login();
  three.sends(query("select 3"));
  second.receives_all(query("select 3"));
  second.sends(answer("3"));
  three.receives_all(answer("3"));
  one.sends(query("select 1"));
  first.receives_all(query("select 1"));
}

// And gives the server back, which keeps their schema.
static void had_temporary_objects(Bench& bench, Client& one, Server& first) {
  runs(one, first, "create temp table t (a int) on commit drop", "CREATE TABLE");
  first.receives_all(ask_holds());
  first.sends(state({{"s", "", "", ""}}));
  bench.settle();
}

SCRIPT("auto: who looks for pg_temp and had no temporary objects gets a server without") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& first = bench.last();
  had_temporary_objects(bench, one, first);
  Client& two = bench.login({{"search_path", "pg_temp"}});
  two.sends(query("begin"));
  bench.settle();
  first.is_dismissed();
  bench.server().receives_all(query(set_config("search_path", "pg_temp")) + query("begin"));
}

SCRIPT("auto: who looks for pg_temp gets a server without also after having waited") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& first = bench.last();
  had_temporary_objects(bench, one, first);
  Client& two = bench.login({{"search_path", "pg_temp"}});
  one.sends(query("begin"));
  first.receives_all(query("RESET \"search_path\";") + query("begin"));
  first.sends(done("RESET") + done("BEGIN", 'T'));
  one.receives_all(done("BEGIN", 'T'));
  two.sends(query("begin"));
  first.receives_nothing();
  commit(one, first);
  first.is_dismissed();
  bench.server().receives_all(query(set_config("search_path", "pg_temp")) + query("begin"));
}
