// COPY in both protocols, and what a Sync means while one is open.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

const std::string copy_sql = "copy t from stdin";
const std::string failed = error("22P02", "bad input");

// The one server is free if another client gets it at once.
void check_free(Bench& bench, Server& server) {
  Client& other = bench.login();
  other.sends(query("select 'free'"));
  server.receives_all(query("select 'free'"));
  server.sends(answer("free"));
  other.receives_all(answer("free"));
  other.sends(terminate());
  other.is_closed();
}

struct Copying {
  explicit Copying(Bench& bench)
      : client((bench.settings.proxy.pool_size = 1, bench.login())), server(bench.last()) {}
  Client& client;
  Server& server;
  void begin_simple() {
    client.sends(query(copy_sql));
    server.receives_all(query(copy_sql));
    server.sends(copy_response('G'));
    client.receives_all(copy_response('G'));
  }
  // Parse, Bind, Execute and Sync at once, as libpq sends them.
  void begin_extended() {
    const std::string batch = parse("", copy_sql) + bind("", "") + execute() + end_batch();
    client.sends(batch);
    server.receives_all(batch);
    server.sends(parsed() + bound() + copy_response('G'));
    client.receives_all(parsed() + bound() + copy_response('G'));
  }
};

}  // namespace

SCRIPT("COPY FROM STDIN, simple") {
  Copying copy(bench);
  copy.begin_simple();
  copy.client.sends(copy_data("1\n") + copy_data("2\n") + copy_done());
  copy.server.receives_all(copy_data("1\n") + copy_data("2\n") + copy_done());
  copy.server.sends(done("COPY 2"));
  copy.client.receives_all(done("COPY 2"));
  check_free(bench, copy.server);
}

SCRIPT("CopyFail, simple") {
  Copying copy(bench);
  copy.begin_simple();
  copy.client.sends(copy_fail("no more"));
  copy.server.receives_all(copy_fail("no more"));
  copy.server.sends(failed + ready());
  copy.client.receives_all(failed + ready());
  check_free(bench, copy.server);
}

SCRIPT("an error in COPY FROM STDIN, simple: late data is ignored") {
  Copying copy(bench);
  copy.begin_simple();
  copy.client.sends(copy_data("x\n"));
  copy.server.receives_all(copy_data("x\n"));
  copy.server.sends(failed + ready());
  copy.client.receives_all(failed + ready());
  copy.client.sends(copy_data("y\n") + copy_done());
  copy.server.receives_nothing();
  check_free(bench, copy.server);
}

SCRIPT("COPY TO STDOUT") {
  Copying copy(bench);
  copy.client.sends(query("copy t to stdout"));
  copy.server.receives_all(query("copy t to stdout"));
  const std::string data =
      copy_response('H') + copy_data("1\n") + copy_data("2\n") + copy_done() + done("COPY 2");
  copy.server.sends(data);
  copy.client.receives_all(data);
  check_free(bench, copy.server);
  const std::string batch = parse("", "copy t to stdout") + bind("", "") + execute() + end_batch();
  copy.client.sends(batch);
  copy.server.receives_all(batch);
  copy.server.sends(parsed() + bound() + data);
  copy.client.receives_all(parsed() + bound() + data);
  check_free(bench, copy.server);
}

SCRIPT("an error in COPY TO STDOUT") {
  Copying copy(bench);
  copy.client.sends(query("copy t to stdout"));
  copy.server.receives_all(query("copy t to stdout"));
  const std::string data = copy_response('H') + copy_data("1\n") + failed + ready();
  copy.server.sends(data);
  copy.client.receives_all(data);
  check_free(bench, copy.server);
}

SCRIPT("COPY FROM STDIN, extended: the first Sync is swallowed") {
  Copying copy(bench);
  copy.begin_extended();
  copy.client.sends(copy_data("1\n") + copy_done() + end_batch());
  copy.server.receives_all(copy_data("1\n") + copy_done() + end_batch());
  copy.server.sends(done("COPY 1"));
  copy.client.receives_all(done("COPY 1"));
  check_free(bench, copy.server);
  // Twice on the same connection: nothing of the first is left.
  copy.begin_extended();
  copy.client.sends(copy_done() + end_batch());
  copy.server.receives_all(copy_done() + end_batch());
  copy.server.sends(done("COPY 0"));
  copy.client.receives_all(done("COPY 0"));
  check_free(bench, copy.server);
}

