// The extended protocol where servers are shared: names, hidden Parse, eviction, DEALLOCATE.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

// What a batch of one Parse, Bind, Execute and Sync is answered with.
std::string parsed_and_run() { return parsed() + bound() + done(); }
std::string run() { return bound() + done(); }

// Opens a transaction for a client, so that it keeps its server.
void begin(Client& client, Server& server) {
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives_all(done("BEGIN", 'T'));
}

void prepares_s(Client& client, Server& server) {
  client.sends(parse("s", "select 1") + end_batch());
  server.take();
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
}

}  // namespace

SCRIPT("an unnamed statement passes as it is") {
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string batch =
      parse("", "select $1") + describe('S', "") + bind("", "", "x") + execute() + end_batch();
  client.sends(parse("", "select $1"));
  client.sends(describe('S', ""));
  client.sends(bind("", "", "x"));
  client.sends(execute());
  client.sends(end_batch());
  server.receives_all(batch);
  const std::string answered =
      parsed() + no_parameters() + row_description() + bound() + row("x") + done();
  server.sends(answered);
  client.receives_all(answered);
}

SCRIPT("a named statement has a name of ours on the server") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("mine", "select $1") + describe('S', "mine") + end_batch());
  server.receives_all(parse("heim_0", "select $1") + describe('S', "heim_0") + end_batch());
  const std::string described = parsed() + no_parameters() + row_description() + ready();
  server.sends(described);
  client.receives_all(described);
  client.sends(bind("portal", "mine", "x") + describe('P', "portal") + execute("portal") +
               end_batch());
  server.receives_all(bind("portal", "heim_0", "x") + describe('P', "portal") + execute("portal") +
                      end_batch());
  const std::string answered = bound() + row_description() + row("x") + done();
  server.sends(answered);
  client.receives_all(answered);
}

SCRIPT("a statement is prepared again on another server") {
  bench.settings.proxy.pool_size = 2;
  Client& client = bench.login();
  Server& first = bench.last();
  client.sends(parse("s", "select 1") + end_batch());
  first.receives_all(parse("heim_0", "select 1") + end_batch());
  first.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  Client& other = bench.login();
  begin(other, first);
  client.sends(bind("", "s") + execute() + end_batch());
  bench.settle();
  Server& second = bench.server();
  second.receives_all(parse("heim_0", "select 1") + bind("", "heim_0") + execute() + end_batch());
  second.sends(parsed_and_run());
  client.receives_all(run());
  // Now it is there.
  client.sends(bind("", "s") + execute() + end_batch());
  second.receives_all(bind("", "heim_0") + execute() + end_batch());
  second.sends(run());
  client.receives_all(run());
}

