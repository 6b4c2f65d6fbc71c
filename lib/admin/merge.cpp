#include "admin/merge.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace heim::admin {
namespace {

using namespace session;

std::string key(const PoolRow& row) { return row.database + '\0' + row.user + '\0' + row.node; }
std::string key(const StatsRow& row) { return row.database; }
std::string key(const DatabaseRow& row) { return row.name; }
std::string key(const UserRow& row) { return row.name; }
std::string key(const PinRow& row) { return row.reason; }
std::string key(const RouteRow& row) { return row.node + '\0' + row.reason; }
std::string key(const ListRow& row) { return row.list; }
std::string key(const MemRow& row) { return row.name; }

void add(PoolRow& to, const PoolRow& from) {
  constexpr std::uint32_t PoolRow::*counts[] = {
      &PoolRow::cl_active, &PoolRow::cl_waiting,        &PoolRow::cl_active_cancel_req,
      &PoolRow::sv_active, &PoolRow::sv_active_cancel,  &PoolRow::cl_waiting_cancel_req,
      &PoolRow::sv_idle,   &PoolRow::sv_being_canceled, &PoolRow::sv_used,
      &PoolRow::sv_tested, &PoolRow::sv_login,
  };
  for (const auto count : counts) to.*count += from.*count;
  to.maxwait = std::max(to.maxwait, from.maxwait);
}

void add(StatsRow& to, const StatsRow& from) {
  to.total += from.total;
  to.period += from.period;
}

void add(DatabaseRow& to, const DatabaseRow& from) {
  to.current_connections += from.current_connections;
  to.current_client_connections += from.current_client_connections;
  to.paused = to.paused || from.paused;
  to.disabled = to.disabled || from.disabled;
}

void add(UserRow& to, const UserRow& from) {
  to.current_connections += from.current_connections;
  to.current_client_connections += from.current_client_connections;
}

void add(PinRow& to, const PinRow& from) {
  to.clients += from.clients;
  to.total += from.total;
}
void add(RouteRow& to, const RouteRow& from) { to.statements += from.statements; }
void add(ListRow& to, const ListRow& from) { to.items += from.items; }

void add(MemRow& to, const MemRow& from) {
  to.used += from.used;
  to.free += from.free;
  to.memtotal += from.memtotal;
}

/// Rows of one key become one, in the order in which the keys were first seen.
template <class T>
void fold(std::vector<T>& whole, std::vector<T>&& part) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < whole.size(); ++i) places.emplace(key(whole[i]), i);
  for (T& row : part) {
    const auto [place, is_new] = places.emplace(key(row), whole.size());
    if (is_new) {
      whole.push_back(std::move(row));
    } else {
      add(whole[place->second], row);
    }
  }
}

template <class T>
void append(std::vector<T>& whole, std::vector<T>&& part) {
  whole.insert(whole.end(), std::make_move_iterator(part.begin()),
               std::make_move_iterator(part.end()));
}

}  // namespace

void merge(Snapshot& whole, Snapshot&& part) {
  whole.now = std::max(whole.now, part.now);
  whole.wall_now = std::max(whole.wall_now, part.wall_now);
  if (whole.version.empty()) whole.version = std::move(part.version);
  if (whole.config.empty()) whole.config = std::move(part.config);
  whole.state = std::max(whole.state, part.state);
  fold(whole.pools, std::move(part.pools));
  fold(whole.stats, std::move(part.stats));
  fold(whole.databases, std::move(part.databases));
  fold(whole.users, std::move(part.users));
  fold(whole.pins, std::move(part.pins));
  fold(whole.routes, std::move(part.routes));
  if (whole.ledger.empty()) whole.ledger = std::move(part.ledger);
  if (whole.failover.empty()) whole.failover = std::move(part.failover);
  if (whole.cache.empty()) whole.cache = std::move(part.cache);
  if (whole.cache_queries.empty()) whole.cache_queries = std::move(part.cache_queries);
  if (whole.cache_tables.empty()) whole.cache_tables = std::move(part.cache_tables);
  fold(whole.lists, std::move(part.lists));
  fold(whole.memory, std::move(part.memory));
  append(whole.clients, std::move(part.clients));
  append(whole.servers, std::move(part.servers));
}

}  // namespace heim::admin
