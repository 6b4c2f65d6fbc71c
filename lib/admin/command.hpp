// What a person or a driver types into the console, understood.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "admin/table.hpp"
#include "base/result.hpp"

namespace heim::admin {

enum class Verb : std::uint8_t {
  // Answered by the console itself.
  empty,   // nothing was asked
  accept,  // SET of a session variable, RESET, DISCARD, SAVEPOINT ...: no effect here
  begin,
  commit,
  rollback,
  constant,  // SELECT 1, SHOW server_version: `result`
  help,
  set,  // a setting of the proxy: refused with advice
  // Needs a snapshot.
  show,
  // Done by the engine.
  pause,
  resume,
  reconnect,
  kill,
  wait_close,
  disable,
  enable,
  drain,
  maintenance,
  kill_client,
  invalidate,
  reload,
  shutdown,
};

enum class Show : std::uint8_t {
  config,
  databases,
  pools,
  clients,
  servers,
  sockets,
  stats,
  stats_totals,
  stats_averages,
  totals,
  lists,
  users,
  pins,
  nodes,
  replication,
  routes,
  ledger,
  failover,
  cache,
  cache_queries,
  cache_tables,
  route,  // FOR a statement: `name` may be its database, `sql` is it
  version,
  state,
  mem,
  fds,
  dns_hosts,
};

enum class Invalidate : std::uint8_t {
  all,
  database,  // `name`
  table,     // `table` of `name`; of all databases if that is empty
  like,      // those whose names are like the pattern in `table`, as before
  query,     // `sql`: a statement, or its fingerprint
};

enum class Shutdown : std::uint8_t { immediate, wait_for_servers, wait_for_clients };

struct Command {
  Verb verb = Verb::empty;
  Show show = Show::config;  // of Verb::show
  std::string name;          // a database, empty for all; a node; a setting's name
  bool is_node = false;      // the name was said to be a node's
  std::uint64_t id = 0;      // of Verb::kill_client
  Shutdown shutdown = Shutdown::immediate;
  Invalidate invalidate = Invalidate::all;
  std::string table;
  std::string sql;  // of Show::route, of Invalidate::query
  Table result;     // of Verb::constant
  std::string tag;  // of its CommandComplete

  /// Whether it changes anything: for administrators only.
  bool acts() const { return verb >= Verb::pause || verb == Verb::set; }
};

/// Who asks, for what a SELECT can tell.
struct Identity {
  std::string version;  // of the proxy: "0.1.0"
  std::string user;
  std::string database;   // the name of the console: heimproxy or pgbouncer
  std::uint32_t pid = 0;  // as sent in BackendKeyData
  bool admin = false;     // may do more than SHOW
};

/// Reads one statement (see statements() in tokens.hpp). Errors: 42601 with a hint that lists the
/// commands, 0A000 for what PostgreSQL can and the console cannot.
Result<Command> parse_command(std::string_view sql, const Identity& identity);

/// What the console says its server_version is. It begins like a version of PostgreSQL, because
/// drivers choose their ways by it.
std::string server_version(const Identity& identity);
/// The value of a run-time parameter a driver may SHOW or be told at login; none if unknown.
Cell parameter(std::string_view name, const Identity& identity);

/// The lines of SHOW HELP.
std::string_view help_text();

}  // namespace heim::admin
