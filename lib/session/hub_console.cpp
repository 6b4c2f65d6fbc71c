// What the console asks of a worker: commands and the rows of SHOW.
#include <algorithm>
#include <charconv>

#include "session/hub.hpp"

namespace heim::session {
namespace {

bool chosen(const Pool& pool, const std::string& database) {
  return database.empty() || pool.database == database;
}

std::string_view mode_text(config::PoolMode mode) {
  switch (mode) {
    case config::PoolMode::automatic:
      return "auto";
    case config::PoolMode::session:
      return "session";
    case config::PoolMode::transaction:
      return "transaction";
    case config::PoolMode::statement:
      return "statement";
  }
  return "";
}

void split_address(const std::string& name, std::string& host, std::uint16_t& port) {
  const std::size_t colon = name.rfind(':');
  host = name.substr(0, colon);
  port = 0;
  if (colon != std::string::npos)
    std::from_chars(name.data() + colon + 1, name.data() + name.size(), port);
}

}  // namespace

Hub::Mark Hub::mark_of(const std::string& database) const {
  const auto it = marks_.find(database);
  return it == marks_.end() ? mark_of_all_ : it->second;
}

// Of one database, or (with no name) of all: those that are known and those to come.
template <class Change>
void Hub::change_marks(const std::string& database, Change change) {
  if (!database.empty()) return change(marks_.emplace(database, mark_of_all_).first->second);
  change(mark_of_all_);
  for (auto& [name, mark] : marks_) change(mark);
}

bool Hub::knows(const std::string& database) const {
  if (database.empty()) return true;
  for (const config::Database& entry : settings().databases) {
    if (entry.name == database) return true;
  }
  const auto records = shared.broker.records();
  return std::any_of(records.begin(), records.end(),
                     [&](const pool::Record* record) { return record->key.database == database; });
}

void Hub::pause(const std::string& database, bool paused) {
  change_marks(database, [paused](Mark& mark) { mark.paused = paused; });
  for (auto& [key, pool] : pools_) {
    if (!chosen(*pool, database)) continue;
    pool->record.paused = paused;
    if (paused) {
      pool->trim(0, "PAUSE");
    } else {
      while (pool->record.waiters.load() > 0 && !pool->idle.empty()) {
        const std::size_t before = pool->idle.size();
        pool->give(*pool->idle.front());
        if (pool->idle.size() == before) break;
      }
    }
  }
}

void Hub::disable(const std::string& database, bool disabled) {
  change_marks(database, [disabled](Mark& mark) { mark.disabled = disabled; });
  for (auto& [key, pool] : pools_) {
    if (chosen(*pool, database)) pool->disabled = disabled;
  }
}

void Hub::reconnect(const std::string& database) {
  for (auto& [key, pool] : pools_) {
    if (!chosen(*pool, database)) continue;
    pool->trim(0, "RECONNECT");
    pool->greetings.clear();
    // That one is never idle.
    while (pool->for_listener && !pool->linked.empty()) pool->linked.front()->discard("RECONNECT");
    for (auto* list : {&pool->linked, &pool->cleaning, &pool->opening}) {
      for (Server* s = list->front(); s; s = Pool::Servers::next(*s)) s->close_when_idle = true;
    }
  }
}

void Hub::kill(const std::string& database) {
  change_marks(database, [](Mark& mark) { mark.paused = true; });
  for (auto& [key, pool] : pools_) {
    if (chosen(*pool, database)) pool->record.paused = true;
  }
  std::vector<Client*> leaving;
  for (auto* list : {&logging_in, &ready, &waiting}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      if (c->pool && chosen(*c->pool, database)) leaving.push_back(c);
    }
  }
  for (Client* client : leaving) client->shutdown_notice();
  for (auto& [key, pool] : pools_) {
    if (!chosen(*pool, database)) continue;
    for (auto* list : {&pool->idle, &pool->cleaning, &pool->opening, &pool->linked}) {
      while (Server* server = list->front()) server->discard("KILL");
    }
  }
}

bool Hub::kill_client(std::uint64_t id) {
  Client* client = find(id);
  if (client) client->shutdown_notice();
  return client != nullptr;
}

bool Hub::all_idle(const std::string& database) const {
  for (const auto& [key, pool] : pools_) {
    if (pool->for_listener) continue;
    if (chosen(*pool, database) && pool->linked.size() + pool->cleaning.size() > 0) return false;
  }
  return true;
}

bool Hub::all_fresh(const std::string& database) const {
  for (const auto& [key, pool] : pools_) {
    if (!chosen(*pool, database)) continue;
    for (const auto* list : {&pool->linked, &pool->cleaning, &pool->opening}) {
      for (const Server* s = list->front(); s; s = Pool::Servers::next(*s)) {
        if (s->close_when_idle) return false;
      }
    }
  }
  return true;
}

// ---- rows ---------------------------------------------------------------------

