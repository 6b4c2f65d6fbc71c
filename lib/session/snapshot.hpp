// What the engine looks like at one instant, as plain rows: what the SHOW console and the metrics
// are made of.
//
// A worker fills one Snapshot about its own sessions on its own thread and hands it over by value;
// whoever asked merges the parts (admin/merge.hpp) and renders them. Nothing here points into live
// objects. The fields are PgBouncer's columns under PgBouncer's names; what is ours alone stands
// last in each row.
#pragma once
#include <chrono>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace heim::session {

/// What is counted per database since the start. Times are sums in microseconds, sizes are bytes.
struct Counters {
  std::uint64_t xact_count = 0;
  std::uint64_t query_count = 0;
  std::uint64_t server_assignment_count = 0;
  std::uint64_t received = 0;  // from clients and servers
  std::uint64_t sent = 0;      // to clients and servers
  std::uint64_t xact_time = 0;
  std::uint64_t query_time = 0;
  std::uint64_t wait_time = 0;
  std::uint64_t client_parse_count = 0;
  std::uint64_t server_parse_count = 0;
  std::uint64_t bind_count = 0;
  std::uint64_t client_login_count = 0;
  std::uint64_t error_count = 0;  // ErrorResponses, the server's and ours

  Counters& operator+=(const Counters& other);
  Counters& operator-=(const Counters& other);
};

/// Counters that also know what the last full stats period added. One thread.
struct Meter {
  Counters total;
  Counters mark;    // `total` when the running period began
  Counters period;  // what the last full period added

  /// A period is over.
  void tick() {
    period = total;
    period -= mark;
    mark = total;
  }
};

/// SHOW STATS and its kin. Merged by database.
struct StatsRow {
  std::string database;
  Counters total;
  Counters period;
};

/// SHOW POOLS. Merged by (database, user, node): counts add up, the longest wait wins.
struct PoolRow {
  std::string database;
  std::string user;
  std::uint32_t cl_active = 0;
  std::uint32_t cl_waiting = 0;
  std::uint32_t cl_active_cancel_req = 0;
  std::uint32_t cl_waiting_cancel_req = 0;
  std::uint32_t sv_active = 0;
  std::uint32_t sv_active_cancel = 0;
  std::uint32_t sv_being_canceled = 0;
  std::uint32_t sv_idle = 0;
  std::uint32_t sv_used = 0;
  std::uint32_t sv_tested = 0;
  std::uint32_t sv_login = 0;
  Duration maxwait{};  // of the client that waits longest
  std::string pool_mode;
  std::string load_balance_hosts;
  // ours
  std::string node;
  std::uint32_t pool_size = 0;  // the limit, over all workers
};

/// What clients and servers have in common.
struct ConnectionRow {
  std::string user;
  std::string database;
  std::string replication = "none";  // or logical, physical
  /// Of a client: active, idle, waiting, login. Of a server: active, idle, used, tested, new.
  std::string state;
  std::string addr;
  std::uint16_t port = 0;
  std::string local_addr;
  std::uint16_t local_port = 0;
  Instant connect_time{};
  Instant request_time{};  // of the last request; the epoch if there was none
  Duration wait{};         // clients in state waiting
  bool close_needed = false;
  /// Unique over all workers, clients and servers alike; what KILL_CLIENT takes.
  std::uint64_t id = 0;
  std::uint64_t link = 0;  // id of the partner, 0 if none
  std::uint32_t remote_pid = 0;
  std::string tls;  // "TLSv1.3/TLS_AES_256_GCM_SHA384", empty without
  std::string application_name;
  std::uint32_t prepared_statements = 0;
  // ours
  std::uint32_t worker = 0;
  std::uint64_t send_backlog = 0;  // bytes taken and not yet accepted by the kernel
};