SCRIPT("COPY FROM STDIN, extended: Flush instead of Sync") {
  Copying copy(bench);
  copy.client.sends(parse("", copy_sql) + bind("", "") + execute() + flush());
  copy.server.take();
  copy.server.sends(parsed() + bound() + copy_response('G'));
  copy.client.receives_all(parsed() + bound() + copy_response('G'));
  copy.client.sends(copy_data("1\n") + copy_done() + end_batch());
  copy.server.receives_all(copy_data("1\n") + copy_done() + end_batch());
  copy.server.sends(done("COPY 1"));
  copy.client.receives_all(done("COPY 1"));
  check_free(bench, copy.server);
}

SCRIPT("COPY FROM STDIN, extended and sent blindly: the Sync after CopyDone counts") {
  Copying copy(bench);
  const std::string batch =
      parse("", copy_sql) + bind("", "") + execute() + copy_data("1\n") + copy_done() + end_batch();
  copy.client.sends(batch);
  copy.server.receives_all(batch);
  copy.server.sends(parsed() + bound() + copy_response('G') + done("COPY 1"));
  copy.client.receives_all(parsed() + bound() + copy_response('G') + done("COPY 1"));
  check_free(bench, copy.server);
}

SCRIPT("COPY FROM STDIN, extended, sent blindly after a Sync that is swallowed") {
  Copying copy(bench);
  const std::string batch = parse("", copy_sql) + bind("", "") + execute() + end_batch() +
                            copy_data("1\n") + copy_done() + end_batch();
  copy.client.sends(batch);
  copy.server.receives_all(batch);
  copy.server.sends(parsed() + bound() + copy_response('G') + done("COPY 1"));
  copy.client.receives_all(parsed() + bound() + copy_response('G') + done("COPY 1"));
  check_free(bench, copy.server);
}

SCRIPT("a Sync in the middle of a COPY is swallowed") {
  Copying copy(bench);
  copy.begin_simple();
  copy.client.sends(copy_data("1\n") + end_batch() + copy_data("2\n") + copy_done());
  copy.server.receives_all(copy_data("1\n") + end_batch() + copy_data("2\n") + copy_done());
  copy.server.sends(done("COPY 2"));
  copy.client.receives_all(done("COPY 2"));
  check_free(bench, copy.server);
}

SCRIPT("a failed COPY: one more answer tells whether the Sync among its data was read") {
  for (const bool extended : {false, true}) {
    for (const bool counted : {false, true}) {
      INFO("extended ", extended, ", counted ", counted);
      Bench each(bench.cut);
      Copying copy(each);
      extended ? copy.begin_extended() : copy.begin_simple();
      if (!extended) copy.client.sends(end_batch());
      copy.client.sends(copy_data("x\n"));
      copy.server.take();
      const std::string after = (extended ? std::string() : ready()) + (counted ? ready() : "");
      copy.server.sends(failed + after);
      copy.client.receives_all(failed + after);
      // All are counted, or none of what is asked now is an answer to a Sync.
      copy.client.sends(copy_fail("it failed") + (extended ? end_batch() : std::string()));
      std::string got = copy.server.take();
      if (extended) {
        if (!counted) copy.server.sends(ready());
        copy.client.receives_all(ready());
        got += copy.server.take();
      }
      // Unless all that may come came at once, one answer more is asked for.
      const bool asked = got.find("heim_none") != std::string::npos;
      CHECK((asked || counted));
      if (asked) copy.server.sends(closed() + ready());
      copy.client.receives_nothing();
      check_free(each, copy.server);
    }
  }
}

