#include "admin/render.hpp"

#include <algorithm>
#include <iterator>

#include "admin/fields.hpp"
#include "admin/stats.hpp"

namespace heim::admin {
namespace {

using namespace session;

template <class T, class Rows>
Table table_of(std::span<const Field<T>> fields, const Rows& rows, const Snapshot& snapshot) {
  Table table;
  for (const Field<T>& field : fields) {
    table.columns.push_back({std::string(field.name), field.type});
  }
  table.rows.reserve(rows.size());
  for (const auto& row : rows) {
    Row cells;
    cells.reserve(fields.size());
    for (const Field<T>& field : fields) cells.push_back(field.get(row, snapshot));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

Table render_config(const Snapshot& all) { return table_of(config_fields(), all.config, all); }
Table render_databases(const Snapshot& all) {
  return table_of(database_fields(), all.databases, all);
}
Table render_pools(const Snapshot& all) { return table_of(pool_fields(), all.pools, all); }
Table render_clients(const Snapshot& all) { return table_of(client_fields(), all.clients, all); }
Table render_servers(const Snapshot& all) { return table_of(server_fields(), all.servers, all); }
Table render_users(const Snapshot& all) { return table_of(user_fields(), all.users, all); }
Table render_pins(const Snapshot& all) { return table_of(pin_fields(), all.pins, all); }
Table render_nodes(const Snapshot& all) { return table_of(node_fields(), all.nodes, all); }
Table render_replication(const Snapshot& all) {
  return table_of(replication_fields(), all.replication, all);
}
Table render_routes(const Snapshot& all) { return table_of(route_fields(), all.routes, all); }
Table render_ledger(const Snapshot& all) { return table_of(ledger_fields(), all.ledger, all); }
Table render_failover(const Snapshot& all) { return table_of(explain_fields(), all.failover, all); }
Table render_explained(const Snapshot& all) {
  return table_of(explain_fields(), all.explained, all);
}
Table render_cache(const Snapshot& all) { return table_of(explain_fields(), all.cache, all); }
Table render_cache_queries(const Snapshot& all) {
  return table_of(cache_query_fields(), all.cache_queries, all);
}
Table render_cache_tables(const Snapshot& all) {
  return table_of(cache_table_fields(), all.cache_tables, all);
}
Table render_memory(const Snapshot& all) { return table_of(memory_fields(), all.memory, all); }

/// Clients, then servers, through the fields both have.
Table connections(std::span<const Field<ConnectionRow>> fields, const Snapshot& all) {
  Table table = table_of(fields, all.clients, all);
  Table more = table_of(fields, all.servers, all);
  std::ranges::move(more.rows, std::back_inserter(table.rows));
  return table;
}

Table render_sockets(const Snapshot& all) {
  constexpr std::size_t type = 0, state = 4;
  Table table = connections(socket_fields(), all);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const bool client = i < all.clients.size();
    table.rows[i][type] = client ? "C" : "S";
    table.rows[i][state] = (client ? "cl_" : "sv_") + *table.rows[i][state];
  }
  return table;
}

Table render_fds(const Snapshot& all) {
  constexpr std::size_t task = 1;
  Table table = connections(fd_fields(), all);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    table.rows[i][task] = i < all.clients.size() ? "client" : "server";
  }
  return table;
}

/// What the rows themselves tell, then what the snapshot adds.
Table render_lists(const Snapshot& all) {
  const auto logging_in =
      static_cast<std::uint64_t>(std::ranges::count(all.clients, "login", &ClientRow::state));
  std::vector<ListRow> rows = {
      {"databases", all.databases.size()},
      {"users", all.users.size()},
      {"peers", 0},
      {"pools", all.pools.size()},
      {"peer_pools", 0},
      {"free_clients", 0},
      {"used_clients", all.clients.size() - logging_in},
      {"login_clients", logging_in},
      {"free_servers", 0},
      {"used_servers", all.servers.size()},
      {"dns_names", 0},
      {"dns_zones", 0},
      {"dns_queries", 0},
      {"dns_pending", 0},
  };
  for (const ListRow& row : all.lists) {
    const auto found = std::ranges::find(rows, row.list, &ListRow::list);
    found == rows.end() ? rows.push_back(row) : void(found->items = row.items);
  }
  return table_of(list_fields(), rows, all);
}

Table render_version(const Snapshot& all) {
  return {{{"version", Type::text}}, {{"heimproxy " + all.version}}};
}

Table render_state(const Snapshot& all) {
  Table table{{{"key", Type::text}, {"value", Type::text}}, {}};
  constexpr std::string_view names[] = {"active", "paused", "suspended"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    const bool is = static_cast<std::size_t>(all.state) == i;
    table.rows.push_back({std::string(names[i]), std::string(is ? "yes" : "no")});
  }
  return table;
}

/// The engine asks the resolver each time it connects: there is nothing to list.
Table render_dns_hosts(const Snapshot&) {
  return {{{"hostname", Type::text}, {"ttl", Type::int8}, {"addrs", Type::text}}, {}};
}

struct View {
  Show show;
  Table (*render)(const Snapshot&);
};
constexpr View views[] = {
    {Show::config, render_config},
    {Show::databases, render_databases},
    {Show::pools, render_pools},
    {Show::clients, render_clients},
    {Show::servers, render_servers},
    {Show::sockets, render_sockets},
    {Show::stats, render_stats},
    {Show::stats_totals, render_stats_totals},
    {Show::stats_averages, render_stats_averages},
    {Show::totals, render_totals},
    {Show::lists, render_lists},
    {Show::users, render_users},
    {Show::pins, render_pins},
    {Show::nodes, render_nodes},
    {Show::replication, render_replication},
    {Show::routes, render_routes},
    {Show::ledger, render_ledger},
    {Show::failover, render_failover},
    {Show::cache, render_cache},
    {Show::cache_queries, render_cache_queries},
    {Show::cache_tables, render_cache_tables},
    {Show::route, render_explained},
    {Show::version, render_version},
    {Show::state, render_state},
    {Show::mem, render_memory},
    {Show::fds, render_fds},
    {Show::dns_hosts, render_dns_hosts},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(views); ++i) {
    if (static_cast<std::size_t>(views[i].show) != i) return false;
  }
  return std::size(views) == static_cast<std::size_t>(Show::dns_hosts) + 1;
}
static_assert(in_order(), "views[] is indexed by Show");

}  // namespace

Table render(const Snapshot& snapshot, const Command& command) {
  if (command.verb == Verb::constant) return command.result;
  if (command.verb != Verb::show) return {};
  return views[static_cast<std::size_t>(command.show)].render(snapshot);
}

std::vector<Column> columns(const Command& command) { return render({}, command).columns; }

}  // namespace heim::admin
