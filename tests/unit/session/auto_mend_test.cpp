// Mode `auto`: RESET in the middle of a batch or a text. What the login asked for is set again
// before anything else of the client's runs.
#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "session/settings.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

const std::string set_again = session::set_statement("timezone", "Japan");

// In a pool of one server; the login asked for a time zone.
Client& logs_in(Bench& bench) {
  automatic(bench, 1);
  return bench.login({{"timezone", "Japan"}});
}

// What mends a batch: a statement of ours, run and closed.
std::string mends(std::string_view sql) {
  const std::string away = close('P', "heim_mend") + close('S', "heim_mend");
  return away + parse("heim_mend", sql) + bind("heim_mend", "heim_mend") + execute("heim_mend") +
         away;
}

std::string mended(std::string_view tag = "SET") {
  return closed() + closed() + parsed() + bound() + complete(tag) + closed() + closed();
}

std::string runs_now(std::string_view sql) { return parse("", sql) + bind("", "") + execute(); }

std::string ran(std::string_view tag) { return parsed() + bound() + complete(tag); }

// The server says what its session is: the login's time zone is as it was set again.
void tells_zone(Server& server) {
  server.sends(state({{"g", "TimeZone", "Japan", "user"}, {"r", "app", "none", ""}}));
}

}  // namespace

SCRIPT("mending: behind a RESET amid a batch") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("reset timezone") + runs_now("show timezone") + end_batch());
  const std::string sent = server.take();
  const std::string expected = runs_now("reset timezone") + mends(set_again);
  CHECK_EQ(sent.substr(sent.size() - expected.size() - runs_now("show timezone").size() - 5,
                       expected.size()),
           expected);
  server.sends(ran("RESET") + mended() + parsed() + bound() + row("Japan") + done("SHOW"));
  one.receives_all(ran("RESET") + parsed() + bound() + row("Japan") + complete("SHOW"));
}

SCRIPT("mending: behind a RESET amid a text") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("reset timezone; select 1; select no"));
  server.receives_all(query("reset timezone;" + set_again + " select 1; select no"));
  const std::string answers = row_description() + row("1") + complete("SELECT 1");
  server.sends(complete("RESET") + complete("SET") + answers);
  one.receives_all(complete("RESET") + answers);
  // The place is the client's: character 34 of its text.
  const std::string place = std::to_string(34 + set_again.size());
  wire::ErrorFields fields{"ERROR", "42703", "column \"no\" does not exist"};
  std::string error, shown;
  wire::error(error, fields);
  error.insert(error.size() - 1, "P" + place + std::string(1, '\0'));
  store_be32(reinterpret_cast<std::uint8_t*>(error.data()) + 1,
             static_cast<std::uint32_t>(error.size() - 1));
  wire::error(shown, fields);
  shown.insert(shown.size() - 1, "P34" + std::string(1, '\0'));
  store_be32(reinterpret_cast<std::uint8_t*>(shown.data()) + 1,
             static_cast<std::uint32_t>(shown.size() - 1));
  server.sends(error + ready('E'));
  one.receives_all(shown + ready('E'));
}

SCRIPT("mending: a text that was skipped leaves nothing to those behind it") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(parse("", "selec") + query("reset timezone; select 1") + end_batch());
  server.receives_all(parse("", "selec") + query("reset timezone;" + set_again + " select 1") +
                      end_batch());
  server.sends(error("42601", "syntax error") + ready());
  one.receives_error("42601");
  server.receives_all(ask_settings());
  tells_zone(server);
  one.receives_all(ready());
  Client& two = bench.login();
  two.sends(query("select 1; select 2"));
  server.receives_all(query("select 1; select 2"));
  const std::string both = row_description() + row("1") + complete("SELECT 1") + answer("2");
  server.sends(both);
  two.receives_all(both);
}

SCRIPT("mending: is for mode auto") {
  bench.settings.proxy.pool_mode = config::PoolMode::transaction;
  Client& one = bench.login({{"timezone", "Japan"}});
  Server& server = bench.last();
  const std::string batch = runs_now("reset timezone") + runs_now("show timezone") + end_batch();
  one.sends(batch);
  server.receives_all(batch);
}

SCRIPT("mending: leaves a text alone whose literals the server may read otherwise") {
  automatic(bench, 1);
  const std::string text = "insert into t values ('x\\'; reset timezone; select 1 --')";
  Client& one = bench.login({{"timezone", "Japan"}, {"standard_conforming_strings", "off"}});
  Server& server = bench.last();
  bench.settle();
  server.take();
  begin(one, server);
  one.sends(query(text));
  server.receives_all(query(text));
}

SCRIPT("mending: before a simple query of the same batch") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("reset timezone") + query("show timezone"));
  const std::string expected = mends(set_again) + query("show timezone");
  const std::string sent = server.take();
  CHECK_EQ(sent.substr(sent.size() - expected.size()), expected);
}

