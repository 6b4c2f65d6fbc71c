// Statements routed one by one.
#include "routing_script.hpp"

namespace heim::session::test {
namespace {

// A statement of the extended protocol, whole but for its Sync.
std::string statement(std::string_view sql) { return parse("", sql) + bind("", "") + execute(); }

const std::string begin_reading = query("begin read only");

}  // namespace

SCRIPT("routing: reads go to the standby, writes to the primary") {
  routed(bench);
  Pair pair(bench);
  pair.client->sends(query("select a from t"));
  Server& standby = pair.opens_standby();
  standby.receives_all(query("select a from t"));
  standby.sends(answer("1"));
  pair.client->receives_all(answer("1"));
  asks(*pair.client, *pair.primary, "insert into t values (1)", done("INSERT 0 1"));
  // Its position is not known yet; of the other table, nothing was written.
  asks(*pair.client, *pair.primary, "select a from t", answer("1"));
  asks(*pair.client, standby, "select a from other", answer("1"));
  samples(bench, 200, 150);
  asks(*pair.client, *pair.primary, "select a from t", answer("1"));
  bench.shared().nodes.state(1).replayed = 200;
  asks(*pair.client, standby, "select a from t", answer("1"));
}

SCRIPT("routing: what a standby cannot run now is run on the primary, and is shown once") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  const std::string batch = parse("s", "select a from t") + bind("", "s") + execute() + end_batch();
  pair.client->sends(batch);
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(parsed() + bound() + row("1"));
  pair.client->receives_all(parsed() + bound() + row("1"));
  standby.sends(error("40001", "canceling statement due to conflict with recovery") + ready());
  pair.primary->receives_all(parse("heim_0", "select a from t") + bind("", "heim_0") + execute() +
                             end_batch());
  pair.primary->sends(parsed() + bound() + row("1") + row("2") + done("SELECT 2"));
  pair.client->receives_all(row("2") + done("SELECT 2"));
  // The name is there, once.
  pair.client->sends(bind("", "s") + execute() + end_batch());
  standby.take();
  standby.sends(bound() + done());
  pair.client->receives_all(bound() + done());
}

SCRIPT("routing: a standby that is lost before it said what was set there ends the session") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench, config::PoolMode::automatic);
  Pair pair(bench);
  Server& standby =
      reads_in_block(pair, "select a from t", "begin isolation level repeatable read read only");
  asks(*pair.client, standby, "set work_mem to '1MB'", done("SET", 'T'));
  asks(*pair.client, standby, "commit", done("COMMIT"));
  standby.receives_all(ask_settings());
  pair.client->sends(query("select a from t"));
  standby.receives_all(query("select a from t"));
  standby.leaves("it crashed");
  pair.client->receives_error("08007", "FATAL");
  pair.client->is_closed();
}

SCRIPT("routing: a batch that closes and makes a name can be run again") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  pair.client->sends(parse("s", "select a from t") + bind("", "s") + execute() + end_batch());
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(parsed() + bound() + done());
  pair.client->receives_all(parsed() + bound() + done());
  pair.client->sends(query("begin read only"));
  pair.client->receives_all(done("BEGIN", 'T'));
  pair.client->sends(bind("", "s") + execute() + close('S', "s") + parse("s", "select b from t") +
                     bind("", "s") + execute() + end_batch());
  standby.take();
  standby.sends(done("BEGIN", 'T') + bound() + done("SELECT 0", 'T').substr(0, 14) + parsed() +
                bound() + error("40001", "canceling statement due to conflict with recovery") +
                ready('E'));
  // From the beginning, on the primary: `s` is what it was.
  pair.primary->receives_all(begin_reading + parse("heim_0", "select a from t") +
                             bind("", "heim_0") + execute() + parse("heim_1", "select b from t") +
                             bind("", "heim_1") + execute() + end_batch());
}

SCRIPT("routing: a hint of one statement is not that of the others in its batch") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench, 50);  // has not replayed what was there before
  const std::string any = "/*+ freshness=any */ select a from t";
  pair.client->sends(query(any));
  Server& standby = pair.opens_standby();
  standby.receives_all(query(any));
  standby.sends(answer("1"));
  pair.client->receives_all(answer("1"));
  const std::string plain = "select a from other";
  for (const bool first : {true, false}) {
    pair.client->sends(parse("", first ? any : plain) + bind("", "") + execute() +
                       parse("", first ? plain : any) + bind("", "") + execute() + end_batch());
    pair.primary->take();
    pair.primary->sends(parsed() + bound() + complete("SELECT 0") + parsed() + bound() + done());
    pair.client->take();
  }
  standby.receives_nothing();
}

