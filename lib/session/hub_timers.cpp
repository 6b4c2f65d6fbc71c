// Everything that happens because time passed. Lists are in the order of their deadlines, so that a
// tick looks at what is due and at connections in use, never at idle clients one by one.
#include "session/canceler.hpp"
#include "session/client_held.hpp"
#include "session/hub.hpp"
#include "session/inquiry.hpp"
#include "session/listener.hpp"

namespace heim::session {
namespace {

bool over(Instant since, Duration limit, Instant now) {
  return limit > Duration::zero() && now - since > limit;
}

std::string seconds_text(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

void Hub::tick() {
  sweep();
  next_tick_ = now() + std::chrono::milliseconds(100);
  look_at_nodes();
  if (guide.on()) shared.temperatures.measure(shared.ledger, now());
  tick_clients();
  tick_waiting();
  tick_pools();
  tick_relays();
  std::vector<Canceler*> cancelers;
  for (auto& [id, canceler] : cancelers_) cancelers.push_back(canceler.get());
  for (Canceler* canceler : cancelers) canceler->expire(now());
  std::vector<Inquiry*> late;
  for (auto& [id, inquiry] : inquiries_) {
    if (over(inquiry->started(), settings().timeouts.client_login_timeout, now())) {
      late.push_back(inquiry.get());
    }
  }
  for (Inquiry* inquiry : late) inquiry->expire();
  for (auto& [key, listener] : listeners_) listener->tick();
  if (now() >= next_period_) {
    for (auto& [name, meter] : meters_) meter.tick();
    next_period_ = now() + std::chrono::seconds(60);
  }
  if (worker == 0) refill.go_on();
  prefetch.go_on();
  for (auto& work : std::exchange(at_tick_, {})) work(*this);
  if (shutdown_ != Shutdown::no) tick_shutdown();
}

void Hub::tick_clients() {
  const config::Timeouts& timeouts = settings().timeouts;
  // In the order they connected.
  for (Client* client = logging_in.front(); client;) {
    Client* next = logging_in.next(*client);
    if (!over(client->connected, timeouts.client_login_timeout, now())) break;
    // In session mode it waits for a server as others do with a query.
    if (client->mode != config::PoolMode::session || !client->in_line()) {
      client->fail("08P01", "the login took longer than client_login_timeout (" +
                                seconds_text(timeouts.client_login_timeout) + ")");
    }
    client = next;
  }
  for (Client* client = logging_in.front(); client;) {
    Client* next = logging_in.next(*client);
    Client::Held held(*client);
    if (!held.tick(now()) && client->in_line() &&
        over(client->since, timeouts.query_wait_timeout, now()))
      client->wait_ended();
    client = next;
  }
  if (timeouts.client_idle_timeout == Duration::zero()) return;
  for (Client* client = ready.front(); client;) {
    Client* next = ready.next(*client);
    if (client->is_idle() && over(client->since, timeouts.client_idle_timeout, now())) {
      client->fail("57P05", "the session was idle for longer than client_idle_timeout");
    }
    client = next;
  }
}

void Hub::tick_waiting() {
  release_held();
  const Duration limit = settings().timeouts.query_wait_timeout;
  for (Client* client = waiting.front(); client;) {
    Client* next = waiting.next(*client);
    Client::Held held(*client);
    if (!held.tick(now()) && over(client->since, limit, now())) {
      client->refuse({"ERROR",
                      "53300",
                      "no server connection became free within query_wait_timeout (" +
                          seconds_text(limit) + ")",
                      {},
                      "Raise pool_size or query_wait_timeout, or shorten transactions."});
    }
    client = next;
  }
}

// Those who wait for what cannot come.
void Hub::tick_cut_off(Pool& pool) {
  std::vector<pool::SessionId> losers;
  for (auto* list : {&waiting, &logging_in}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      if (c->pool == &pool && c->in_line()) losers.push_back(c->id);
    }
  }
  for (const pool::SessionId id : losers) {
    if (Client* client = find(id)) client->fail_cut_off();
  }
}

void Hub::tick_pools() {
  for (auto& [key, pool] : pools_) tick_pool(*pool);
}

// Connections that open, or are cleaned.
void Hub::tick_unready(Pool& pool) {
  const config::Timeouts& timeouts = settings().timeouts;
  for (Server* server = pool.cleaning.front(); server;) {
    Server* next = Pool::Servers::next(*server);
    if (server->state() == ServerState::cleaning) server->clean_late(timeouts.abandon_timeout);
    server = next;
  }
  for (Server* server = pool.opening.front(); server;) {
    Server* next = Pool::Servers::next(*server);
    if (over(server->born, timeouts.server_connect_timeout + std::chrono::seconds(1), now()) &&
        !server->relay()) {
      server->on_end(*server->stream, {false, "the login took longer than server_connect_timeout"});
    }
    server = next;
  }
}

// Those who wait for a connection.
void Hub::tick_line(Pool& pool) {
  const pool::Record& record = pool.record;
  if (record.waiters.load(std::memory_order_relaxed) + record.want_new.load() == 0) return;
  if (!pool.idle.empty()) pool.give(*pool.idle.front());
  if (auto found = shared.broker.reconsider(pool.record, now())) {
    order(*found);
  } else if (is_cut_off(pool)) {
    tick_cut_off(pool);
  } else if (shared.broker.hemmed_in(pool.record)) {
    follow({false, false, true}, pool);
  }
}

void Hub::tick_pool(Pool& pool) {
  tell_traffic(pool);
  tick_linked(pool);
  tick_idle(pool);
  const bool reads = pool.mode == config::PoolMode::automatic || guide.on();
  // A standby may not have replayed what has changed.
  const bool newest =
      !guide.on() || shared.nodes.role(pool.record.key.node) == cluster::Role::primary;
  const bool has_catalog = !shared.nodes.node(pool.record.key.node).foreign;
  if (reads && newest && has_catalog) pool.keep_catalog();
  tick_unready(pool);
  if (now() < pool.retry_at) return;
  tick_line(pool);
  keep_minimum(pool);
}

void Hub::keep_minimum(Pool& pool) {
  if (draining() || !can_open(pool) || pool.record.paused) return;
  const DatabaseView view = database(pool.database);
  std::uint32_t minimum = settings().proxy.min_pool_size;
  if (view.entry) minimum = view.entry->min_pool_size.value_or(minimum);
  if (minimum == 0 || !pool.opening.empty()) return;
  if (shared.broker.reserve_below(pool.record, minimum)) open_server(pool, nullptr, {}, false);
}

void Hub::tick_linked(Pool& pool) {
  const config::Timeouts& timeouts = settings().timeouts;
  if (timeouts.query_timeout == Duration::zero() &&
      timeouts.idle_transaction_timeout == Duration::zero()) {
    return;
  }
  for (Server* server = pool.linked.front(); server;) {
    Server* next = Pool::Servers::next(*server);
    const bool runs = server->owes();
    // request_start is when the running batch began, or when the last one ended.
    if (runs && over(server->request_start, timeouts.query_timeout, now())) {
      end_holder(*server, "57014", "query_timeout");
    } else if (!runs && server->in_transaction() &&
               over(server->request_start, timeouts.idle_transaction_timeout, now())) {
      end_holder(*server, "25P03", "idle_transaction_timeout");
    }
    server = next;
  }
}

void Hub::end_holder(Server& server, std::string_view sqlstate, const std::string& limit) {
  Client* client = find(server.holder_id);
  if (!client || client->server != &server) return;
  if (server.owes()) cancel(server, nullptr);
  client->fail(sqlstate, "terminating connection due to " + limit);
}

void Hub::tick_idle(Pool& pool) {
  const config::Timeouts& timeouts = settings().timeouts;
  for (Server* server = pool.idle.back(); server;) {
    Server* previous = server->hook.prev;
    if (over(server->born, timeouts.server_lifetime, now())) {
      server->discard("server_lifetime");
    } else if (over(server->last_use, timeouts.server_idle_timeout, now()) &&
               !below_minimum(pool)) {
      server->discard("server_idle_timeout");
    } else if (over(server->checked, timeouts.server_check_delay, now()) &&
               over(server->since, timeouts.server_check_delay, now()) &&
               !settings().proxy.server_check_query.empty()) {
      server->check();
    }
    server = previous;
  }
}

bool Hub::below_minimum(const Pool& pool) const {
  const DatabaseView view = database(pool.database);
  std::uint32_t minimum = settings().proxy.min_pool_size;
  if (view.entry) minimum = view.entry->min_pool_size.value_or(minimum);
  return pool.record.servers <= minimum;
}

// Logins that wait for a server to judge them.
void Hub::tick_relays() {
  for (auto& [pool, id] : std::exchange(relay_line, {})) {
    Client* client = find(id);
    if (client && client->state() == ClientState::relay) start_relay(*pool, *client);
  }
}

// ---- shutdown -----------------------------------------------------------------

void Hub::shutdown(Operator::Shutdown how) {
  sweep();
  switch (how) {
    case Operator::Shutdown::now:
      shutdown_ = Shutdown::now;
      break;
    case Operator::Shutdown::wait_for_servers:
      shutdown_ = Shutdown::wait_for_servers;
      break;
    case Operator::Shutdown::wait_for_clients:
      shutdown_ = Shutdown::wait_for_clients;
      break;
  }
  tick_shutdown();
}

void Hub::tick_shutdown() {
  const bool clients_stay = shutdown_ == Shutdown::wait_for_clients;
  std::vector<Client*> leaving;
  for (auto* list : {&logging_in, &ready, &waiting}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      const bool at_work = shutdown_ == Shutdown::wait_for_servers && c->server != nullptr;
      const bool logging = c->state() < ClientState::idle;
      if (shutdown_ == Shutdown::now || logging || (!clients_stay && !at_work))
        leaving.push_back(c);
    }
  }
  for (Client* client : leaving) client->shutdown_notice();
}

bool Hub::is_done() const {
  if (shutdown_ == Shutdown::no) return false;
  return logging_in.empty() && ready.empty() && waiting.empty();
}

}  // namespace heim::session