/// SHOW CLIENTS
struct ClientRow : ConnectionRow {
  std::string node;          // of the server it has or last had
  std::string route_reason;  // why there
  std::string pinned;        // why it keeps its server between transactions; empty if it does not
};

/// SHOW SERVERS
struct ServerRow : ConnectionRow {
  std::string node;
  std::uint64_t xact_count = 0;  // transactions it has served
};

/// SHOW DATABASES. Merged by name: the current_* add up, the rest is the same on every worker.
struct DatabaseRow {
  std::string name;
  std::string host;
  std::uint16_t port = 0;
  std::string database;
  std::string force_user;  // empty: the client's
  std::uint32_t pool_size = 0;
  std::uint32_t min_pool_size = 0;
  std::uint32_t reserve_pool_size = 0;
  std::chrono::seconds server_lifetime{};
  std::string pool_mode;  // empty: the default
  std::string load_balance_hosts;
  std::uint32_t max_connections = 0;
  std::uint32_t current_connections = 0;
  std::uint32_t max_client_connections = 0;
  std::uint32_t current_client_connections = 0;
  bool paused = false;
  bool disabled = false;
  // ours
  std::string route;  // primary or standby
};

/// SHOW USERS. Merged by name, like databases.
struct UserRow {
  std::string name;
  std::optional<std::uint32_t> pool_size;
  std::optional<std::uint32_t> reserve_pool_size;
  std::string pool_mode;  // empty: the default
  std::uint32_t max_user_connections = 0;
  std::uint32_t current_connections = 0;
  std::uint32_t max_user_client_connections = 0;
  std::uint32_t current_client_connections = 0;
};

/// SHOW PINS: why clients of mode auto keep their servers between transactions. Merged by reason.
struct PinRow {
  std::string reason;
  std::uint64_t clients = 0;  // now
  std::uint64_t total = 0;    // how often one came to have it
  std::string meaning;
};

/// SHOW NODES. The control plane's own, not merged; what is not known is not set.
struct NodeRow {
  std::string name;
  std::string host;
  std::uint16_t port = 0;
  std::string role;
  std::string condition;
  std::string reason;  // of the condition
  Instant since{};     // it has it
  std::string given;   // the role in the configuration, or discovered
  std::string breaker;
  std::uint32_t failure_percent = 0;
  std::optional<std::uint64_t> timeline, system_identifier;
  std::string lsn;  // written or, of a standby, replayed
  std::string received_lsn;
  std::optional<std::uint64_t> lag_bytes, lag_us, latency_us;
  std::uint32_t share = 0;  // thousandths
  std::uint32_t weight = 0;
  std::string zone;
  std::uint64_t probes = 0, failures = 0;
};

/// SHOW REPLICATION: pg_stat_replication of the primary.
struct ReplicationRow {
  std::string node;
  std::string application_name, client_addr, state, sync_state;
  std::string sent_lsn, write_lsn, flush_lsn, replay_lsn;
  std::optional<std::uint64_t> write_lag_us, flush_lag_us, replay_lag_us;
};

/// SHOW ROUTES: how many batches of statements went to which node, and why. Merged by both.
struct RouteRow {
  std::string node;
  std::string reason;
  std::uint64_t statements = 0;
};

/// SHOW LEDGER: what is known of the last writes of tables. Shared by all workers.
struct LedgerRow {
  std::string database;
  std::string table;  // "*": what nobody knows more of
  std::uint64_t version = 0;
  std::uint32_t in_flight = 0;
  std::string lsn;  // what a standby must have replayed; empty: not known yet
  std::optional<std::uint64_t> written_ago_ms;
  std::string temperature;
};

/// SHOW CACHE QUERIES: statements whose answers are kept, or could be. Shared by all workers.
struct CacheQueryRow {
  std::string fingerprint;
  std::uint64_t hits = 0, misses = 0, fills = 0, invalidated = 0, unused = 0;
  std::uint64_t mean_bytes = 0, mean_us = 0, saved_us = 0;
  bool left_out = false;
  std::string reason;
};