SCRIPT("what a server of another worker has accepted is prepared while all servers are taken") {
  bench.workers = 2;
  bench.settings.proxy.pool_size = 1;
  Client& here = bench.login({}, 0);
  Server& server = bench.last();
  Client& there = bench.login({}, 1);
  here.sends(parse("s", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  here.receives_all(parsed() + ready());
  begin(here, server);
  there.sends(parse("t", "select 1") + end_batch());
  there.receives_all(parsed() + ready());
}

SCRIPT("two clients with the same text share one statement") {
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  one.sends(parse("a", "select 1") + bind("", "a") + execute() + end_batch());
  server.receives_all(parse("heim_0", "select 1") + bind("", "heim_0") + execute() + end_batch());
  server.sends(parsed_and_run());
  one.receives_all(parsed_and_run());
  // ParseComplete is made here; it stands in its place.
  two.sends(parse("b", "select 1") + bind("", "b") + execute() + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  two.receives_all(parsed());
  server.sends(run());
  two.receives_all(run());
  two.sends(bind("", "b") + execute() + parse("c", "select 1") + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  server.sends(run());
  two.receives_all(bound() + complete("SELECT 0") + parsed() + ready());
}

SCRIPT("texts parsed under other settings are other statements") {
  // A literal such as date '1/2/2003' is read when the statement is parsed.
  const std::string text = "select date '1/2/2003'";
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(parse("a", text) + end_batch());
  server.receives_all(parse("heim_0", text) + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  Client& two = bench.starts({{"DateStyle", "ISO, DMY"}});
  server.take();
  server.sends(parameter("DateStyle", "ISO, DMY") + done());
  bench.admitted(two);
  two.sends(parse("b", text) + bind("", "b") + end_batch());
  server.receives_all(parse("heim_1", text) + bind("", "heim_1") + end_batch());
  server.sends(parsed() + bound() + ready());
  two.receives_all(parsed() + bound() + ready());
  // Nor those of others, where a text has no literal.
  two.sends(parse("d", "select $1") + end_batch());
  server.receives_all(parse("heim_2", "select $1") + end_batch());
  server.sends(parsed() + ready());
  two.receives_all(parsed() + ready());
  // Other settings do not matter.
  Client& three = bench.login({{"application_name", "three"}});
  three.sends(parse("c", text) + bind("", "c") + parse("d", "select $1") + end_batch());
  CHECK(server.take().ends_with(bind("", "heim_0") + end_batch()));
  const std::string style = parameter("DateStyle", "ISO, MDY");
  server.sends(style + done() + bound() + ready());
  three.receives_all(parsed() + style + bound() + parsed() + ready());
}

SCRIPT("made answers wait for a RowDescription that comes in parts") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("s", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(describe('S', "s") + close('S', "s") + parse("t", "select 1") + flush());
  server.receives_all(describe('S', "heim_0") + flush());
  const std::string description = row_description("a_column_with_a_long_name");
  server.sends(no_parameters() + description.substr(0, 9));
  client.receives_all(no_parameters() + description.substr(0, 9));
  client.sends(close('S', "t"));
  client.receives_nothing();
  server.sends(description.substr(9));
  client.receives_all(description.substr(9) + closed() + parsed() + closed());
  client.sends(end_batch());
  server.receives_all(end_batch());
  server.sends(ready());
  client.receives_all(ready());
}

SCRIPT("Close of a statement keeps it for others") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("s", "select 1") + close('S', "s") + close('S', "never") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + closed() + closed() + ready());
  client.sends(parse("s", "select 1") + bind("", "s") + end_batch());
  server.receives_all(bind("", "heim_0") + end_batch());
  server.sends(bound() + ready());
  client.receives_all(parsed() + bound() + ready());
  // Close of a portal, and of the unnamed statement, is the server's business.
  client.sends(close('P', "p") + close('S', "") + end_batch());
  server.receives_all(close('P', "p") + close('S', "") + end_batch());
  server.sends(closed() + closed() + ready());
  client.receives_all(closed() + closed() + ready());
}

SCRIPT("the unnamed statement follows its client to another server") {
  Client& one = bench.login();
  Server& server = bench.last();
  Client& two = bench.login();
  one.sends(parse("", "select 1") + end_batch());
  server.receives_all(parse("", "select 1") + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  two.sends(parse("", "select 2") + end_batch());
  server.receives_all(parse("", "select 2") + end_batch());
  server.sends(parsed() + ready());
  two.receives_all(parsed() + ready());
  one.sends(bind("", "") + execute() + end_batch());
  server.receives_all(parse("", "select 1") + bind("", "") + execute() + end_batch());
  server.sends(parsed_and_run());
  one.receives_all(run());
}

SCRIPT("a simple query destroys the unnamed statement") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "select 1") + end_batch());
  server.receives_all(parse("", "select 1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(query("select 2"));
  server.receives_all(query("select 2"));
  server.sends(done());
  client.receives_all(done());
  client.sends(bind("", "") + end_batch());
  server.receives_all(bind("", "heim_none") + end_batch());
  server.sends(error("26000", "heim_none") + ready());
  client.receives_error("26000");
  client.receives_all(ready());
}

SCRIPT("the least recently used statement goes") {
  bench.settings.proxy.max_prepared_statements = 2;
  Client& client = bench.login();
  Server& server = bench.last();
  for (const int i : {0, 1}) {
    const std::string n = std::to_string(i);
    client.sends(parse(n, "select " + n) + end_batch());
    server.receives_all(parse("heim_" + n, "select " + n) + end_batch());
    server.sends(parsed() + ready());
    client.receives_all(parsed() + ready());
  }
  client.sends(bind("", "0") + end_batch());
  server.receives_all(bind("", "heim_0") + end_batch());
  server.sends(bound() + ready());
  client.receives_all(bound() + ready());
  client.sends(parse("2", "select 2") + end_batch());
  server.receives_all(parse("heim_2", "select 2") + close('S', "heim_1") + end_batch());
  server.sends(parsed() + closed() + ready());
  client.receives_all(parsed() + ready());
  // What went is prepared again under a new name.
  client.sends(bind("", "1") + end_batch());
  server.receives_all(parse("heim_3", "select 1") + close('S', "heim_0") + bind("", "heim_3") +
                      end_batch());
  server.sends(parsed() + closed() + bound() + ready());
  client.receives_all(bound() + ready());
}

SCRIPT("statements are bounded in bytes, too") {
  bench.settings.proxy.max_prepared_bytes = 1000;
  bench.settings.proxy.max_client_prepared_bytes = 3000;
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string long_text(900, 'x');
  client.sends(parse("a", "a" + long_text) + parse("b", "b" + long_text) + end_batch());
  server.receives_all(parse("heim_0", "a" + long_text) + parse("heim_1", "b" + long_text) +
                      close('S', "heim_0") + end_batch());
  server.sends(parsed() + parsed() + closed() + ready());
  client.receives_all(parsed() + parsed() + ready());
  client.sends(parse("c", "c" + long_text) + parse("d", "d" + long_text) + end_batch());
  server.receives_all(parse("heim_2", "c" + long_text) + close('S', "heim_1") +
                      bind("", "heim_none") + end_batch());
  server.sends(parsed() + closed() + error("26000", "heim_none") + ready());
  client.receives(parsed());
  client.receives_error("54000");
  client.receives_all(ready());
}

SCRIPT("DEALLOCATE of a statement of the protocol") {
  Client& client = bench.login();
  Server& server = bench.last();
  const char* const forms[] = {"DEALLOCATE s", "deallocate prepare s;", "Deallocate \"s\" ; "};
  for (const char* const form : forms) {
    client.sends(parse("s", "select 1") + end_batch());
    // The second time it is known to be accepted.
    if (!server.take().empty()) server.sends(parsed() + ready());
    client.receives_all(parsed() + ready());
    client.sends(query(form));
    server.receives_nothing();
    client.receives_all(done("DEALLOCATE"));
    client.sends(bind("", "s") + end_batch());
    server.receives_all(bind("", "heim_none") + end_batch());
    server.sends(error("26000", "heim_none") + ready());
    client.receives_error("26000");
    client.receives_all(ready());
  }
  // Of what the protocol did not prepare, the server knows.
  client.sends(query("deallocate other"));
  server.receives_all(query("deallocate other"));
  server.sends(error("26000", "no") + ready());
  client.receives_all(error("26000", "no") + ready());
  begin(client, server);
  client.sends(parse("s", "select 1") + end_batch());
  client.receives(parsed());
  server.receives_all(end_batch());
  server.sends(ready('T'));
  client.receives_all(ready('T'));
  client.sends(query("deallocate s"));
  client.receives_all(done("DEALLOCATE", 'T'));
}

SCRIPT("DEALLOCATE ALL and DISCARD ALL outside a transaction need no server") {
  Client& client = bench.login();
  Server& server = bench.last();
  for (const char* const command : {"DEALLOCATE ALL", "DISCARD ALL", "discard /* all */ all ;"}) {
    client.sends(parse("s", "select 1") + end_batch());
    if (!server.take().empty()) server.sends(parsed() + ready());
    client.receives_all(parsed() + ready());
    client.sends(query(command));
    client.receives_all(
        done(std::string_view(command)[1] == 'E' ? "DEALLOCATE ALL" : "DISCARD ALL"));
    client.sends(bind("", "s") + end_batch());
    server.receives_all(bind("", "heim_none") + end_batch());
    server.sends(error("26000", "heim_none") + ready());
    client.receives_error("26000");
    client.receives_all(ready());
  }
}

SCRIPT("what a client left on a server is gone for it too, after its DISCARD ALL") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(query("set x to 1"));
  server.take();
  server.sends(done("SET"));
  client.receives_all(done("SET"));
  client.sends(query("discard all"));
  client.receives_all(done("DISCARD ALL"));
  client.sends(query("show x"));
  server.receives_all(query("RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;") + query("show x"));
  server.sends(done("RESET") + answer("0"));
  client.receives_all(answer("0"));
}

SCRIPT("what follows DEALLOCATE ALL in a batch is prepared anew, and all comes back if it fails") {
  for (const bool fails : {false, true}) {
    INFO("fails ", fails);
    Bench each(bench.cut);
    Client& client = each.login();
    Server& server = each.last();
    prepares_s(client, server);
    const std::string all = parse("", "deallocate all") + bind("", "") + execute();
    client.sends(all + parse("s", "select 1") + bind("", "s") + end_batch());
    server.receives_all(all + parse("heim_1", "select 1") + bind("", "heim_1") + end_batch());
    if (fails) {
      server.sends(parsed() + bound() + error("57014", "no") + ready());
      client.receives_all(parsed() + bound() + error("57014", "no") + ready());
    } else {
      server.sends(parsed() + bound() + complete("DEALLOCATE ALL") + parsed() + bound() + ready());
      client.receives_all(parsed() + bound() + complete("DEALLOCATE ALL") + parsed() + bound() +
                          ready());
    }
    const std::string_view ours = fails ? "heim_0" : "heim_1";
    client.sends(bind("", "s") + end_batch());
    server.receives_all(heim::session::test::bind("", ours) + end_batch());
  }
}

SCRIPT("names are gone where DEALLOCATE ALL was run, and the commit behind it failed") {
  struct Case {
    const char* text;
    std::string answer;
    bool gone;
  };
  const Case cases[] = {
      {"select 1; deallocate all", complete("SELECT 1") + error("23505", "at commit"), true},
      {"select 1; deallocate all", error("22012", "in the first one"), false},
      {"select 1; deallocate all", complete("SELECT 1") + error("57014", "canceled"), false},
      {"deallocate all; select 1", complete("DEALLOCATE ALL") + error("22012", "in the last"),
       true},
  };
  for (const Case& one : cases) {
    INFO(one.answer);
    Bench each(bench.cut);
    Client& client = each.login();
    Server& server = each.last();
    prepares_s(client, server);
    client.sends(query(one.text));
    server.receives_all(query(one.text));
    server.sends(one.answer + ready());
    client.receives_all(one.answer + ready());
    // A name that is there still is refused: the server is made to fail.
    client.sends(parse("s", "select 1") + end_batch());
    CHECK_EQ(server.take().find("heim_none") == std::string::npos, one.gone);
  }
}

SCRIPT("session mode leaves names to the server") {
  bench.settings.proxy.pool_mode = config::PoolMode::session;
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string batch = parse("s", "select 1") + parse("s", "select 2") + bind("p", "s") +
                            describe('S', "s") + describe('P', "p") + execute("p") +
                            close('S', "s") + end_batch();
  client.sends(batch);
  server.receives_all(batch);
  server.sends(parsed() + error("42P05", "exists") + ready());
  client.receives_all(parsed() + error("42P05", "exists") + ready());
  client.sends(bind("", "none") + end_batch());
  server.receives_all(bind("", "none") + end_batch());
}

SCRIPT("PortalSuspended, NoData and an empty statement") {
  Client& client = bench.login();
  Server& server = bench.last();
  const std::string batch =
      parse("", "") + bind("", "") + describe('P', "") + execute() + end_batch();
  client.sends(batch);
  server.receives_all(batch);
  const std::string empty = parsed() + bound() + no_data() + message('I') + ready();
  server.sends(empty);
  client.receives_all(empty);
  const std::string cursor = bind("p", "") + execute("p") + execute("p") + end_batch();
  client.sends(cursor);
  server.receives_all(cursor);
  const std::string suspended = bound() + row("1") + message('s') + row("2") + done();
  server.sends(suspended);
  client.receives_all(suspended);
}

SCRIPT("batches that are pipelined before their answers come") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("s", "select 1") + bind("", "s") + execute() + end_batch());
  client.sends(bind("", "s") + execute() + end_batch());
  // If the first one's Parse fails, the server itself refuses the second one's Bind.
  server.receives_all(parse("heim_0", "select 1") + bind("", "heim_0") + execute() + end_batch() +
                      bind("", "heim_0") + execute() + end_batch());
  server.sends(parsed_and_run() + run());
  client.receives_all(parsed_and_run() + run());
  client.sends(bind("", "s") + end_batch() + bind("", "s") + end_batch());
  server.receives_all(bind("", "heim_0") + end_batch() + bind("", "heim_0") + end_batch());
}

