#include "session/pool.hpp"

#include "session/hub.hpp"
#include "session/inquiry.hpp"

namespace heim::session {

void Pool::set_idle_count() {
  if (hub.shared.broker.workers() < 2) return;
  record.idle[hub.worker].value.store(static_cast<std::uint32_t>(idle.size()),
                                      std::memory_order_seq_cst);
}

bool Pool::is_held() const {
  return record.paused.load(std::memory_order_relaxed) || !hub.shared.nodes.admits(record.key.node);
}

bool Pool::is_down() const {
  return hub.shared.nodes.state(record.key.node).condition.load(std::memory_order_relaxed) ==
         cluster::Condition::down;
}

Server* Pool::take_idle(const Settings& wanted, bool had_temp) {
  if (record.waiters.load(std::memory_order_relaxed) != 0) return nullptr;
  if (is_held() || is_down()) return nullptr;
  Server* best = idle.front();
  const auto is_it = [&](const Server& each) {
    return each.vars == wanted && each.has_temp_schema == had_temp;
  };
  if (!best || !wanted || is_it(*best)) return best;
  constexpr int looked_at = 8;
  std::size_t least = ~std::size_t{0};
  Server* each = best;
  for (int i = 0; each && i < looked_at; ++i, each = idle.next(*each)) {
    if (is_it(*each)) return each;
    // Who has no schema of temporary objects could tell that there is one.
    const std::size_t odd = each->has_temp_schema != had_temp ? 2 : 0;
    const std::size_t cost = each->vars ? difference(*each->vars, *wanted) + odd : least;
    if (cost < least) best = each, least = cost;
  }
  return best;
}

bool Pool::may_use_cache() const {
  freshness::Follow* follow = hub.shared.follow.get();
  return follow == nullptr || follow->allows(ledger_database, dbname, hub.now());
}

// Through a connection that nobody needs just now: none is opened for it.
void Pool::keep_catalog() {
  look_at_catalog();
  if (catalog) catalog_missed = hub.now();
  const bool busy = idle.empty() || record.waiters.load(std::memory_order_relaxed) != 0;
  // Where there is no such moment, it stands in line.
  if (busy && hub.now() - catalog_missed < std::chrono::seconds(2)) return;
  if (!hub.shared.catalogs.begin_load(dbname, hub.now())) return;
  Inquiry::start(
      hub, *this, {"the catalog query", sql::Catalog::query(), {}, 0},
      [name = dbname](Hub& mine, Result<std::vector<Inquiry::Row>> rows, Duration waited) {
        Catalogs& catalogs = mine.shared.catalogs;
        if (!rows) return catalogs.failed(name, mine.now());
        auto read = std::make_shared<sql::Catalog>();
        for (const Inquiry::Row& row : *rows) {
          if (row.size() < 3) continue;
          read->add(row[0].value_or(""), row[1].value_or(""), row[2].value_or(""));
        }
        // The pause that follows goes by the work, which the line was none of.
        catalogs.loaded(name, mine.now() - waited, std::move(read));
      });
}

void Pool::look_at_catalog() {
  catalog_version = hub.shared.catalogs.version();
  catalog = hub.shared.catalogs.find(dbname);
  catalog_watch = catalog ? catalog->watch() : watch_all;
}

// Why nobody is to have it. Empty: it is fit.
std::string_view Pool::unfit(const Server& server) const {
  if (server.close_when_idle) return "it was to be closed when free";
  if (is_held()) return "PAUSE, or its node is out of service";
  // A new one shows that its node is back; and whoever waits for one has it once, however long its
  // login took.
  if (!server.used) return {};
  if (is_down()) return "its node is down";
  const Duration lifetime = hub.settings().timeouts.server_lifetime;
  const bool old = lifetime > Duration::zero() && hub.now() - server.born > lifetime;
  return old ? "server_lifetime" : std::string_view();
}

void Pool::give(Server& server) {
  if (const std::string_view why = unfit(server); !why.empty()) return server.discard(why);
  if (record.forced.load(std::memory_order_relaxed) && hub.shared.broker.over_limit(record)) {
    return server.discard("the pool is full");
  }
  // Sequentially consistent with Broker::join(): see there.
  const auto is_wanted = [&] {
    if (record.waiters.load(std::memory_order_seq_cst) != 0) return true;
    return !server.used && record.want_new.load(std::memory_order_relaxed) != 0;
  };
  while (server.state() == ServerState::idle && is_wanted()) {
    const auto winner = hub.shared.broker.offer(record, !server.used);
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