void Hub::fill(Snapshot& snapshot) {
  snapshot.now = now();
  for (const auto& [key, pool] : pools_) {
    PoolRow row;
    fill_pool(row, *pool);
    snapshot.pools.push_back(std::move(row));
    fill_servers(snapshot, *pool);
  }
  fill_clients(snapshot);
  for (const auto& [name, meter] : meters_) {
    snapshot.stats.push_back({name, meter.total, meter.period});
  }
  fill_databases(snapshot);
  fill_users(snapshot);
  fill_pins(snapshot);
  fill_routes(snapshot);
  fill_ledger(snapshot);
  fill_failover(snapshot);
  fill_cache(snapshot);
  fill_memory(snapshot);
}

void Hub::fill_pool(PoolRow& row, const Pool& pool) {
  row.database = pool.record.key.database;
  row.user = pool.record.key.user;
  row.cl_waiting = pool.clients_waiting;
  row.cl_active = pool.clients - pool.clients_waiting;
  row.sv_active = static_cast<std::uint32_t>(pool.linked.size());
  row.sv_idle = static_cast<std::uint32_t>(pool.idle.size());
  row.sv_login = static_cast<std::uint32_t>(pool.opening.size());
  for (const Server* s = pool.cleaning.front(); s; s = Pool::Servers::next(*s)) {
    ++(s->state() == ServerState::canceling ? row.sv_being_canceled : row.sv_tested);
  }
  for (const Client* c = waiting.front(); c; c = waiting.next(*c)) {
    if (c->pool != &pool) continue;
    row.maxwait = now() - c->since;
    break;
  }
  // In session mode a login waits for the server that it keeps.
  for (const Client* c = logging_in.front(); c; c = logging_in.next(*c)) {
    if (c->pool != &pool || !c->in_line()) continue;
    ++row.cl_waiting;
    --row.cl_active;
    row.maxwait = std::max(row.maxwait, now() - c->since);
  }
  row.pool_mode = mode_text(pool.mode);
  row.node = shared.nodes.node(pool.record.key.node).name;
  row.pool_size = shared.broker.limits(pool.record).size;
}

void Hub::fill_clients(Snapshot& snapshot) {
  for (const auto& [handle, client] : clients_) {
    if (!client->stream()) continue;
    ClientRow row;
    row.user = client->user;
    row.database = client->database_name;
    row.replication = client->replication.empty() ? "none" : client->replication;
    row.state = client->state() == ClientState::login && client->in_line() ? "waiting"
                : client->state() < ClientState::idle                      ? "login"
                : client->state() == ClientState::waiting                  ? "waiting"
                : client->state() == ClientState::idle                     ? "idle"
                                                                           : "active";
    split_address(client->stream()->peer_name(), row.addr, row.port);
    split_address(client->stream()->local_name(), row.local_addr, row.local_port);
    row.connect_time = client->connected;
    row.request_time = client->last_request;
    if (client->state() == ClientState::waiting) row.wait = now() - client->since;
    row.id = client->id;
    row.link = client->server ? client->server->id : 0;
    row.remote_pid = client->pid;
    row.tls = client->tls_text;
    row.application_name = client->application_name();
    row.prepared_statements = static_cast<std::uint32_t>(client->prepared_count());
    row.worker = worker;
    row.send_backlog = client->stream()->backlog();
    if (client->pool) row.node = shared.nodes.node(client->pool->record.key.node).name;
    row.route_reason = client->route_reason;
    row.pinned = client->pinned;
    snapshot.clients.push_back(std::move(row));
  }
}

void Hub::fill_servers(Snapshot& snapshot, const Pool& pool) {
  for (const auto* list : {&pool.linked, &pool.idle, &pool.cleaning, &pool.opening}) {
    for (const Server* s = list->front(); s; s = Pool::Servers::next(*s)) {
      ServerRow row;
      row.user = pool.record.key.user;
      row.database = pool.record.key.database;
      row.state = list == &pool.linked    ? "active"
                  : list == &pool.idle    ? "idle"
                  : list == &pool.opening ? "new"
                                          : "tested";
      split_address(s->peer, row.addr, row.port);
      if (s->stream) split_address(s->stream->local_name(), row.local_addr, row.local_port);
      row.connect_time = s->born;
      row.request_time = s->request_start;
      row.close_needed = s->close_when_idle;
      row.id = s->id;
      row.link = s->holder() ? s->holder_id : 0;
      row.remote_pid = s->backend_pid;
      row.tls = s->tls_text;
      row.prepared_statements = static_cast<std::uint32_t>(s->prepared.size());
      row.worker = worker;
      row.send_backlog = s->stream ? s->stream->backlog() : 0;
      row.node = shared.nodes.node(pool.record.key.node).name;
      row.xact_count = s->transactions;
      snapshot.servers.push_back(std::move(row));
    }
  }
}