SCRIPT("mending: SET LOCAL ... TO DEFAULT goes back to the login, for the transaction") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  begin(one, server);
  one.sends(query("set local timezone to default"));
  server.receives_all(query("set local timezone to default"));
  server.sends(done("SET", 'T'));
  one.receives_all(complete("SET"));
  bench.settle();
  server.receives_all(query(session::set_statement("timezone", "Japan", true)));
  server.sends(done("SET", 'T'));
  one.receives_all(ready('T'));
}

SCRIPT("mending: DISCARD ALL ends its batch, and what follows begins with the login's settings") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("discard all") + runs_now("select 1") + end_batch());
  server.receives_all(runs_now("discard all") + end_batch());
  server.sends(ran("DISCARD ALL") + ready());
  one.receives_all(ran("DISCARD ALL"));
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}}));
  bench.settle();
  server.receives_all(query(set_config("timezone", "Japan")));
  server.sends(answer("Japan"));
  server.receives_all(runs_now("select 1") + end_batch());
  server.sends(ran("SELECT 1") + ready());
  one.receives_all(ran("SELECT 1") + ready());
}

SCRIPT("mending: a DISCARD ALL behind the end of a transaction leaves none behind") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  begin(one, server);
  one.sends(runs_now("rollback") + runs_now("discard all") + runs_now("discard all") + end_batch());
  const std::string mended_batch =
      runs_now("rollback") + runs_now("discard all") + mends(set_again) + mends("COMMIT");
  server.receives_all(mended_batch + runs_now("discard all") + end_batch());
  server.sends(ran("ROLLBACK") + ran("DISCARD ALL") + mended() + mended("COMMIT") +
               ran("DISCARD ALL") + ready());
  one.receives_all(ran("ROLLBACK") + ran("DISCARD ALL") + ran("DISCARD ALL"));
}

SCRIPT("mending: what DISCARD ALL changed is told at the end of its batch, whatever follows") {
  if (bench.cut != Cut::coalesced) return;  // what follows is there already
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("discard all") + close('S', "x") + end_batch() + runs_now("reset timezone") +
            end_batch());
  server.take();
  server.sends(ran("DISCARD ALL") + parameter("is_superuser", "on") + ready());
  one.receives_all(ran("DISCARD ALL"));
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}}));
  bench.settle();
  server.receives_all(query(set_config("timezone", "Japan")));
  server.sends(answer("Japan"));
  CHECK(server.take().starts_with(close('S', "x") + end_batch() + runs_now("reset timezone")));
  server.sends(closed() + ready());
  one.receives_all(closed() + parameter("is_superuser", "on") + ready());
}

SCRIPT("mending: what the server says to a statement of ours is not the client's") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("reset timezone") + runs_now("show timezone") + end_batch());
  server.take();
  std::string notice;
  wire::error(notice, {"NOTICE", "42622", "the zone's name is long"}, 'N');
  server.sends(ran("RESET") + closed() + closed() + parsed() + bound() + notice + complete("SET") +
               closed() + closed() + parsed() + bound() + row("Japan") + done("SHOW"));
  one.receives_all(ran("RESET") + parsed() + bound() + row("Japan") + complete("SHOW"));
}

SCRIPT("mending: set_config() of NULL is given what the login asked for") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  const std::string text = "select set_config($1, $2, false)";
  const auto bind_of = [](std::string_view statement, const char* value) {
    std::string out;
    wire::Writer body(out, 'B');
    body.string({}).string(statement).u16(0).u16(2).u32(8).bytes("TimeZone");
    if (value) {
      body.u32(static_cast<std::uint32_t>(std::string_view(value).size())).bytes(value);
    } else {
      body.u32(0xffffffff);
    }
    body.u16(0);
    return out;
  };
  one.sends(parse("", text) + bind_of("", nullptr) + execute() + end_batch());
  server.receives_all(parse("", text) + bind_of("", "Japan") + execute() + end_batch());
  server.sends(parsed() + bound() + row("Japan") + done("SELECT 1"));
  one.receives_all(parsed() + bound() + row("Japan") + done("SELECT 1"));
}

SCRIPT("mending: a DISCARD ALL that fails ends what follows it, too") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  one.sends(runs_now("discard all") + runs_now("delete from t") + end_batch());
  server.receives_all(runs_now("discard all") + end_batch());
  server.sends(parsed() + bound() + error("25001", "cannot run inside a pipeline") + ready());
  one.receives_all(parsed() + bound() + error("25001", "cannot run inside a pipeline"));
  server.receives_all(ask_all());
  tells_zone(server);
  server.receives_all(end_batch());
  server.sends(ready());
  one.receives_all(ready());
}

