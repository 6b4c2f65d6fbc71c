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
  server.receives_all(close('S', "heim_0") + end_batch() + parse("mine", "select 1") + end_batch() +
                      batch);
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
                      query("execute mine"));
  const std::string style = parameter("DateStyle", "ISO, MDY");
  server.sends(closed() + ready() + style + done("SET", 'T') + error("42P01", "no such table") +
               ready('E') + parameter("DateStyle", "German, DMY") + done("ROLLBACK") + answer("1"));
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
                      query("execute mine"));
}

SCRIPT("auto: a statement that cannot be read any more takes no transaction with it") {
  automatic(bench, 1);
  Client& one = with_statement(bench, "select a from t");
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("prepare mine as select 2"));
  server.receives_all(close('S', "heim_0") + end_batch() + query("SAVEPOINT heim_names;") +
                      parse("mine", "select a from t") + end_batch() +
                      query("ROLLBACK TO heim_names;RELEASE heim_names") +
                      query("prepare mine as select 2"));
  server.sends(closed() + ready('T') + done("SAVEPOINT", 'T') + error("42P01", "no t") +
               ready('E') + complete("ROLLBACK") + done("RELEASE", 'T') + done("PREPARE", 'T'));
  one.receives_all(done("PREPARE", 'T'));
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
  server.sends(parsed() + error("26000", "no heim_none") + ready('E'));
  one.receives_error("42P05");
}
