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
  one.sends(query("set datestyle to 'German'"));
  server.receives_all(query("set datestyle to 'German'"));
  server.sends(done("SET", 'T'));
  one.receives_all(done("SET", 'T'));
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
