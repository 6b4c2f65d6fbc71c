// What a client was told of a statement's columns holds on every server, or the statement fails.
#include <doctest/doctest.h>

#include "bench.hpp"

using namespace heim;
using namespace heim::session::test;

namespace {

const std::string failed = error("42703", "no such column");

std::string run() { return bound() + done(); }

void begin(Client& client, Server& server) {
  client.sends(query("begin"));
  server.receives_all(query("begin"));
  server.sends(done("BEGIN", 'T'));
  client.receives_all(done("BEGIN", 'T'));
}

std::string has_columns(std::string_view column) {
  return no_parameters() + row_description(column);
}

// A client whose statement "s" has the column "a", on a server that another client keeps.
void prepares(Bench& bench, Client& client) {
  Server& first = bench.last();
  first.described.answer = has_columns("a");
  client.sends(parse("s", "select * from t") + end_batch());
  first.receives_all(parse("heim_0", "select * from t") + end_batch());
  first.sends(parsed() + ready());
  client.receives_all(parsed() + ready());
  begin(bench.login(), first);
}

// Such a client before a server that lacks the statement.
Server& moves(Bench& bench, Client& client, std::string_view column) {
  prepares(bench, client);
  client.sends(bind("", "s") + execute() + end_batch());
  bench.settle();
  Server& second = bench.server();
  second.described.answer = has_columns(column);
  second.receives_all(parse("heim_0", "select * from t") + end_batch());
  return second;
}

}  // namespace

SCRIPT("columns: a statement that has others elsewhere is not run") {
  Client& client = bench.login();
  Server& second = moves(bench, client, "b");
  second.sends(parsed() + ready());
  const std::string failing = second.take();  // the server is made to fail
  CHECK_EQ(failing.substr(failing.size() - end_batch().size()), end_batch());
  second.sends(failed + ready());
  CHECK_EQ(client.receives_error("0A000"), "cached plan must not change result type");
  client.receives_all(ready());
}

SCRIPT("columns: a statement that has the same elsewhere is run, once") {
  Client& client = bench.login();
  Server& second = moves(bench, client, "a");
  second.sends(parsed() + ready());
  second.receives_all(bind("", "heim_0") + execute() + end_batch());
  second.sends(run());
  client.receives_all(run());
  // They are known from then on.
  client.sends(bind("", "s") + execute() + end_batch());
  second.receives_all(bind("", "heim_0") + execute() + end_batch());
  second.sends(run());
  client.receives_all(run());
}

SCRIPT("columns: who describes the portal learns them") {
  bench.settings.proxy.pool_size = 2;
  Client& client = bench.login();
  prepares(bench, client);
  const std::string batch = bind("", "s") + describe('P', "") + execute() + end_batch();
  client.sends(batch);
  bench.settle();
  Server& second = bench.server();
  second.described.answer = has_columns("b");
  second.take();
  const std::string answer = bound() + row_description("b") + done();
  second.sends(parsed() + answer);
  client.receives_all(answer);
}

SCRIPT("columns: where it cannot be prepared any more, the batch says so") {
  Client& client = bench.login();
  Server& second = moves(bench, client, "a");
  second.sends(failed + ready());
  const std::string again = parse("heim_1", "select * from t") + bind("", "heim_1") + execute();
  second.receives_all(again + end_batch());
  second.sends(failed + ready());
  client.receives_all(failed + ready());
}

SCRIPT("columns: in a transaction, that takes nothing with it") {
  Client& client = bench.login();
  prepares(bench, client);
  client.sends(query("begin"));
  bench.settle();
  Server& second = bench.server();
  second.described.answer = has_columns("b");
  second.take();
  second.sends(done("BEGIN", 'T'));
  client.receives_all(done("BEGIN", 'T'));
  client.sends(bind("", "s") + execute() + end_batch());
  const auto runs = [](std::string_view sql) {
    const std::string away = close('P', "heim_mend") + close('S', "heim_mend");
    return away + parse("heim_mend", sql) + bind("heim_mend", "heim_mend") + execute("heim_mend") +
           away + end_batch();
  };
  second.receives_all(runs("SAVEPOINT heim_names") + parse("heim_0", "select * from t") +
                      end_batch() + runs("ROLLBACK TO heim_names") + runs("RELEASE heim_names"));
  const auto ran = [](std::string_view tag) {
    return closed() + closed() + parsed() + bound() + complete(tag) + closed() + closed() +
           ready('T');
  };
  second.sends(ran("SAVEPOINT") + parsed() + ready('T') + ran("ROLLBACK") + ran("RELEASE"));
  second.take();
  second.sends(failed + ready('E'));
  CHECK_EQ(client.receives_error("0A000"), "cached plan must not change result type");
  client.receives_all(ready('E'));
}
