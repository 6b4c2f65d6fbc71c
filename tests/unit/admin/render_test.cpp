// SHOW: PgBouncer's columns in PgBouncer's order, and the values under the right ones.
#include "admin/render.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "admin/fields.hpp"

using namespace heim;
using namespace heim::admin;
using namespace std::chrono_literals;

namespace {

Table show(const session::Snapshot& snapshot, Show what) {
  Command command;
  command.verb = Verb::show;
  command.show = what;
  Table table = render(snapshot, command);
  CHECK(table.columns == columns(command));
  for (const Row& row : table.rows) CHECK(row.size() == table.columns.size());
  return table;
}

std::string names(const Table& table) {
  std::string out;
  for (const Column& column : table.columns) out += (out.empty() ? "" : " ") + column.name;
  return out;
}

/// One row as name -> value, "NULL" for NULL.
std::map<std::string, std::string> row_of(const Table& table, std::size_t row) {
  std::map<std::string, std::string> out;
  REQUIRE(row < table.rows.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    out[table.columns[i].name] = table.rows[row][i].value_or("NULL");
  }
  return out;
}

session::Snapshot base() {
  session::Snapshot all;
  all.now = Instant{} + 1h;
  // 2026-11-21 00:45:24.5 UTC
  all.wall_now = std::chrono::sys_time<std::chrono::microseconds>(1795221924500000us);
  all.version = "1.2.3";
  return all;
}

constexpr const char* connection_columns =
    "type user database replication state addr port local_addr local_port connect_time "
    "request_time wait wait_us close_needed ptr link remote_pid tls application_name "
    "prepared_statements id";

}  // namespace

TEST_CASE("columns are PgBouncer's, ours appended") {
  struct Case {
    Show show;
    std::string columns;
  };
  const std::string connection = connection_columns;
  const std::string counts =
      "xact_count query_count server_assignment_count bytes_received bytes_sent xact_time "
      "query_time wait_time client_parse_count server_parse_count bind_count client_login_count";
  const Case cases[] = {
      {Show::pools,
       "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active "
       "sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us "
       "pool_mode load_balance_hosts node pool_size"},
      {Show::clients, connection + " worker send_backlog node route_reason pinned"},
      {Show::servers, connection + " worker send_backlog node xact_count"},
      {Show::sockets, connection + " recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail "
                                   "send_avail worker"},
      {Show::databases,
       "name host port database force_user pool_size min_pool_size reserve_pool_size "
       "server_lifetime pool_mode load_balance_hosts max_connections current_connections "
       "max_client_connections current_client_connections paused disabled route"},
      {Show::users,
       "name pool_size reserve_pool_size pool_mode max_user_connections current_connections "
       "max_user_client_connections current_client_connections"},
      {Show::stats,
       "database total_xact_count total_query_count total_server_assignment_count total_received "
       "total_sent total_xact_time total_query_time total_wait_time total_client_parse_count "
       "total_server_parse_count total_bind_count total_client_login_count avg_xact_count "
       "avg_query_count avg_server_assignment_count avg_recv avg_sent avg_xact_time "
       "avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count "
       "avg_client_login_count total_error_count avg_error_count"},
      {Show::stats_totals, "database " + counts + " error_count"},
      {Show::stats_averages, "database " + counts + " error_count"},
      {Show::totals, "name value"},
      {Show::lists, "list items"},
      {Show::config, "key value default changeable source"},
      {Show::mem, "name size used free memtotal"},
      {Show::version, "version"},
      {Show::state, "key value"},
      {Show::fds, "fd task user database addr port cancel link"},
      {Show::dns_hosts, "hostname ttl addrs"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.columns);
    CHECK(names(show({}, row.show)) == row.columns);
  }
}

