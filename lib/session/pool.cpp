#include "session/pool.hpp"

#include "session/hub.hpp"
#include "session/inquiry.hpp"

namespace heim::session {

void Pool::set_idle_count() {
  if (hub.shared.broker.workers() < 2) return;
  record.idle[hub.worker].value.store(static_cast<std::uint32_t>(idle.size()),
                                      std::memory_order_seq_cst);
}

Server* Pool::take_idle() {
  if (record.waiters.load(std::memory_order_relaxed) != 0) return nullptr;
  if (record.paused.load(std::memory_order_relaxed)) return nullptr;
  return idle.front();
}

namespace {

void read_catalog(Pool& pool) {
  const std::string database = pool.database;
  Inquiry::start(pool.hub, pool, {"the catalog query", std::string(sql::Catalog::query()), {}, 0},
                 [database](Hub& hub, Result<std::vector<Inquiry::Row>> rows) {
                   if (!rows) return hub.shared.catalogs.failed(database, hub.now());
                   auto catalog = std::make_shared<sql::Catalog>();
                   for (const Inquiry::Row& row : *rows) {
                     if (row.size() < 3) continue;
                     catalog->add(row[0].value_or(""), row[1].value_or(""), row[2] == "true");
                   }
                   hub.shared.catalogs.loaded(database, hub.now(), std::move(catalog));
                 });
}

}  // namespace

void Pool::look_at_catalog() {
  catalog_version = hub.shared.catalogs.version();
  bool load = false;
  catalog = hub.shared.catalogs.find(database, hub.now(), load);
  catalog_watch =
      catalog ? catalog->watch() : sql::effect::calls_functions | sql::effect::uses_relations;
  // Later: here a client's message may be under way.
  if (load) hub.shared.fabric->post(hub.worker, [this](Hub&) { read_catalog(*this); });
}

void Pool::give(Server& server) {
  if (server.close_when_idle) return server.discard("it was to be closed when free");
  if (record.paused.load(std::memory_order_relaxed)) return server.discard("PAUSE");
  const Duration lifetime = hub.settings().timeouts.server_lifetime;
  if (lifetime > Duration::zero() && hub.now() - server.born > lifetime) {
    return server.discard("server_lifetime");
  }
  if (record.forced.load(std::memory_order_relaxed) && hub.shared.broker.over_limit(record)) {
    return server.discard("the pool is full");
  }
  // Sequentially consistent with Broker::join(): see there.
  while (server.state() == ServerState::idle &&
         record.waiters.load(std::memory_order_seq_cst) != 0) {
    const auto winner = hub.shared.broker.offer(record);
    if (!winner) return;
    if (winner->worker != hub.worker) return hub.hand_over(server, winner->worker, winner->session);
    // The winner may have given it back, and on, already: it is not ours to look at then.
    if (hub.give_to(server, winner->session)) return;
  }
}

void Pool::trim(std::size_t keep, std::string_view why) {
  while (idle.size() > keep) idle.back()->discard(why);
}

}  // namespace heim::session