SCRIPT("what a name stands for after an earlier batch is waited for") {
  for (const bool fails : {false, true}) {
    INFO("fails ", fails);
    Bench each(bench.cut);
    Client& client = each.login();
    Server& server = each.last();
    prepares_s(client, server);
    client.sends(parse("", "select x") + close('S', "s") + parse("s", "delete") + end_batch());
    client.sends(bind("", "s") + execute() + end_batch());
    server.receives_all(parse("", "select x") + parse("heim_1", "delete") + end_batch());
    server.sends(fails ? error("42703", "x") + ready() : parsed() + parsed() + ready());
    client.receives_all(fails ? error("42703", "x") + ready()
                              : parsed() + closed() + parsed() + ready());
    const std::string_view ours = fails ? "heim_0" : "heim_1";
    server.receives_all(heim::session::test::bind("", ours) + execute() + end_batch());
    server.sends(run());
    client.receives_all(run());
  }
}

SCRIPT("a query that fails may have deallocated what was prepared") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("s", "select 1") + end_batch());
  server.take();
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(query("select 1; deallocate all; select 2"));
  server.take();
  server.sends(complete("SELECT 1") + error("23505", "at the end") + ready());
  client.receives_all(complete("SELECT 1") + error("23505", "at the end") + ready());
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(close('S', "heim_0") + parse("heim_1", "select 1") + bind("", "heim_1") +
                      execute() + end_batch());
}