void Hub::fill_databases(Snapshot& snapshot) {
  std::map<std::string, DatabaseRow> rows;
  const auto add = [&](const std::string& name) -> DatabaseRow& {
    auto [it, made] = rows.try_emplace(name);
    DatabaseRow& row = it->second;
    if (!made) return row;
    const DatabaseView view = database(name);
    row.name = name;
    row.database = view.dbname;
    row.force_user = view.user;
    row.route = view.route == config::Route::standby ? "standby" : "primary";
    row.pool_mode = mode_text(mode_for(view, {}));
    const config::Proxy& proxy = settings().proxy;
    const config::Database* entry = view.entry;
    row.pool_size = entry ? entry->pool_size.value_or(proxy.pool_size) : proxy.pool_size;
    row.min_pool_size =
        entry ? entry->min_pool_size.value_or(proxy.min_pool_size) : proxy.min_pool_size;
    row.reserve_pool_size = entry ? entry->reserve_pool_size.value_or(proxy.reserve_pool_size)
                                  : proxy.reserve_pool_size;
    row.max_connections = entry ? entry->max_db_connections.value_or(proxy.max_db_connections)
                                : proxy.max_db_connections;
    row.server_lifetime =
        std::chrono::duration_cast<std::chrono::seconds>(settings().timeouts.server_lifetime);
    return row;
  };
  for (const config::Database& entry : settings().databases) add(entry.name);
  for (const auto& [key, pool] : pools_) {
    DatabaseRow& row = add(pool->database);
    const cluster::Node& node = shared.nodes.node(pool->record.key.node);
    row.host = node.host;
    row.port = node.port;
    row.current_connections += pool->servers();
    row.current_client_connections += pool->clients;
    row.paused = row.paused || pool->record.paused;
    row.disabled = row.disabled || pool->disabled;
  }
  for (auto& [name, row] : rows) snapshot.databases.push_back(std::move(row));
}

void Hub::fill_users(Snapshot& snapshot) {
  std::map<std::string, UserRow> rows;
  for (const config::User& user : settings().users) {
    UserRow& row = rows[user.name];
    row.pool_size = user.pool_size;
    if (user.pool_mode) row.pool_mode = mode_text(*user.pool_mode);
    row.max_user_connections =
        user.max_user_connections.value_or(settings().proxy.max_user_connections);
  }
  for (const auto& [handle, client] : clients_) {
    if (!client->user.empty()) ++rows[client->user].current_client_connections;
  }
  for (const auto& [key, pool] : pools_) {
    rows[pool->record.key.user].current_connections += pool->servers();
  }
  for (auto& [name, row] : rows) {
    row.name = name;
    snapshot.users.push_back(std::move(row));
  }
}

void Hub::fill_pins(Snapshot& snapshot) {
  HoldCounts now{};
  for (const auto& [handle, client] : clients_) {
    for (std::size_t i = 0; i < now.size(); ++i)
      now[i] += (client->holds() & hold_reasons[i].bit) != 0;
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    const HoldReason& reason = hold_reasons[i];
    snapshot.pins.push_back({std::string(reason.name), now[i], holds[i], std::string(reason.text)});
  }
}

void Hub::fill_memory(Snapshot& snapshot) {
  std::uint64_t inboxes = 0;
  std::uint64_t used = 0;
  for (const auto& [handle, client] : clients_) {
    inboxes += client->inbox_size();
    used += client->inbox_size() > 15;
  }
  const auto row = [&](std::string name, std::uint64_t size, std::uint64_t count,
                       std::uint64_t total) {
    snapshot.memory.push_back({std::move(name), size, count, 0, total});
  };
  row("client_session", sizeof(Client), clients_.size(), sizeof(Client) * clients_.size());
  row("client_inbox", 0, used, inboxes);
  row("server_connection", sizeof(Server), servers_.size(), sizeof(Server) * servers_.size());
  row("statement", sizeof(Statement), statement_table.size(),
      sizeof(Statement) * statement_table.size());
  row("settings", sizeof(SettingList), setting_table.size(),
      sizeof(SettingList) * setting_table.size());
}

// ---- configuration ---------------------------------------------------------------

void Hub::set_rules(RulesRef rules) {
  sweep();
  rules_ = std::move(rules);
  secrets.clear();
  guide.use(*rules_);
  for (auto& [key, pool] : pools_) {
    const DatabaseView view = database(pool->database);
    set_policy(*pool, view);
    pool->ledger_database = shared.ledger.database(view.dbname);
    shared.broker.record(pool->record.key, limits(view, pool->record.key.user));
    pool->mode = mode_for(view, pool->record.key.user);
    pool->dbname = view.dbname;
    pool->plans = nullptr;
    pool->look_at_catalog();
    if (shared.nodes.role(pool->record.key.node) != cluster::Role::removed) continue;
    pool->trim(0, "its node left the configuration");
    for (auto* list : {&pool->linked, &pool->cleaning, &pool->opening}) {
      for (Server* s = list->front(); s; s = Pool::Servers::next(*s)) s->close_when_idle = true;
    }
    reroute(*pool);
  }
}

}  // namespace heim::session