SCRIPT("after the end of a COPY a Sync counts, whatever was answered by then") {
  Copying copy(bench);
  copy.begin_extended();
  copy.client.sends(copy_data("1\n") + copy_done() + end_batch());
  copy.client.sends(parse("", "select 1") + bind("", "") + execute() + end_batch());
  copy.server.take();
  copy.server.sends(done("COPY 1") + parsed() + bound() + done());
  copy.client.receives_all(done("COPY 1") + parsed() + bound() + done());
  check_free(bench, copy.server);
}

SCRIPT("an error in an extended COPY after Flush is counted as usual") {
  Copying copy(bench);
  copy.client.sends(parse("", copy_sql) + bind("", "") + execute() + flush());
  copy.server.take();
  copy.server.sends(parsed() + bound() + copy_response('G') + failed);
  copy.client.receives_all(parsed() + bound() + copy_response('G') + failed);
  copy.client.sends(copy_data("x") + copy_done() + end_batch());
  copy.server.take();
  copy.server.sends(ready());
  copy.client.receives_all(ready());
  check_free(bench, copy.server);
}

SCRIPT("COPY BOTH passes in both directions") {
  Copying copy(bench);
  copy.client.sends(query("START_REPLICATION"));
  copy.server.receives_all(query("START_REPLICATION"));
  copy.server.sends(copy_response('W') + copy_data("w1"));
  copy.client.receives_all(copy_response('W') + copy_data("w1"));
  copy.client.sends(copy_data("r"));
  copy.server.receives_all(copy_data("r"));
  copy.server.sends(copy_data("w2") + copy_done());
  copy.client.receives_all(copy_data("w2") + copy_done());
  copy.client.sends(copy_done());
  copy.server.receives_all(copy_done());
  copy.server.sends(done("COPY 0"));
  copy.client.receives_all(done("COPY 0"));
  check_free(bench, copy.server);
}

// ---- the client leaves ------------------------------------------------------------

SCRIPT("the client leaves during COPY FROM STDIN, simple") {
  Copying copy(bench);
  copy.begin_simple();
  copy.client.sends(copy_data("1\n"));
  copy.client.leaves();
  copy.server.receives(copy_data("1\n"));
  copy.server.receives_all(copy_fail("the client left"));
  copy.server.sends(failed + ready());
  check_free(bench, copy.server);
}

SCRIPT("the client leaves before the server says it wants data") {
  Copying copy(bench);
  copy.client.sends(query(copy_sql));
  copy.server.receives_all(query(copy_sql));
  copy.client.leaves();
  copy.server.receives_nothing();
  copy.server.sends(copy_response('G'));
  copy.server.receives_all(copy_fail("the client left"));
  copy.server.sends(failed + ready());
  check_free(bench, copy.server);
}

SCRIPT("the client leaves during an extended COPY without Sync") {
  Copying copy(bench);
  copy.client.sends(parse("", copy_sql) + bind("", "") + execute() + flush());
  copy.server.take();
  copy.server.sends(parsed() + bound() + copy_response('G'));
  copy.client.receives_all(parsed() + bound() + copy_response('G'));
  copy.client.leaves();
  copy.server.receives_all(copy_fail("the client left") + end_batch());
  copy.server.sends(failed + ready());
  check_free(bench, copy.server);
}

SCRIPT("the client leaves during an extended COPY that has swallowed a Sync") {
  Copying copy(bench);
  copy.begin_extended();
  copy.client.leaves();
  copy.server.is_dismissed();
}

SCRIPT("the client leaves an extended COPY before the server says it wants data") {
  Copying copy(bench);
  copy.client.sends(parse("", copy_sql) + bind("", "") + execute() + end_batch());
  copy.server.take();
  copy.client.leaves();
  copy.server.receives_nothing();
  copy.server.sends(parsed() + bound() + copy_response('G'));
  copy.server.is_dismissed();
}

SCRIPT("the client leaves in the middle of a message") {
  Copying copy(bench);
  copy.begin_simple();
  const std::string data = copy_data(std::string(20000, 'x'));
  copy.client.sends(data.substr(0, 15000));
  copy.server.receives_all(data.substr(0, 15000));
  copy.client.leaves();
  copy.server.is_dismissed();
}
