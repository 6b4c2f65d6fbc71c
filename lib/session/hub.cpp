#include "session/hub.hpp"

#include "session/canceler.hpp"
#include "session/inquiry.hpp"
#include "session/listener.hpp"

namespace heim::session {

Hub::Hub(pool::WorkerId the_worker, Shared& the_shared, Transport& the_transport, Clock& clock,
         RulesRef rules, ConsoleDesk* the_console)
    : shared(the_shared),
      transport(the_transport),
      console(the_console),
      worker(the_worker),
      statement_table(shared.hash_seed),
      guide(shared, the_worker),
      clock_(clock),
      rules_(std::move(rules)) {
  guide.use(*rules_);
  if (shared.askers) prefetch.share_budget(settings().cache.prefetch, shared.broker.workers());
  next_tick_ = now();
  next_period_ = now() + std::chrono::seconds(60);
}

Hub::~Hub() {
  refill.end();
  prefetch.end();
  // Sessions first: they give their servers back.
  for (bool some = true; some;) {
    some = false;
    for (auto* list : {&logging_in, &ready, &waiting}) {
      while (Client* client = list->front()) {
        client->leave("the proxy ends");
        some = true;
      }
    }
  }
  while (!inquiries_.empty()) inquiries_.begin()->second->end();
  cancelers_.clear();
  for (auto& [key, listener] : listeners_) listener->end();
  close_servers();
  clear_dead();
}

void Hub::close_servers() {
  for (auto& [key, pool] : pools_) {
    for (auto* list : {&pool->opening, &pool->idle, &pool->linked, &pool->cleaning}) {
      while (Server* server = list->front()) server->discard("the proxy ends");
    }
  }
}

void Hub::log(LogLevel level, std::string_view text) const { shared.logger.log(level, text); }

// ---- clients ------------------------------------------------------------------

std::uint32_t Hub::new_handle() {
  // 7 bits for the worker, 24 for the session: a positive 32-bit integer, as clients expect of a
  // pid, and larger than that of any process (Linux counts to 2^22).
  for (;;) {
    next_handle_ = (next_handle_ + 1) & 0xffffff;
    const std::uint32_t handle = (worker % 127 + 1) << 24 | next_handle_;
    if (!clients_.contains(handle)) return handle;
  }
}

void Hub::accept(Stream& stream) {
  sweep();
  auto* client = new Client(*this, stream, new_handle());
  clients_[client->handle] = client;
}

Client* Hub::find(pool::SessionId id) const {
  const auto it = clients_.find(static_cast<std::uint32_t>(id & 0x7fffffff));
  return it != clients_.end() && it->second->id == id ? it->second : nullptr;
}

void Hub::drop_client(Client& client) {
  clients_.erase(client.handle);
  const auto [first, last] = by_server_pid_.equal_range(client.pid);
  for (auto it = first; it != last; ++it) {
    if (it->second != &client) continue;
    by_server_pid_.erase(it);
    break;
  }
  std::erase_if(relay_line, [&](const auto& entry) { return entry.second == client.id; });
  dead_clients_.push_back(&client);
  has_dead_ = true;
}

void Hub::bury(Server* server) {
  servers_.erase(server->id);
  dead_servers_.push_back(server);
  has_dead_ = true;
}

void Hub::clear_dead() {
  has_dead_ = false;
  for (Server* server : std::exchange(dead_servers_, {})) delete server;
  for (Client* client : std::exchange(dead_clients_, {})) delete client;
  dead_inquiries_.clear();
  dead_cancelers_.clear();
}

// ---- pools --------------------------------------------------------------------

DatabaseView Hub::database(const std::string& name) const {
  const config::Database* wildcard = nullptr;
  for (const config::Database& entry : settings().databases) {
    if (entry.name == "*") wildcard = &entry;
    if (entry.name != name) continue;
    wildcard = &entry;
    break;
  }
  DatabaseView view;
  view.name = name;
  view.dbname = name;
  if (!wildcard) return view;
  view.entry = wildcard;
  if (!wildcard->dbname.empty()) view.dbname = wildcard->dbname;
  view.user = wildcard->user;
  view.auth_query = wildcard->auth_query;
  view.route = wildcard->route;
  return view;
}

namespace {

const config::User* find_user(const config::Settings& settings, const std::string& name) {
  for (const config::User& user : settings.users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

}  // namespace

pool::Limits Hub::limits(const DatabaseView& view, const std::string& name) const {
  const config::Settings& settings = rules_->settings;
  const config::Database* entry = view.entry;
  const config::User* user = find_user(settings, name);
  const config::Proxy& proxy = settings.proxy;
  pool::Limits limits;
  limits.size = proxy.pool_size;
  limits.reserve = proxy.reserve_pool_size;
  limits.database = proxy.max_db_connections;
  limits.user = proxy.max_user_connections;
  limits.reserve_after = settings.timeouts.reserve_pool_timeout;
  if (entry) {
    limits.size = entry->pool_size.value_or(limits.size);
    limits.reserve = entry->reserve_pool_size.value_or(limits.reserve);
    limits.database = entry->max_db_connections.value_or(limits.database);
  }
  if (user) {
    limits.size = user->pool_size.value_or(limits.size);
    limits.user = user->max_user_connections.value_or(limits.user);
  }
  return limits;
}

config::PoolMode Hub::mode_for(const DatabaseView& database, const std::string& user) const {
  const config::User* entry = find_user(settings(), user);
  if (entry && entry->pool_mode) return *entry->pool_mode;
  if (database.entry && database.entry->pool_mode) return *database.entry->pool_mode;
  return settings().proxy.pool_mode;
}

void Hub::set_policy(Pool& pool, const DatabaseView& database) const {
  const config::User* user = find_user(settings(), pool.record.key.user);
  pool.policy = route::policy_of(settings(), database.entry, user);
  pool.wish = route::wish_of(user);
}

Pool* Hub::pool_for(const DatabaseView& database, const std::string& user, std::uint32_t node) {
  return make_pool(database, {database.name, user, node});
}

Pool* Hub::dedicated_pool(const DatabaseView& database, const std::string& user,
                          std::uint32_t node) {
  Pool* pool = make_pool(database, {database.name + " (replication)", user, node});
  pool->mode = config::PoolMode::session;
  return pool;
}

Pool* Hub::make_pool(const DatabaseView& database, const pool::Key& key) {
  auto& slot = pools_[key_text(key)];
  if (slot) return slot.get();
  pool::Record& record = shared.broker.record(key, limits(database, key.user));
  slot = std::make_unique<Pool>(*this, record);
  slot->dbname = database.dbname;
  slot->database = database.name;
  slot->ledger_database = shared.ledger.database(database.dbname);
  slot->mode = mode_for(database, key.user);
  set_policy(*slot, database);
  slot->catalog_missed = now();
  slot->meter = &meters_[key.database];
  slot->role_seen = shared.nodes.role(key.node);
  slot->condition_seen = shared.nodes.state(key.node).condition;
  const Mark mark = mark_of(database.name);
  if (mark.paused) record.paused = true;
  slot->disabled = mark.disabled;
  if (database.entry && key.user == database.entry->user && !database.entry->password.empty()) {
    shared.server_secrets.learn(key.database, key.user,
                                auth::Credentials::plain(database.entry->password.view()));
  }
  return slot.get();
}

std::string Hub::key_text(const pool::Key& key) {
  return key.database + '\0' + key.user + '\0' + std::to_string(key.node);
}

Pool* Hub::mine(pool::Record& record) {
  const auto it = pools_.find(key_text(record.key));
  if (it != pools_.end()) return it->second.get();
  return make_pool(database(record.key.database), record.key);
}

std::optional<route::Choice> Hub::choose(route::Wanted wanted) {
  if (wanted == route::Wanted::standby) {
    // Asked twice for a client that comes, and once for its next transactions: spread by a hash, as
    // turns would take every second node only.
    const route::World all = guide.world();
    route::Turn turn;
    turn.random ^= ++turn_ * 0x9e3779b97f4a7c15U;
    turn.next = static_cast<std::uint32_t>(turn.draw() >> 32);
    const auto decision = route::any_standby(settings().routing.balance,
                                             {all.nodes, all.ledger, all.loads, turn}, now());
    if (!decision.node) return std::nullopt;
    return route::Choice{*decision.node, decision.reason};
  }
  return route::the_primary(shared.nodes, now());
}

bool Hub::is_refused(const Pool& pool) const {
  return pool.record.servers == 0 && !pool.last_error.empty() && now() < pool.retry_at;
}

bool Hub::is_cut_off(const Pool& pool) { return !pool.record.can_open && pool.record.servers == 0; }

bool Hub::can_open(const Pool& pool) const { return !pool.relay || pool.record.can_open; }

// ---- servers ------------------------------------------------------------------

Server* Hub::open_server(Pool& pool, Client* owner,
                         std::vector<std::pair<std::string, std::string>> extra, bool relay) {
  auto* server = new Server(*this, pool, shared.next_id.fetch_add(1) << 31);
  servers_[server->id] = server;
  server->startup_extra = std::move(extra);
  server->dedicated = !server->startup_extra.empty();
  server->open(owner, relay);
  return server;
}

void Hub::order(const pool::OpenOrder& order) {
  if (order.worker == worker) return open_for(*order.record);
  shared.fabric->post(order.worker, [record = order.record](Hub& hub) { hub.open_for(*record); });
}

void Hub::open_for(pool::Record& record) {
  Pool& pool = *mine(record);
  if (now() < pool.retry_at || !shared.nodes.admits(record.key.node) || is_left(pool)) {
    // A login just failed, or nothing may or will go there: the slot goes back, tick() tries again.
    shared.broker.closed(record, true);
    return;
  }
  open_server(pool, nullptr, {}, false);
}

void Hub::follow(const pool::Joined& joined, Pool& pool) {
  pool::Record& record = pool.record;
  if (joined.open) open_for(record);
  if (joined.wake_idle) {
    for (pool::WorkerId other = 0; other < shared.broker.workers(); ++other) {
      if (other == worker) continue;
      shared.fabric->post(other, [&record](Hub& hub) { hub.yield_idle(record); });
    }
  }
  if (!joined.evict) return;
  const std::string database = record.key.database;
  const std::string user = record.key.user;
  for (pool::WorkerId other = 0; other < shared.broker.workers(); ++other) {
    shared.fabric->post(other, [database, user](Hub& hub) { hub.evict_idle(database, user); });
  }
}

void Hub::yield_idle(pool::Record& record) {
  Pool& pool = *mine(record);
  if (Server* server = pool.idle.front()) pool.give(*server);
  if (auto order = shared.broker.reconsider(record, now())) this->order(*order);
}

// Makes room under a limit of the database or the user: one idle connection that nobody waits for.
void Hub::evict_idle(const std::string& database, const std::string& user) {
  for (auto& [key, pool] : pools_) {
    if (pool->record.key.database != database && pool->record.key.user != user) continue;
    if (pool->record.waiters.load() != 0 || pool->idle.empty()) continue;
    return pool->idle.back()->discard("another pool needs its place");
  }
}

void Hub::hand_over(Server& server, pool::WorkerId to, pool::SessionId session) {
  server.pool->idle.remove(server);
  server.pool->set_idle_count();
  servers_.erase(server.id);
  server.stream->detach();
  server.leave_hub();
  handed_over.push_back(&server);
  shared.fabric->post(to, [&server, session](Hub& hub) { hub.receive(server, session); });
}

void Hub::receive(Server& server, pool::SessionId session) {
  Pool& pool = *mine(server.pool->record);
  servers_[server.id] = &server;
  server.join_hub(*this, pool);
  transport.adopt(*server.stream, server);
  pool.idle.push_front(server);
  pool.set_idle_count();
  if (!give_to(server, session)) pool.give(server);
}

// False if the session is gone or does not wait any more.
bool Hub::give_to(Server& server, pool::SessionId session) {
  if (Client* client = find(session)) {
    if (client->state() != ClientState::waiting && client->state() != ClientState::login)
      return false;
    client->link(server);
    return true;
  }
  if (const auto inquiry = inquiries_.find(session); inquiry != inquiries_.end()) {
    inquiry->second->link(server);
    return true;
  }
  for (auto& [key, listener] : listeners_) {
    if (listener->id() == session) return listener->link(server), true;
  }
  return false;
}

// ---- listeners ----------------------------------------------------------------

void Hub::at_listener(const Pool& of, std::function<void(Listener&)> work) {
  const pool::Key& key = of.record.key;
  const std::uint64_t hash = hash128(of.database, key.node).low;
  shared.fabric->post(
      static_cast<pool::WorkerId>(hash % shared.broker.workers()),
      [database = of.database, user = key.user, node = key.node, work = std::move(work)](Hub& hub) {
        work(hub.listener(database, user, node));
      });
}

Listener& Hub::listener(const std::string& name, const std::string& user, std::uint32_t node) {
  auto& slot = listeners_[name + '\0' + std::to_string(node)];
  if (slot) return *slot;
  Pool* pool = make_pool(database(name), {name + " (listener)", user, node});
  pool->mode = config::PoolMode::session;
  pool->for_listener = true;
  auth::Credentials known = shared.server_secrets.known(name, user);
  if (known.kind != auth::CredentialKind::none) {
    shared.server_secrets.learn(pool->record.key.database, user, std::move(known));
  }
  slot = std::make_unique<Listener>(*this, *pool);
  return *slot;
}

// ---- logins of servers ------------------------------------------------------------

void Hub::node_failed(Pool& pool) {
  cluster::NodeState& node = shared.nodes.state(pool.record.key.node);
  // Other nodes take over at once; this one is tried again soon, whoever waits for it.
  node.down_until_ns = (now() + std::chrono::seconds(1)).time_since_epoch().count();
  ++pool.faults;
  if (shared.reports) shared.reports->unreachable(pool.record.key.node);
}

// One that the monitor has asked.
bool Hub::has_primary() const {
  for (std::uint32_t i = 0; i < shared.nodes.size(); ++i) {
    if (shared.nodes.role(i) == cluster::Role::primary && shared.nodes.state(i).monitored)
      return true;
  }
  return false;
}

void Hub::node_works(Pool& pool, const Settings& parameters) {
  const std::uint32_t index = pool.record.key.node;
  cluster::NodeState& node = shared.nodes.state(index);
  node.down_until_ns = 0;
  pool.retry_at = {};
  pool.last_error.clear();
  if (!shared.nodes.node(index).discover) return;
  const std::string* standby = parameters->find("in_hot_standby");
  const auto role = standby && *standby == "on" ? cluster::Role::standby : cluster::Role::primary;
  if (node.monitored) {
    if (node.role != role && shared.reports) shared.reports->seen(index, role);
    return;
  }
  // Its login alone does not make it one beside another that was asked.
  if (role == cluster::Role::primary && has_primary()) {
    if (shared.reports) shared.reports->seen(index, role);
    return;
  }
  if (node.role.exchange(role) == role || role == cluster::Role::primary) return;
  log(LogLevel::info, "node " + shared.nodes.node(index).name + " is a standby");
  reroute(pool);
}

void Hub::reroute(Pool& pool) {
  std::vector<pool::SessionId> movers;
  for (auto* list : {&waiting, &logging_in}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      if (c->pool == &pool && c->in_line()) movers.push_back(c->id);
    }
  }
  for (const pool::SessionId id : movers) {
    if (Client* client = find(id)) client->reroute();
  }
}

// `final`: the server said no. Otherwise it could not be reached: those who wait may go on waiting.
void Hub::login_failed(Pool& pool, Bytes error, bool final, std::uint64_t tried) {
  const std::string text(as_text(error));
  pool.last_error = text;
  pool.retry_at =
      now() + (final ? settings().timeouts.server_login_retry : std::chrono::seconds(1));
  if (!final) {
    reroute(pool);
    return;
  }
  const std::string code(wire::read_error(error.subspan(wire::header_size)).sqlstate);
  // The server starts or shuts down, or is full: that passes.
  if (code == "57P03" || code == "53300" || code == "57P01") {
    pool.retry_at = now() + std::chrono::seconds(1);
    node_failed(pool);
    return reroute(pool);
  }
  // A standby may not have replayed what a role was given; the others serve its clients meanwhile.
  const bool standby = shared.nodes.role(pool.record.key.node) == cluster::Role::standby;
  if (standby && guide.on() && !pool.policy.standby_only) return reroute(pool);
  const bool refused = code == "28P01" || code == "28000";
  const pool::Key& key = pool.record.key;
  if (refused && shared.server_secrets.refuse(key.database, key.user, tried)) {
    pool.last_error.clear();  // somebody else's password is next
    pool.retry_at = now();
    return;
  }
  if (pool.record.servers > 0) return;
  pool.retry_at = now() + std::chrono::milliseconds(200);
  fail_waiting(pool, text);
}

void Hub::fail_waiting(Pool& pool, const std::string& error) {
  std::vector<pool::SessionId> losers;
  for (auto* list : {&waiting, &logging_in}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      if (c->pool == &pool && c->in_line()) losers.push_back(c->id);
    }
  }
  for (const pool::SessionId id : losers) {
    Client* client = find(id);
    if (!client) continue;
    client->leave_line();
    client->fail_raw(error);
  }
  std::vector<Inquiry*> asked;
  for (auto& [id, inquiry] : inquiries_) {
    if (inquiry->waits_for(pool)) asked.push_back(inquiry.get());
  }
  for (Inquiry* inquiry : asked) inquiry->fail(as_bytes(error));
}

Inquiry& Hub::add(std::unique_ptr<Inquiry> inquiry) {
  Inquiry& added = *inquiry;
  inquiries_[added.id()] = std::move(inquiry);
  return added;
}

void Hub::finish(Inquiry& inquiry) {
  auto node = inquiries_.extract(inquiry.id());
  if (node) dead_inquiries_.push_back(std::move(node.mapped()));
  has_dead_ = true;
}

// A connection for a login that the server judges. It may exceed pool_size for as long as the login
// takes.
void Hub::start_relay(Pool& pool, Client& client) {
  constexpr std::size_t at_once = 16;
  if (pool.opening.size() < at_once && shared.broker.force_slot(pool.record)) {
    client.relay_on(*open_server(pool, &client, {}, true));
    return;
  }
  relay_line.emplace_back(&pool, client.id);
}

}  // namespace heim::session