/// SHOW CACHE TABLES: what the statements that read a table did to the cache, added up; one that
/// reads two counts for both. Shared by all workers.
struct CacheTableRow {
  std::string table;
  std::uint64_t queries = 0, hits = 0, misses = 0, fills = 0, invalidated = 0, saved_us = 0;
};

/// SHOW ROUTE FOR, SHOW CACHE, SHOW FAILOVER. The last two are the same for all workers.
struct ExplainRow {
  std::string what;
  std::string value;
};

/// SHOW LISTS. Merged by adding the items of one name. What can be counted from the other rows
/// (databases, users, pools, clients, servers) is counted there and need not be filled in.
struct ListRow {
  std::string list;
  std::uint64_t items = 0;
};

/// SHOW MEM. Merged by adding up one name.
struct MemRow {
  std::string name;
  std::uint64_t size = 0;  // bytes of one
  std::uint64_t used = 0;  // how many are in use
  std::uint64_t free = 0;  // how many are kept for reuse
  std::uint64_t memtotal = 0;
};

/// SHOW CONFIG
struct ConfigRow {
  std::string key;
  std::string value;
  std::string default_value;
  bool changeable = true;  // by editing the file and RELOAD
  // ours
  std::string source;  // "default", "heimproxy.toml:12", ...
};

enum class EngineState : std::uint8_t { active, paused, suspended };

struct Snapshot {
  /// When it was taken, on both clocks: rows carry Instants, people read the date.
  Instant now{};
  std::chrono::sys_time<std::chrono::microseconds> wall_now{};
  Duration stats_period = std::chrono::seconds(60);
  std::string version;  // "0.1.0"
  EngineState state = EngineState::active;
  std::vector<PoolRow> pools;
  std::vector<ClientRow> clients;
  std::vector<ServerRow> servers;
  std::vector<StatsRow> stats;
  std::vector<DatabaseRow> databases;
  std::vector<UserRow> users;
  std::vector<PinRow> pins;
  std::vector<RouteRow> routes;
  std::vector<LedgerRow> ledger;
  std::vector<ExplainRow> failover;
  std::vector<ExplainRow> explained;
  std::vector<ExplainRow> cache;
  std::vector<CacheQueryRow> cache_queries;
  std::vector<CacheTableRow> cache_tables;
  std::vector<NodeRow> nodes;
  std::vector<ReplicationRow> replication;
  std::vector<ListRow> lists;
  std::vector<MemRow> memory;
  std::vector<ConfigRow> config;
};

/// The columns of Counters, for whoever adds, subtracts or prints all of them.
struct CounterField {
  const char* name;
  std::uint64_t Counters::*value;
};
inline constexpr CounterField counter_fields[] = {
    {"xact_count", &Counters::xact_count},
    {"query_count", &Counters::query_count},
    {"server_assignment_count", &Counters::server_assignment_count},
    {"received", &Counters::received},
    {"sent", &Counters::sent},
    {"xact_time", &Counters::xact_time},
    {"query_time", &Counters::query_time},
    {"wait_time", &Counters::wait_time},
    {"client_parse_count", &Counters::client_parse_count},
    {"server_parse_count", &Counters::server_parse_count},
    {"bind_count", &Counters::bind_count},
    {"client_login_count", &Counters::client_login_count},
    {"error_count", &Counters::error_count},
};
static_assert(sizeof(Counters) == std::size(counter_fields) * sizeof(std::uint64_t),
              "a counter is missing from counter_fields");

inline Counters& Counters::operator+=(const Counters& other) {
  for (const CounterField& field : counter_fields) this->*field.value += other.*field.value;
  return *this;
}
inline Counters& Counters::operator-=(const Counters& other) {
  for (const CounterField& field : counter_fields) this->*field.value -= other.*field.value;
  return *this;
}

}  // namespace heim::session