TEST_CASE("a pool") {
  session::Snapshot all = base();
  all.pools.push_back({.database = "shop",
                       .user = "joe",
                       .cl_active = 1,
                       .cl_waiting = 2,
                       .cl_active_cancel_req = 3,
                       .cl_waiting_cancel_req = 4,
                       .sv_active = 5,
                       .sv_active_cancel = 6,
                       .sv_being_canceled = 7,
                       .sv_idle = 8,
                       .sv_used = 9,
                       .sv_tested = 10,
                       .sv_login = 11,
                       .maxwait = 2s + 345us,
                       .pool_mode = "transaction",
                       .load_balance_hosts = "",
                       .node = "db1:5432",
                       .pool_size = 20});
  const Table table = show(all, Show::pools);
  std::ostringstream text;
  for (const Cell& cell : table.rows.at(0)) text << cell.value_or("NULL") << ' ';
  CHECK(text.str() == "shop joe 1 2 3 4 5 6 7 8 9 10 11 2 345 transaction NULL db1:5432 20 ");
  CHECK(table.columns[2].type == Type::int4);
  CHECK(table.columns[0].type == Type::text);
}

TEST_CASE("clients and servers, and both as sockets") {
  session::Snapshot all = base();
  session::ClientRow client;
  client.user = "joe";
  client.state = "waiting";
  client.addr = "127.0.0.1";
  client.port = 40000;
  client.connect_time = all.now - 90s;
  client.request_time = all.now - 1s;
  client.wait = 1s + 5us;
  client.id = 258;
  client.link = 259;
  client.route_reason = "a write";
  client.send_backlog = 12;
  all.clients.push_back(client);
  session::ServerRow server;
  server.state = "idle";
  server.connect_time = all.now;
  server.id = 259;
  server.close_needed = true;
  server.remote_pid = 4711;
  server.node = "db1";
  server.xact_count = 3;
  all.servers.push_back(server);

  auto row = row_of(show(all, Show::clients), 0);
  CHECK(row["type"] == "C");
  CHECK(row["state"] == "waiting");
  CHECK(row["port"] == "40000");
  CHECK(row["connect_time"] == "2026-11-21 00:43:54 UTC");
  CHECK(row["request_time"] == "2026-11-21 00:45:23 UTC");
  CHECK(row["wait"] == "1");
  CHECK(row["wait_us"] == "5");
  CHECK(row["close_needed"] == "0");
  CHECK(row["ptr"] == "0x102");
  CHECK(row["link"] == "0x103");
  CHECK(row["id"] == "258");
  CHECK(row["replication"] == "none");
  CHECK(row["route_reason"] == "a write");

  row = row_of(show(all, Show::servers), 0);
  CHECK(row["type"] == "S");
  CHECK(row["link"] == "");
  CHECK(row["close_needed"] == "1");
  CHECK(row["remote_pid"] == "4711");
  CHECK(row["request_time"] == "2026-11-21 00:45:24 UTC");  // none yet: when it was made
  CHECK(row["xact_count"] == "3");

  const Table sockets = show(all, Show::sockets);
  REQUIRE(sockets.rows.size() == 2);
  CHECK(row_of(sockets, 0)["state"] == "cl_waiting");
  CHECK(row_of(sockets, 0)["send_remain"] == "12");
  CHECK(row_of(sockets, 1)["type"] == "S");
  CHECK(row_of(sockets, 1)["state"] == "sv_idle");
  CHECK(row_of(show(all, Show::fds), 1)["task"] == "server");
}

TEST_CASE("totals and averages") {
  session::Snapshot all = base();
  all.stats_period = 10s;
  session::Counters period;
  period.xact_count = 100;
  period.query_count = 200;
  period.server_assignment_count = 50;
  period.received = 5000;
  period.sent = 7000;
  period.xact_time = 1000;
  period.query_time = 1000;
  period.wait_time = 1000;
  session::Counters total = period;
  total += period;
  all.stats.push_back({"shop", total, period});
  all.stats.push_back({"idle", {}, {}});

  auto row = row_of(show(all, Show::stats), 0);
  CHECK(row["total_xact_count"] == "200");
  CHECK(row["total_received"] == "10000");
  CHECK(row["avg_xact_count"] == "10");
  CHECK(row["avg_query_count"] == "20");
  CHECK(row["avg_recv"] == "500");
  CHECK(row["avg_sent"] == "700");
  CHECK(row["avg_xact_time"] == "10");
  CHECK(row["avg_query_time"] == "5");
  CHECK(row["avg_wait_time"] == "20");
  row = row_of(show(all, Show::stats), 1);
  CHECK(row["avg_xact_time"] == "0");  // and no division by zero
  CHECK(row_of(show(all, Show::stats_totals), 0)["bytes_received"] == "10000");
  CHECK(row_of(show(all, Show::stats_averages), 0)["bytes_received"] == "500");
  all.stats_period = 0s;
  CHECK(row_of(show(all, Show::stats), 0)["avg_recv"] == "0");
}

