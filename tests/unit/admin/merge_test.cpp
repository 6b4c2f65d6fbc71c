#include "admin/merge.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace heim;
using namespace std::chrono_literals;
using session::Snapshot;

namespace {

session::PoolRow pool(const char* database, const char* user, const char* node, std::uint32_t count,
                      Duration wait) {
  session::PoolRow row;
  row.database = database;
  row.user = user;
  row.node = node;
  row.cl_active = row.cl_waiting = row.cl_active_cancel_req = row.cl_waiting_cancel_req = count;
  row.sv_active = row.sv_active_cancel = row.sv_being_canceled = row.sv_idle = count;
  row.sv_used = row.sv_tested = row.sv_login = count;
  row.maxwait = wait;
  row.pool_size = 20;
  return row;
}

}  // namespace

TEST_CASE("pools of one key are summed, others kept apart") {
  Snapshot whole, part;
  whole.pools = {pool("a", "u", "n1", 1, 5s), pool("a", "u", "n2", 1, 1s)};
  part.pools = {pool("a", "u", "n2", 2, 3s), pool("a", "v", "n1", 4, 0s),
                pool("au", "", "n1", 8, 0s)};
  admin::merge(whole, std::move(part));
  REQUIRE(whole.pools.size() == 4);
  CHECK(whole.pools[0].cl_active == 1);
  CHECK(whole.pools[0].maxwait == Duration(5s));
  const session::PoolRow& both = whole.pools[1];
  CHECK(both.node == "n2");
  for (const std::uint32_t sum :
       {both.cl_active, both.cl_waiting, both.cl_active_cancel_req, both.cl_waiting_cancel_req,
        both.sv_active, both.sv_active_cancel, both.sv_being_canceled, both.sv_idle, both.sv_used,
        both.sv_tested, both.sv_login}) {
    CHECK(sum == 3);
  }
  CHECK(both.maxwait == Duration(3s));
  CHECK(both.pool_size == 20);  // a limit of all workers together
  CHECK(whole.pools[2].user == "v");
  CHECK(whole.pools[3].database == "au");
}

TEST_CASE("stats, databases, users, lists and memory") {
  session::Counters one;
  for (const auto& field : session::counter_fields) one.*field.value = 1;
  Snapshot whole, part;
  whole.stats = {{"a", one, one}};
  part.stats = {{"a", one, {}}, {"b", one, one}};
  whole.databases.resize(1);
  whole.databases[0].name = "a";
  whole.databases[0].current_connections = 2;
  whole.databases[0].max_connections = 9;
  part.databases = whole.databases;
  part.databases[0].paused = true;
  whole.users.resize(1);
  whole.users[0].name = "u";
  whole.users[0].current_client_connections = 4;
  part.users = whole.users;
  whole.lists = {{"x", 1}};
  part.lists = {{"x", 2}, {"y", 3}};
  whole.memory = {{"client", 512, 1, 2, 1536}};
  part.memory = {{"client", 512, 3, 0, 1536}};
  admin::merge(whole, std::move(part));
  REQUIRE(whole.stats.size() == 2);
  for (const auto& field : session::counter_fields) {
    CAPTURE(field.name);
    CHECK(whole.stats[0].total.*field.value == 2);
    CHECK(whole.stats[0].period.*field.value == 1);
  }
  REQUIRE(whole.databases.size() == 1);
  CHECK(whole.databases[0].current_connections == 4);
  CHECK(whole.databases[0].max_connections == 9);
  CHECK(whole.databases[0].paused);
  CHECK(whole.users.at(0).current_client_connections == 8);
  REQUIRE(whole.lists.size() == 2);
  CHECK(whole.lists[0].items == 3);
  REQUIRE(whole.memory.size() == 1);
  CHECK(whole.memory[0].size == 512);
  CHECK(whole.memory[0].used == 4);
  CHECK(whole.memory[0].memtotal == 3072);
}

TEST_CASE("clients and servers are put one after the other; into an empty whole too") {
  Snapshot whole, first, second;
  first.clients.resize(2);
  first.version = "1.0";
  first.config.resize(3);
  first.now = Instant{} + 1s;
  first.state = session::EngineState::paused;
  second.clients.resize(1);
  second.servers.resize(4);
  second.config.resize(3);
  second.now = Instant{} + 2s;
  second.clients[0].id = 7;
  admin::merge(whole, std::move(first));
  admin::merge(whole, std::move(second));
  CHECK(whole.clients.size() == 3);
  CHECK(whole.clients[2].id == 7);
  CHECK(whole.servers.size() == 4);
  CHECK(whole.config.size() == 3);
  CHECK(whole.version == "1.0");
  CHECK(whole.now == Instant{} + 2s);
  CHECK(whole.state == session::EngineState::paused);
}

TEST_CASE("a meter's period is what the last full one added") {
  session::Meter meter;
  meter.total.query_count = 5;
  CHECK(meter.period.query_count == 0);
  meter.tick();
  CHECK(meter.period.query_count == 5);
  meter.total.query_count = 7;
  CHECK(meter.period.query_count == 5);
  meter.tick();
  CHECK(meter.period.query_count == 2);
  meter.tick();
  CHECK(meter.period.query_count == 0);
  CHECK(meter.total.query_count == 7);
}