SCRIPT("mending: a DISCARD ALL that failed has forgotten nothing") {
  if (bench.cut == Cut::bytes) return;  // its Sync is not seen in time
  Client& one = logs_in(bench);
  Server& server = bench.last();
  const std::string batch =
      runs_now("show x") + parse("", "discard all") + bind("", "") + execute() + end_batch();
  one.sends(batch + bind("", "") + execute() + end_batch());
  server.receives_all(batch);
  server.sends(ran("SHOW") + parsed() + bound() + error("25001", "within a pipeline") + ready());
  one.receives_all(ran("SHOW") + parsed() + bound() + error("25001", "within a pipeline"));
  server.receives_all(ask_all());
  tells_zone(server);
  one.receives_all(ready());
  server.receives_all(parse("", "discard all") + bind("", "") + execute() + end_batch());
}

SCRIPT("mending: DISCARD ALL takes the role of the login back, and COMMIT behind it leaves it") {
  automatic(bench, 1);
  Client& one = bench.login({{"datestyle", "SQL"}, {"options", "-c role=r1"}});
  Server& server = bench.last();
  one.sends(runs_now("discard all") + runs_now("commit") + end_batch() + parse("p2", "select 1") +
            bind("", "p2") + execute() + end_batch());
  const std::string sent = server.take();
  const std::string expected = runs_now("discard all") + end_batch();
  CHECK_EQ(sent.substr(sent.size() - expected.size()), expected);
  server.sends(ran("DISCARD ALL") + ready());
  one.receives_all(ran("DISCARD ALL"));
  server.receives_all(ask_all());
  server.sends(state({{"r", "app", "none", ""}}));
  bench.settle();
  const std::string back = server.take();
  CHECK(back.find(set_config("role", "r1").substr(7)) != back.npos);
}

SCRIPT("mending: a Parse that fails leaves its name what it was") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  // Names of SQL's PREPARE beside those of the protocol: from here on they are the client's own.
  begin(one, server);
  one.sends(query("prepare sqls as select 1"));
  server.receives_all(query("prepare sqls as select 1"));
  server.sends(done("PREPARE", 'T'));
  one.receives_all(done("PREPARE", 'T'));
  const std::string batch = parse("back", "reset timezone") + parse("plain", "select 1");
  one.sends(batch + end_batch());
  server.receives_all(end_batch() + batch + end_batch());
  server.sends(ready('T') + parsed() + parsed() + ready('T'));
  one.receives_all(parsed() + parsed() + ready('T'));
  one.sends(parse("back", "select 2") + parse("plain", "select 3") + end_batch());
  server.take();
  server.sends(error("42P05", "taken") + ready('E'));
  one.receives_all(error("42P05", "taken") + ready('E'));
  one.sends(query("rollback"));
  server.receives_all(query("rollback"));
  server.sends(done("ROLLBACK"));
  one.receives_all(done("ROLLBACK"));
  // The unnamed one stands for what it was given last.
  const std::string use = bind("", "back") + execute();
  one.sends(use + runs_now("reset timezone") + runs_now("show timezone") + end_batch());
  const std::string expected =
      use + mends(set_again) + runs_now("reset timezone") + mends(set_again);
  CHECK(server.take().find(expected) != std::string::npos);
}

// "mine" resets the time zone, and has its own name on the server: SQL has tried to take it.
static void gets_own_name(Client& one, Server& server) {
  one.sends(parse("mine", "reset timezone") + end_batch());
  server.receives_all(parse("heim_0", "reset timezone") + end_batch());
  server.sends(parsed() + ready());
  one.receives_all(parsed() + ready());
  one.sends(query("prepare mine as select 1"));
  server.receives_all(close('S', "heim_0") + end_batch() + own_name("mine", "reset timezone") +
                      query("prepare mine as select 1"));
  const std::string taken = error("42P05", "taken") + ready();
  server.sends(closed() + ready() + named() + taken);
  one.receives_all(taken);
}

SCRIPT("mending: a statement that got its own name later") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  gets_own_name(one, server);
  const std::string use = bind("", "mine") + execute();
  one.sends(use + runs_now("show timezone") + end_batch());
  CHECK(server.take().find(use + mends(set_again)) != std::string::npos);
}

SCRIPT("mending: a Bind waits for the Parse of its name that may fail") {
  Client& one = logs_in(bench);
  Server& server = bench.last();
  gets_own_name(one, server);
  const std::string use = bind("", "mine") + execute();
  one.sends(parse("mine", "select 2") + end_batch() + use + runs_now("show timezone") +
            end_batch());
  server.receives_all(parse("mine", "select 2") + end_batch());
  server.sends(error("42P05", "taken") + ready());
  one.receives_all(error("42P05", "taken") + ready());
  CHECK(server.take().find(use + mends(set_again)) != std::string::npos);
}
