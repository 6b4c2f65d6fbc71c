// An answer that was begun by a server, and is given by another.
#include "routing_script.hpp"

namespace heim::session::test {
namespace {

void crashes(Pair& pair, Server& standby) {
  standby.leaves("it crashed");
  pair.bench.shared().nodes.state(1).condition = cluster::Condition::down;
}

// A read of which the standby shows one row, and no more: the primary is asked.
void shows_a_row_and_crashes(Pair& pair, const std::string& read) {
  pair.client->sends(read);
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(row("1"));
  pair.client->receives_all(row("1"));
  crashes(pair, standby);
  pair.primary->receives_all(read);
}

}  // namespace

SCRIPT("routing: an answer that does not begin as it was shown is 40001") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  bench.settings.proxy.pool_size = 1;
  Pair pair(bench);
  Client& other = bench.login();
  shows_a_row_and_crashes(pair, query("select a from t"));
  other.sends(query("insert into t values (1)"));  // waits for that server
  pair.primary->sends(row("2") + row("3"));
  pair.client->receives_error("40001");
  pair.client->receives_nothing();
  other.receives_nothing();
  pair.primary->sends(row("4").substr(0, 8));
  pair.client->receives_nothing();
  pair.primary->sends(row("4").substr(8) + done("SELECT 3"));
  pair.client->receives_all(ready());
  pair.primary->receives_all(query("insert into t values (1)"));
  pair.primary->sends(done("INSERT 0 1"));
  other.receives_all(done("INSERT 0 1"));
  asks(*pair.client, *pair.primary, "select a from t", answer("1"));
}

SCRIPT("routing: an error instead of what was shown is told") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  shows_a_row_and_crashes(pair, query("select a from t"));
  pair.primary->sends(error("57014", "canceling statement") + ready());
  pair.client->receives_error("57014");
  pair.client->receives_all(ready());
}

SCRIPT("routing: who was told 40001, and whose server is lost then, is told of that, too") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  shows_a_row_and_crashes(pair, query("select a from t"));
  pair.primary->sends(row("2"));
  pair.client->receives_error("40001");
  pair.primary->leaves("it crashed");
  pair.client->receives_error("08007");
  pair.client->receives_all(ready());
}

SCRIPT("routing: in a block, an answer that does not begin as it was shown ends the session") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  Server& standby = reads_in_block(pair, "select a from t");
  pair.client->sends(query("select b from t"));
  standby.take();
  standby.sends(row("1"));
  pair.client->receives_all(row("1"));
  crashes(pair, standby);
  pair.primary->receives_all(query("begin read only") + query("select b from t"));
  pair.primary->sends(done("BEGIN", 'T') + row("2") + done("SELECT 1", 'T'));
  pair.client->receives_error("40001", "FATAL");
  pair.client->is_closed();
}

SCRIPT("routing: so it does where the batch gives names: some would have to be taken back") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  pair.client->sends(parse("s", "select a from t") + bind("", "s") + execute() +
                     parse("z", "select b from t") + bind("", "z") + execute() + end_batch());
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(parsed() + bound() + row("1"));
  pair.client->receives_all(parsed() + bound() + row("1"));
  crashes(pair, standby);
  pair.primary->take();
  pair.primary->sends(parsed() + bound() + row("2") + complete("SELECT 1") + parsed() + bound() +
                      done());
  pair.client->receives_error("40001", "FATAL");
  pair.client->is_closed();
}

SCRIPT("routing: what was shown of a read that no server finished is no part of the next answer") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  shows_a_row_and_crashes(pair, query("select a from t"));
  pair.primary->leaves("it crashed");
  pair.client->receives_error("08007");
  pair.client->receives_all(ready());
  pair.client->sends(query("select b from t"));
  bench.passes(std::chrono::milliseconds(1100));
  Server& next = bench.server();
  next.receives_all(query("select b from t"));
  next.sends(answer("2"));
  pair.client->receives_all(answer("2"));
}

SCRIPT("routing: the last word of a server that is made to end is no part of its answer") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  pair.client->sends(query("select a from t"));
  Server& standby = pair.opens_standby();
  standby.take();
  std::string warning;
  wire::Writer(warning, 'N')
      .string("SWARNING")
      .string("C57P02")
      .string("Mterminating connection because of crash of another server process")
      .string("Rquickdie")
      .u8(0);
  standby.sends(warning);
  pair.client->receives_nothing();
  crashes(pair, standby);
  pair.primary->receives_all(query("select a from t"));
  pair.primary->sends(row("1") + done("SELECT 1"));
  pair.client->receives_all(row("1") + done("SELECT 1"));
}

SCRIPT("routing: within a message that was begun there is no room for an error") {
  if (bench.cut == Cut::bytes) return;  // what comes in parts is for the primary
  routed(bench);
  Pair pair(bench);
  pair.client->sends(query("select a from t"));
  Server& standby = pair.opens_standby();
  standby.take();
  standby.sends(row("1").substr(0, 8));
  pair.client->receives_all(row("1").substr(0, 8));
  crashes(pair, standby);
  pair.primary->receives_all(query("select a from t"));
  pair.primary->sends(error("57014", "canceling statement") + ready());
  pair.client->is_closed();
}

}  // namespace heim::session::test