TEST_CASE("TOTALS adds up all databases, one figure a row") {
  session::Snapshot all = base();
  session::Counters one;
  one.query_count = 3;
  all.stats = {{"a", one, one}, {"b", one, one}};
  all.stats_period = 1s;
  std::map<std::string, std::string> values;
  const Table totals = show(all, Show::totals);
  for (const Row& row : totals.rows) values[*row[0]] = *row[1];
  CHECK(values.size() == totals.rows.size());
  CHECK(values["total_query_count"] == "6");
  CHECK(values["avg_query_count"] == "6");
  CHECK(values.count("total_client_bytes") == 1);
  CHECK(values.count("avg_server_bytes") == 1);
}

TEST_CASE("LISTS counts rows and takes what the snapshot adds") {
  session::Snapshot all = base();
  all.clients.resize(3);
  all.clients[0].state = "login";
  all.servers.resize(2);
  all.databases.resize(1);
  all.lists = {{"free_clients", 9}, {"waiting_tickets", 4}};
  std::map<std::string, std::string> items;
  for (const Row& row : show(all, Show::lists).rows) items[*row[0]] = *row[1];
  CHECK(items["used_clients"] == "2");
  CHECK(items["login_clients"] == "1");
  CHECK(items["used_servers"] == "2");
  CHECK(items["databases"] == "1");
  CHECK(items["free_clients"] == "9");
  CHECK(items["waiting_tickets"] == "4");
  CHECK(items["dns_pending"] == "0");
}

TEST_CASE("databases, users, memory, config, version and state") {
  session::Snapshot all = base();
  session::DatabaseRow database;
  database.name = "shop";
  database.server_lifetime = 3600s;
  database.paused = true;
  database.route = "standby";
  all.databases.push_back(database);
  auto row = row_of(show(all, Show::databases), 0);
  CHECK(row["server_lifetime"] == "3600");
  CHECK(row["paused"] == "1");
  CHECK(row["disabled"] == "0");
  CHECK(row["force_user"] == "NULL");
  CHECK(row["pool_mode"] == "NULL");
  CHECK(row["route"] == "standby");

  session::UserRow user;
  user.name = "joe";
  user.pool_size = 5;
  all.users.push_back(user);
  row = row_of(show(all, Show::users), 0);
  CHECK(row["pool_size"] == "5");
  CHECK(row["reserve_pool_size"] == "NULL");

  all.memory.push_back({"client", 512, 3, 1, 2048});
  CHECK(row_of(show(all, Show::mem), 0)["memtotal"] == "2048");
  all.config.push_back({"pool_size", "30", "20", true, "heimproxy.toml:4"});
  all.config.push_back({"workers", "2", "0", false, "default"});
  row = row_of(show(all, Show::config), 0);
  CHECK(row["default"] == "20");
  CHECK(row["changeable"] == "yes");
  CHECK(row_of(show(all, Show::config), 1)["changeable"] == "no");
  CHECK(row_of(show(all, Show::version), 0)["version"] == "heimproxy 1.2.3");
  all.state = session::EngineState::paused;
  const Table state = show(all, Show::state);
  CHECK(*state.rows.at(0)[1] == "no");
  CHECK(*state.rows.at(1)[1] == "yes");
}

TEST_CASE("dates") {
  session::Snapshot all = base();
  CHECK(date(all.now, all) == "2026-11-21 00:45:24 UTC");
  CHECK(date(all.now - 500ms, all) == "2026-11-21 00:45:24 UTC");
  CHECK(date(all.now - 501ms, all) == "2026-11-21 00:45:23 UTC");
  CHECK(date(all.now - 24h * 325, all) == "2025-12-31 00:45:24 UTC");
}
