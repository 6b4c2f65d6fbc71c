// Errors in the middle of batches: what was not done is taken back, and errors of ours stand in
// their place.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

std::string changed_error() {
  std::string out;
  wire::Writer(out, 'E')
      .bytes("SERROR")
      .u8(0)
      .bytes("VERROR")
      .u8(0)
      .bytes("C0A000")
      .u8(0)
      .bytes("Mcached plan must not change result type")
      .u8(0)
      .bytes("RRevalidateCachedQuery")
      .u8(0)
      .u8(0);
  return out;
}

const std::string failed = error("42703", "no such column");
const std::string no_name = error("26000", "prepared statement \"heim_none\" does not exist");

// A client that has prepared "s", on the one server.
Client& prepared(Bench& bench, const char* sql = "select 1") {
  Client& client = bench.login();
  client.sends(parse("s", sql) + end_batch());
  bench.last().receives_all(parse("heim_0", sql) + end_batch());
  bench.last().sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  return client;
}

}  // namespace

SCRIPT("a Parse that fails leaves no name") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("s", "bad") + bind("", "s") + execute() + end_batch());
  server.receives_all(parse("heim_0", "bad") + bind("", "heim_0") + execute() + end_batch());
  server.sends(failed + ready());
  client.receives_all(failed + ready());
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(bind("", "heim_none") + execute() + end_batch());
  server.sends(no_name + ready());
  CHECK_EQ(client.receives_error("26000"), "prepared statement \"s\" does not exist");
  client.receives_all(ready());
  client.sends(parse("s", "good") + end_batch());
  server.receives_all(parse("heim_1", "good") + end_batch());
}

SCRIPT("what a failed batch skipped is taken back") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  // Close of "s" and Parse of "t" come after the failure: they did not happen.
  client.sends(bind("", "s", "wrong") + close('S', "s") + parse("t", "select 2") + end_batch());
  server.receives_all(bind("", "heim_0", "wrong") + parse("heim_1", "select 2") + end_batch());
  server.sends(failed + ready());
  client.receives_all(failed + ready());
  client.sends(bind("", "s") + end_batch());
  server.receives_all(bind("", "heim_0") + end_batch());
  server.sends(bound() + ready());
  client.receives_all(bound() + ready());
  client.sends(parse("t", "select 2") + end_batch());
  server.receives_all(parse("heim_2", "select 2") + end_batch());
}

SCRIPT("what a failed batch did before is kept") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(parse("t", "select 2") + close('S', "s") + bind("", "t", "wrong") + end_batch());
  server.receives_all(parse("heim_1", "select 2") + bind("", "heim_1", "wrong") + end_batch());
  server.sends(parsed() + failed + ready());
  client.receives_all(parsed() + closed() + failed + ready());
  client.sends(bind("", "t") + bind("", "s") + end_batch());
  server.receives_all(bind("", "heim_1") + bind("", "heim_none") + end_batch());
}

SCRIPT("a hidden Parse that fails answers the Bind") {
  Client& client = prepared(bench);
  Client& other = bench.login();
  other.sends(query("begin"));
  bench.settle();
  client.sends(bind("", "s") + execute() + end_batch());
  Server& second = bench.server();
  second.receives_all(parse("heim_0", "select 1") + bind("", "heim_0") + execute() + end_batch());
  second.sends(failed + ready());
  client.receives_all(failed + ready());
  client.sends(bind("", "s") + execute() + end_batch());
  second.receives_all(parse("heim_1", "select 1") + bind("", "heim_1") + execute() + end_batch());
  second.sends(parsed() + bound() + done());
  client.receives_all(bound() + done());
}

SCRIPT("errors of ours stand in order: a name that exists") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(bind("", "s") + execute() + parse("s", "select 2") + bind("", "s") + execute() +
               end_batch());
  // Had the text been wrong, that would have come first.
  server.receives_all(bind("", "heim_0") + execute() + parse("heim_1", "select 2") +
                      bind("", "heim_none") + bind("", "heim_0") + execute() + end_batch());
  client.receives_nothing();
  server.sends(bound() + complete("SELECT 0"));
  client.receives_all(bound() + complete("SELECT 0"));
  server.sends(parsed() + no_name + ready());
  CHECK_EQ(client.receives_error("42P05"), "prepared statement \"s\" already exists");
  client.receives_all(ready());
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  server.sends(bound() + done());
  client.receives_all(bound() + done());
}

