// Mode `auto`: names of statements where SQL and the protocol meet in one batch.
#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "session/settings.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

// A client with one statement of the protocol.
Client& with_statement(Bench& bench, std::string_view text) {
  Client& one = bench.login();
  Server& server = bench.last();
  one.sends(parse("mine", text) + end_batch());
  server.receives_all(parse("heim_0", text) + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  return one;
}

// It has a statement, and then a transaction block on a server that lacks it.
struct Elsewhere {
  Elsewhere(Bench& bench, std::string_view text) : one(&with_statement(bench, text)) {
    Server& busy = bench.last();
    begin(bench.login(), busy);
    one->sends(query("begin"));
    server = &bench.server();
    server->receives_all(query("begin"));
    server->sends(done("BEGIN", 'T'));
    one->receives_all(done("BEGIN", 'T'));
  }
  Client* one;
  Server* server = nullptr;
};

}  // namespace

TEST_CASE("auto: EXECUTE of a statement of the protocol in the middle of a batch") {
  Bench bench(Cut::coalesced);  // the whole batch is there
  automatic(bench, 1);
  Client& one = with_statement(bench, "select 1");
  Server& server = bench.last();
  const std::string batch = parse("", "select 2") + bind("", "") + execute() +
                            parse("", "execute mine") + bind("", "") + execute() + end_batch();
  one.sends(batch);
  server.receives_all(close('S', "heim_0") + end_batch() + own_name("mine", "select 1") + batch);
}

TEST_CASE("auto: a batch that names a statement by Parse and executes it by SQL") {
  Bench bench(Cut::coalesced);  // the whole batch is there
  automatic(bench, 1);
  Client& one = bench.login();
  const std::string batch = parse("new", "select 2") + bind("", "new") + execute() +
                            parse("", "execute new") + bind("", "") + execute() + end_batch();
  one.sends(batch);
  bench.last().receives_all(end_batch() + batch);
}

SCRIPT("auto: a statement under its own name is read as it was at first") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select date '1/2/2003'");
  Server& server = bench.last();
  const std::string german = parameter("DateStyle", "German, DMY") + done("SET");
  one.sends(query("set datestyle to 'German'"));
  server.receives(query("set datestyle to 'German'"));
  server.sends(german);
  one.receives_all(german);
  server.receives_all(ask_names({"datestyle"}));
  server.sends(state({{"v", "datestyle", "German, DMY", ""}}));
  one.sends(query("execute mine"));
  const std::string reading = session::reading_sql({});
  const std::string apart = query("BEGIN;" + reading);
  server.receives_all(close('S', "heim_0") + end_batch() + apart +
                      parse("mine", "select date '1/2/2003'") + end_batch() + query("ROLLBACK") +
                      elsewhere() + stand_in("mine") + query("ROLLBACK") + query("execute mine"));
  const std::string style = parameter("DateStyle", "ISO, MDY");
  server.sends(closed() + ready() + style + done("SET", 'T') + error("42P01", "no such table") +
               ready('E') + parameter("DateStyle", "German, DMY") + done("ROLLBACK") +
               stood_in(parsed() + ready('T')) + answer("1"));
  one.receives_all(answer("1"));
}

SCRIPT("auto: what is parsed before the server has told its settings is nobody else's") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select date '1/2/2003'");
  Server& server = bench.last();
  begin(one, server);
  asks(one, server, "set datestyle to 'German'", done("SET", 'T'));
  const std::string batch = parse("other", "select date '3/2/2003'") + end_batch();
  one.sends(batch);
  server.receives_all(parse("heim_1", "select date '3/2/2003'") + end_batch());
  server.sends(parsed() + ready('T'));
  one.receives_all(parsed() + ready('T'));
  one.sends(query("rollback"));
  server.receives(query("rollback"));
  server.sends(done("ROLLBACK"));
  one.receives_all(done("ROLLBACK"));
  server.receives_all(ask_settings());
  server.sends(state({{"r", "app", "none", ""}}));
  Client& two = bench.login();
  two.sends(parse("", "select 1") + bind("", "") + execute() + end_batch());
  server.take();
  server.sends(parsed() + bound() + done());
  two.take();
  two.sends(parse("theirs", "select date '3/2/2003'") + end_batch());
  server.receives_all(parse("heim_2", "select date '3/2/2003'") + end_batch());
}

SCRIPT("auto: what was parsed behind a SET of its transaction is read again as it was") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  begin(one, server);
  asks(one, server, "set datestyle to 'German'", done("SET", 'T'));
  one.sends(parse("mine", "select date '1/2/2003'") + end_batch());
  server.receives_all(parse("heim_0", "select date '1/2/2003'") + end_batch());
  server.sends(parsed() + ready('T'));
  one.receives_all(parsed() + ready('T'));
  one.sends(query("commit"));
  server.receives(query("commit"));
  server.sends(done("COMMIT"));
  one.receives_all(done("COMMIT"));
  server.receives_all(ask_settings());
  server.sends(state({{"g", "DateStyle", "German, DMY", "user"}, {"r", "app", "none", ""}}));
  runs(one, server, "set datestyle to 'ISO'", "SET");
  server.receives_all(ask_names({"datestyle"}));
  server.sends(state({{"v", "datestyle", "ISO, DMY", ""}}));
  one.sends(query("execute mine"));
  session::SettingList german;
  german.items.emplace_back("datestyle", "German, DMY");
  const std::string apart = query("BEGIN;" + session::reading_sql(german));
  server.receives_all(close('S', "heim_0") + end_batch() + apart +
                      parse("mine", "select date '1/2/2003'") + end_batch() + query("ROLLBACK") +
                      elsewhere() + stand_in("mine") + query("ROLLBACK") + query("execute mine"));
}