SCRIPT("routing: a block that can be begun anew goes to the primary for what a standby cannot do") {
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select a from t");
  pair.client->sends(query("select nextval('s')"));
  standby.receives_all(query("ROLLBACK"));
  pair.primary->receives_all(begin_reading + query("select nextval('s')"));
  pair.primary->sends(done("BEGIN", 'T') + error("25006", "read-only transaction") + ready('E'));
  pair.client->receives_all(error("25006", "read-only transaction") + ready('E'));
  pair.client->sends(query("commit"));
  pair.primary->receives_all(query("commit"));
}

SCRIPT("routing: a block that failed on its standby has failed where it ends, too") {
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select a from t");
  asks(*pair.client, standby, "select wrong from t", error("42703", "no such column") + ready('E'));
  pair.client->sends(query("commit; insert into t values (1)"));
  standby.receives_all(query("ROLLBACK"));
  pair.primary->receives_all(begin_reading + query("ROLLBACK TO SAVEPOINT heim_failed") +
                             query("commit; insert into t values (1)"));
  pair.primary->sends(done("BEGIN", 'T') + error("3B001", "no such savepoint") + ready('E') +
                      complete("ROLLBACK") + done("INSERT 0 1"));
  pair.client->receives_all(complete("ROLLBACK") + done("INSERT 0 1"));
}

SCRIPT("routing: a held block that cannot have a server fails") {
  bench.settings.proxy.pool_size = 1;
  routed(bench);
  Pair pair(bench);
  Client& other = bench.login();
  other.sends(query("begin read only"));
  other.receives_all(done("BEGIN", 'T'));
  other.sends(query("select a from t"));
  Server& standby = pair.opens_standby();
  standby.take();
  pair.client->sends(query("begin read only"));
  pair.client->receives_all(done("BEGIN", 'T'));
  pair.client->sends(query("select a from t"));
  bench.passes(std::chrono::seconds(130));
  pair.client->receives_error("53300");
  pair.client->receives_all(ready('E'));
  pair.client->sends(query("commit"));
  pair.client->receives_all(done("ROLLBACK"));
}

SCRIPT("routing: in a block, what calls a function that reads has to be fresh as well") {
  bench.settings.routing.freshness_wait = std::chrono::milliseconds(500);
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "declare c cursor for select a from other");
  Client& other = bench.login();
  asks(other, *pair.primary, "insert into t values (1)", done("INSERT 0 1"));
  samples(bench, 200, 150);
  pair.client->sends(query("select total()"));
  standby.receives_nothing();
  bench.shared().nodes.state(1).replayed = 200;
  bench.passes(std::chrono::milliseconds(200));
  standby.receives_all(query("select total()"));
  standby.sends(answer("1", 'T'));
  pair.client->receives_all(answer("1", 'T'));
  asks(other, *pair.primary, "insert into t values (1)", done("INSERT 0 1"));
  pair.client->sends(query("select total()"));
  standby.receives_nothing();
  bench.passes(std::chrono::milliseconds(400));
  bench.passes(std::chrono::milliseconds(400));
  standby.take();  // what makes it fail
  standby.sends(error("26000", "no such statement") + ready('E'));
  pair.client->receives_error("40001");
  pair.client->receives_all(ready('E'));
}

SCRIPT("routing: the snapshot of a block is taken by its first statement") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  const std::string begin = "begin isolation level repeatable read, read only";
  pair.client->sends(parse("", begin) + bind("", "") + execute() + end_batch());
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(parsed() + bound() + done("BEGIN", 'T'));
  pair.client->receives_all(parsed() + bound() + done("BEGIN", 'T'));
  Client& other = bench.login();
  asks(other, *pair.primary, "insert into other values (1)", done("INSERT 0 1"));
  // A later read of `other` in the same block would not see it, whatever this one is content with.
  pair.client->sends(query("/*+ freshness=any */ select a from t"));
  standby.receives_all(query("ROLLBACK"));
  pair.primary->receives_all(query(begin) + query("/*+ freshness=any */ select a from t"));
}

SCRIPT("routing: a standby that refuses a login is passed over") {
  routed(bench);
  Pair pair(bench);
  pair.client->sends(query("select a from t"));
  Server& refusing = bench.dialed();
  refusing.accepts();
  refusing.take();
  refusing.sends(fatal("28000", "no pg_hba.conf entry"));
  refusing.leaves();
  pair.primary->receives_all(query("select a from t"));
  pair.primary->sends(answer("1"));
  pair.client->receives_all(answer("1"));
}