SCRIPT("errors of ours stand in order: names that do not exist") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(describe('S', "a") + end_batch() + bind("", "b", "x") + end_batch() + bind("", "") +
               end_batch());
  server.receives_all(bind("", "heim_none") + end_batch() + bind("", "heim_none") + end_batch() +
                      bind("", "heim_none") + end_batch());
  for (const char* const said :
       {"prepared statement \"a\" does not exist", "prepared statement \"b\" does not exist",
        "unnamed prepared statement does not exist"}) {
    server.sends(no_name + ready());
    CHECK_EQ(client.receives_error("26000"), said);
    client.receives_all(ready());
  }
}

SCRIPT("two errors of ours in one batch: the first one counts") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(bind("", "a") + bind("", "b") + end_batch() + bind("", "c") + end_batch());
  server.receives_all(bind("", "heim_none") + bind("", "heim_none") + end_batch() +
                      bind("", "heim_none") + end_batch());
  server.sends(no_name + ready() + no_name + ready());
  CHECK_EQ(client.receives_error("26000"), "prepared statement \"a\" does not exist");
  client.receives(ready());
  CHECK_EQ(client.receives_error("26000"), "prepared statement \"c\" does not exist");
  client.receives_all(ready());
}

SCRIPT("an error inside a transaction block keeps the server until it ends") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives_all(done("BEGIN", 'T'));
  client.sends(bind("", "none") + execute() + end_batch());
  server.receives_all(bind("", "heim_none") + execute() + end_batch());
  server.sends(no_name + ready('E'));
  client.receives_error("26000");
  client.receives_all(ready('E'));
  client.sends(query("rollback"));
  server.receives_all(query("rollback"));
  server.sends(done("ROLLBACK"));
  client.receives_all(done("ROLLBACK"));
}

SCRIPT("after an error the client's messages are ignored up to Sync") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "bad") + flush());
  server.receives_all(parse("", "bad") + flush());
  server.sends(failed);
  client.receives_all(failed);
  client.sends(bind("", "") + execute() + query("select 1") + parse("s", "select 1"));
  client.receives_nothing();
  client.sends(end_batch());
  server.take();
  server.sends(ready());
  client.receives_all(ready());
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
}

SCRIPT("a Query inside a failed batch is ignored like the rest") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "bad") + query("select 1") + end_batch());
  server.receives_all(parse("", "bad") + query("select 1") + end_batch());
  server.sends(failed + ready());
  client.receives_all(failed + ready());
  // The server is free again.
  Client& other = bench.login();
  other.sends(query("select 2"));
  server.receives_all(query("select 2"));
}

SCRIPT("the unnamed statement is gone after a Parse that failed") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "good") + end_batch());
  server.receives_all(parse("", "good") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(parse("", "bad") + end_batch());
  server.receives_all(parse("", "bad") + end_batch());
  server.sends(failed + ready());
  client.receives_all(failed + ready());
  client.sends(bind("", "") + end_batch());
  server.receives_all(bind("", "heim_none") + end_batch());
}

SCRIPT("the unnamed statement stays if the Parse was skipped") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "good") + end_batch());
  server.receives_all(parse("", "good") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  client.sends(bind("", "", "wrong") + parse("", "other") + end_batch());
  server.receives_all(bind("", "", "wrong") + parse("", "other") + end_batch());
  server.sends(failed + ready());
  client.receives_all(failed + ready());
  client.sends(bind("", "") + end_batch());
  server.receives_all(parse("", "good") + bind("", "") + end_batch());
}

SCRIPT("a failed batch does not undo what a later one has set meanwhile") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "bad") + end_batch() + parse("", "good") + end_batch());
  server.receives_all(parse("", "bad") + end_batch() + parse("", "good") + end_batch());
  server.sends(failed + ready() + parsed() + ready());
  client.receives_all(failed + ready() + parsed() + ready());
  client.sends(bind("", "") + execute() + end_batch());
  const std::string got = server.take();
  const bool again = got == parse("", "good") + bind("", "") + execute() + end_batch();
  CHECK((again || got == bind("", "") + execute() + end_batch()));
}

SCRIPT("a later batch does not use what a failed one never prepared") {
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("a", "select 1") + end_batch());
  server.receives_all(parse("heim_0", "select 1") + end_batch());
  server.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  Client& two = bench.login();
  two.sends(bind("", "none") + parse("b", "select 2") + end_batch() + parse("c", "select 2") +
            bind("", "c") + end_batch());
  server.receives_all(bind("", "heim_none") + parse("heim_1", "select 2") + end_batch() +
                      close('S', "heim_1") + parse("heim_2", "select 2") + bind("", "heim_2") +
                      end_batch());
  server.sends(no_name + ready() + closed() + parsed() + bound() + ready());
  two.receives_error("26000");
  two.receives_all(ready() + parsed() + bound() + ready());
}