SCRIPT("auto: a statement that cannot be read any more takes no transaction with it") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select a from t");
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("prepare mine as select 2"));
  const std::string apart = query("SAVEPOINT heim_names;");
  const std::string back = query("ROLLBACK TO heim_names;RELEASE heim_names");
  server.receives_all(close('S', "heim_0") + end_batch() + apart +
                      parse("mine", "select a from t") + end_batch() + back +
                      query("SAVEPOINT heim_names;" + std::string(session::Absent::settings)) +
                      stand_in("mine") + back + query("prepare mine as select 2"));
  const std::string undone = complete("ROLLBACK") + done("RELEASE", 'T');
  const std::string taken = error("42P05", "taken") + ready('E');
  server.sends(closed() + ready('T') + done("SAVEPOINT", 'T') + error("42P01", "no t") +
               ready('E') + undone + done("SAVEPOINT", 'T') + parsed() + ready('T') + undone +
               taken);
  one.receives_all(taken);
}

namespace {

// The first one cannot be read anew.
std::string stand_in_fails() {
  const std::string content = session::Absent::stand_in(1, {});
  const std::string place = std::to_string(content.find("_pg_user_mappings") + 1);
  std::string out;
  wire::Writer(out, 'E')
      .u8('S')
      .string("ERROR")
      .u8('C')
      .string("42P01")
      .u8('M')
      .string("relation \"_pg_user_mappings\" does not exist")
      .u8('P')
      .string(place)
      .u8(0);
  return out;
}

// A client with its own names, one of which stands for what cannot be read.
Client& with_absent(Bench& bench, std::string_view text) {
  Client& one = with_statement(bench, text);
  Server& server = bench.last();
  one.sends(query("execute mine"));
  server.receives_all(close('S', "heim_0") + end_batch() + own_name("mine", text) +
                      query("execute mine"));
  const std::string gone = error("42P01", "no t") + ready();
  server.sends(closed() + ready() + gone + stood_in(parsed() + ready('T')) + stand_in_fails() +
               ready());
  one.receives_all(gone);
  return one;
}

std::string tries(std::string_view text) {
  return close('S', "heim_try") + parse("heim_try", text) + close('S', "heim_try") +
         close('S', "mine") + parse("mine", text);
}

}  // namespace

SCRIPT("auto: what could not be given its own name is tried where it is used") {
  automatic(bench, 1);
  Client& one = with_absent(bench, "select a from t");
  Server& server = bench.last();
  const std::string use = bind("", "mine") + execute() + end_batch();
  one.sends(use);
  server.receives_all(tries("select a from t") + use);
  server.sends(closed() + error("42P01", "no such table") + ready());
  one.receives_all(error("42P01", "no such table") + ready());
  // It is there now, and from then on.
  one.sends(use);
  server.receives_all(tries("select a from t") + use);
  server.sends(closed() + parsed() + closed() + closed() + parsed() + bound() + done("SELECT 0"));
  one.receives_all(bound() + done("SELECT 0"));
  one.sends(use);
  server.receives_all(use);
}

SCRIPT("auto: what could not be given its own name keeps it until it is closed") {
  automatic(bench, 1);
  Client& one = with_absent(bench, "select a from t");
  Server& server = bench.last();
  const std::string again = parse("mine", "select 2") + end_batch();
  const std::string taken = error("42P05", "taken") + ready();
  one.sends(again);
  server.receives_all(again);
  server.sends(taken);
  one.receives_all(taken);
  one.sends(describe('S', "mine") + end_batch());
  server.receives_all(tries("select a from t") + describe('S', "mine") + end_batch());
  server.sends(closed() + error("42P01", "no such table") + ready());
  one.receives_all(no_parameters() + error("42P01", "no such table") + ready());
  one.sends(close('S', "mine") + again);
  server.receives_all(close('S', "mine") + again);
  server.sends(closed() + parsed() + ready());
  one.receives_all(closed() + parsed() + ready());
  one.sends(bind("", "mine") + execute() + end_batch());
  server.receives_all(bind("", "mine") + execute() + end_batch());
}

SCRIPT("auto: an unnamed statement that cannot be read any more takes no transaction with it") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select 1");
  Server& server = bench.last();
  begin(one, server);
  const std::string unnamed = parse("", "select a from t") + end_batch();
  one.sends(unnamed);
  server.receives_all(unnamed);
  server.sends(parsed() + ready('T'));
  one.receives_all(parsed() + ready('T'));
  one.sends(parse("two", "execute mine") + bind("", "") + end_batch());
  const std::string sent = server.take();
  CHECK(sent.find(query("SAVEPOINT heim_names") + unnamed) != std::string::npos);
  CHECK(sent.ends_with(parse("two", "execute mine") + bind("", "") + end_batch()));
}