SCRIPT("routing: a block between two statements outlives its standby") {
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select count(*) from t");
  standby.leaves("it crashed");
  pair.client->is_open();
  bench.shared().nodes.state(1).condition = cluster::Condition::down;
  pair.client->sends(query("select a from t"));
  pair.primary->receives_all(begin_reading + query("select a from t"));
  pair.primary->sends(done("BEGIN", 'T') + answer("7", 'T'));
  pair.client->receives_all(answer("7", 'T'));
}

SCRIPT("routing: behind the end of a block on a standby, a batch goes on where it belongs") {
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select a from t");
  const std::string ending = statement("commit");
  const std::string writing = statement("insert into t values (1)");
  pair.client->sends(ending + writing + end_batch());
  standby.receives_all(ending + end_batch());
  pair.primary->receives_nothing();
  standby.sends(parsed() + bound() + done("COMMIT"));
  pair.client->receives_all(parsed() + bound() + complete("COMMIT"));
  pair.primary->receives_all(writing + end_batch());
  pair.primary->sends(parsed() + bound() + done("INSERT 0 1"));
  pair.client->receives_all(parsed() + bound() + done("INSERT 0 1"));
}

SCRIPT("routing: what follows the end of a block in a batch is skipped if that failed") {
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select a from t");
  const std::string failing = statement("select wrong from t");
  const std::string ending = statement("commit");
  const std::string writing = statement("insert into t values (1)");
  pair.client->sends(failing + ending + writing);
  standby.receives_all(failing + ending + end_batch());
  standby.sends(error("42703", "no such column") + ready('E'));
  pair.client->receives_all(error("42703", "no such column"));
  pair.client->sends(writing + end_batch());
  standby.receives_all(end_batch());
  standby.sends(ready('E'));
  pair.client->receives_all(ready('E'));
  asks(*pair.client, standby, "rollback", done("ROLLBACK"));
}

SCRIPT("routing: several transactions in one batch are for the primary") {
  routed(bench);
  Pair pair(bench);
  const std::string text = "begin read only; rollback; begin";
  pair.client->sends(query(text));
  pair.primary->receives_all(query(text));
  pair.primary->sends(complete("BEGIN") + complete("ROLLBACK") + done("BEGIN", 'T'));
  pair.client->take();
  pair.client->sends(query("insert into t values (1)"));
  pair.primary->receives_all(query("insert into t values (1)"));
}

SCRIPT("routing: a commit by a portal that was bound before the writes is a commit") {
  routed(bench);
  Pair pair(bench);
  // A ROLLBACK that had nothing to take back says nothing of the next transaction.
  asks(*pair.client, *pair.primary, "begin", done("BEGIN", 'T'));
  asks(*pair.client, *pair.primary, "rollback", done("ROLLBACK"));
  asks(*pair.client, *pair.primary, "begin", done("BEGIN", 'T'));
  pair.client->sends(parse("", "commit") + bind("late", "") + end_batch());
  pair.primary->take();
  pair.primary->sends(parsed() + bound() + ready('T'));
  pair.client->receives_all(parsed() + bound() + ready('T'));
  pair.client->sends(query("insert into t values (1)"));
  pair.primary->take();
  pair.primary->sends(done("INSERT 0 1", 'T'));
  pair.client->receives_all(done("INSERT 0 1", 'T'));
  pair.client->sends(execute("late") + end_batch());
  pair.primary->take();
  pair.primary->sends(done("COMMIT"));
  pair.client->receives_all(done("COMMIT"));
  pair.client->sends(query("select a from t"));
  pair.primary->receives_all(query("select a from t"));
}

SCRIPT("routing: more tables than a write set holds stand for all, also beside some in flight") {
  routed(bench);
  sql::Catalog catalog;
  std::string some, all;
  for (char last = 'a'; last <= 'q'; ++last) {  // 17
    const std::string table = std::string("w_") + last;
    catalog.add("T", table, "rp");
    all += "insert into " + table + " values (1);";
    if (last == 'p') some = all;
  }
  bench.knows_catalog(catalog);
  Pair pair(bench);
  pair.client->sends(query("select a from w_q"));
  Server& standby = pair.opens_standby();
  standby.receives_all(query("select a from w_q"));
  standby.sends(answer("1"));
  pair.client->receives_all(answer("1"));
  pair.client->sends(query(some) + query(all));
  pair.primary->receives_all(query(some) + query(all));
  pair.primary->sends(done("INSERT 0 1") + done("INSERT 0 1"));
  pair.client->receives_all(done("INSERT 0 1") + done("INSERT 0 1"));
  pair.client->sends(query("select a from w_q"));
  pair.primary->receives_all(query("select a from w_q"));
}

}  // namespace heim::session::test