SCRIPT("an eviction that was skipped is made up for") {
  bench.settings.proxy.max_prepared_statements = 1;
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(bind("", "none") + parse("t", "select 2") + end_batch());
  server.receives_all(bind("", "heim_none") + parse("heim_1", "select 2") + close('S', "heim_0") +
                      end_batch());
  server.sends(no_name + ready());
  client.receives_error("26000");
  client.receives_all(ready());
  // heim_0 is still there and nobody's: it is closed with the next batch, again if that fails
  // before.
  client.sends(bind("", "none") + end_batch());
  server.receives(close('S', "heim_0") + bind("", "heim_none") + end_batch());
  server.sends(closed() + no_name + ready());
  client.receives_error("26000");
  client.receives_all(ready());
  client.sends(bind("", "s") + end_batch());
  server.receives_all(parse("heim_2", "select 1") + bind("", "heim_2") + end_batch());
}

SCRIPT("a changed result type makes all older statements stale") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  const std::string changed = changed_error();
  server.sends(changed + ready());
  client.receives_all(changed + ready());
  CHECK_EQ(bench.shared().schema_epoch.load(), 1u);
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(close('S', "heim_0") + parse("heim_1", "select 1") + bind("", "heim_1") +
                      execute() + end_batch());
  server.sends(closed() + parsed() + bound() + done());
  client.receives_all(bound() + done());
}

// What a client sends that learns the columns with the rows.
std::string run_described() { return bind("", "s") + describe('P', "") + execute() + end_batch(); }

SCRIPT("a changed result type is hidden where nothing has happened yet") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(run_described());
  server.receives_all(bind("", "heim_0") + describe('P', "") + execute() + end_batch());
  server.sends(changed_error() + ready());
  server.receives_all(close('S', "heim_0") + parse("heim_1", "select 1") + bind("", "heim_1") +
                      describe('P', "") + execute() + end_batch());
  client.receives_nothing();
  // Once: what fails again is told.
  server.sends(closed() + parsed() + changed_error() + ready());
  client.receives_all(changed_error() + ready());
  client.sends(run_described());
  server.receives_all(close('S', "heim_1") + parse("heim_2", "select 1") + bind("", "heim_2") +
                      describe('P', "") + execute() + end_batch());
  server.sends(closed() + parsed() + bound() + row_description() + row("1") + done());
  client.receives_all(bound() + row_description() + row("1") + done());
}

SCRIPT("nothing overtakes a batch that is run again") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(run_described());
  server.take();
  server.sends(changed_error());
  client.sends(query("select 2"));
  server.receives_nothing();
  server.sends(ready());
  server.receives_all(close('S', "heim_0") + parse("heim_1", "select 1") + bind("", "heim_1") +
                      describe('P', "") + execute() + end_batch());
  const std::string rows = bound() + row_description() + row("1") + done();
  server.sends(closed() + parsed() + rows);
  client.receives_all(rows);
  server.receives_all(query("select 2"));
  server.sends(answer("2"));
  client.receives_all(answer("2"));
}

SCRIPT("a changed result type is told in a transaction, and where more was sent") {
  for (const bool block : {false, true}) {
    Bench each(bench.cut);
    Client& client = prepared(each);
    Server& server = each.last();
    const char status = block ? 'T' : 'I';
    if (block) {
      client.sends(query("begin"));
      server.take();
      server.sends(done("BEGIN", 'T'));
      client.receives_all(done("BEGIN", 'T'));
    }
    const std::string more = block ? std::string() : query("select 2");
    client.sends(run_described() + more);
    server.take();
    const std::string answers = changed_error() + ready(block ? 'E' : status);
    server.sends(answers);
    client.receives_all(answers);
    server.receives_nothing();
  }
}

SCRIPT("an error at Sync") {
  Client& client = prepared(bench);
  Server& server = bench.last();
  client.sends(bind("", "s") + execute() + end_batch());
  server.receives_all(bind("", "heim_0") + execute() + end_batch());
  const std::string deferred = error("23503", "deferred constraint");
  server.sends(bound() + complete("INSERT 0 1") + deferred + ready());
  client.receives_all(bound() + complete("INSERT 0 1") + deferred + ready());
  client.sends(query("select 1"));
  server.receives_all(query("select 1"));
}

SCRIPT("malformed extended messages end the session, and the batch before is cleaned up") {
  bench.settings.proxy.pool_size = 1;
  Client& client = bench.login();
  Server& server = bench.last();
  client.sends(parse("", "select 1") + message('D', "S"));
  server.receives(parse("", "select 1"));
  client.receives_error("08P01", "FATAL");
  client.is_closed();
  server.receives_all(end_batch());
  server.sends(parsed() + ready());
  Client& other = bench.login();
  other.sends(query("select 2"));
  server.receives_all(query("select 2"));
}