SCRIPT("auto: a Bind with the wrong parameters, of what cannot be read any more") {
  automatic(bench, 2);
  Elsewhere at(bench, "select a from t where b = $1");
  at.one->sends(bind("", "mine") + end_batch());
  at.server->receives_all(parse("heim_0", "select a from t where b = $1") + bind("", "heim_0") +
                          end_batch());
  at.server->sends(error("42P01", "no t") + ready('E'));
  at.one->receives_all(
      error("08P01",
            "bind message supplies 0 parameters, but prepared statement \"mine\" requires 1") +
      ready('E'));
}

SCRIPT("auto: Describe of what cannot be read any more tells its parameters first") {
  automatic(bench, 2);
  Elsewhere at(bench, "select a from t");
  at.one->sends(describe('S', "mine") + end_batch());
  at.server->receives_all(parse("heim_0", "select a from t") + describe('S', "heim_0") +
                          end_batch());
  at.server->sends(error("42P01", "no t") + ready('E'));
  at.one->receives_all(no_parameters() + error("42P01", "no t") + ready('E'));
}

SCRIPT("auto: a Parse behind a batch that may fail is the server's to answer") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select 1");
  Server& server = bench.last();
  begin(one, server);
  const std::string failing = parse("", "select wrong") + end_batch();
  one.sends(failing + parse("same", "select 1") + end_batch());
  const std::string sent = server.take();
  CHECK(sent.find(parse("same", "select 1") + close('S', "same")) != std::string::npos);
  const std::string failed = error("42703", "no such column") + ready('E');
  const std::string aborted = error("25P02", "current transaction is aborted") + ready('E');
  server.sends(failed + aborted);
  one.receives_all(failed + aborted);
}

SCRIPT("auto: a name of SQL's PREPARE that may have been closed since is the server's to judge") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  runs(one, server, "prepare p1 as select 1", "PREPARE");
  server.receives_all(ask_statements());
  server.sends(state({{"p", "p1", "prepare p1 as select 1", ""}}));
  begin(one, server);
  one.sends(close('S', "p1") + end_batch());
  server.receives_all(close('S', "p1") + end_batch());
  server.sends(closed() + ready('T'));
  one.receives_all(closed() + ready('T'));
  one.sends(parse("p1", "select 2") + end_batch());
  CHECK(server.take().find("heim_none") == std::string::npos);
}

SCRIPT("auto: Describe in a failed transaction, of what gives no rows") {
  automatic(bench, 2);
  Elsewhere at(bench, "discard temp");
  const std::string failed = error("42703", "no such column") + ready('E');
  asks(*at.one, *at.server, "select wrong", failed);
  at.one->sends(describe('S', "mine") + end_batch());
  at.server->receives_all(end_batch());
  at.server->sends(ready('E'));
  at.one->receives_all(no_parameters() + no_data() + ready('E'));
}

SCRIPT("auto: a Bind with the wrong parameters, behind what failed its transaction") {
  automatic(bench, 2);
  Elsewhere at(bench, "select $1::int");
  const std::string failing = parse("", "select wrong") + end_batch();
  at.one->sends(failing + bind("", "mine") + end_batch());
  at.server->receives_all(failing + parse("heim_0", "select $1::int") + bind("", "heim_0") +
                          end_batch());
  const std::string failed = error("42703", "no such column") + ready('E');
  at.server->sends(failed + error("25P02", "current transaction is aborted") + ready('E'));
  at.one->receives_all(
      failed +
      error("08P01",
            "bind message supplies 0 parameters, but prepared statement \"mine\" requires 1") +
      ready('E'));
}

SCRIPT("auto: a name of SQL's PREPARE is taken in a failed transaction, too") {
  automatic(bench, 1);
  Client& one = bench.login();
  Server& server = bench.last();
  const std::string making =
      parse("", "prepare p1 as select 1") + bind("", "") + execute() + end_batch();
  one.sends(making);
  server.receives(making);
  server.sends(parsed() + bound() + done("PREPARE"));
  one.receives_all(parsed() + bound() + done("PREPARE"));
  server.receives_all(ask_statements());
  server.sends(state({{"p", "p1", "prepare p1 as select 1", ""}}));
  const std::string running = parse("", "execute p1") + bind("", "") + execute() + end_batch();
  one.sends(running);
  server.receives_all(running);
  server.sends(parsed() + bound() + row("1") + done("SELECT 1"));
  one.receives_all(parsed() + bound() + row("1") + done("SELECT 1"));
  begin(one, server);
  const std::string failed = error("42703", "no such column") + ready('E');
  asks(one, server, "select wrong", failed);
  one.sends(parse("p1", "commit") + bind("", "p1") + execute() + end_batch());
  server.take();
  server.sends(parsed() + error("42P05", "p1 is taken") + ready('E'));
  one.receives_error("42P05");
}
