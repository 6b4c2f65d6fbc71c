// The hub and the nodes of the cluster: what it tells of them, and what it does when they change.
#include "session/client_held.hpp"
#include "session/hub.hpp"

namespace heim::session {

// For the circuit breaker: added up here, told a few times a second.
void Hub::tell_traffic(Pool& pool) {
  cluster::NodeState& node = shared.nodes.state(pool.record.key.node);
  if (pool.served != 0) node.served.fetch_add(std::exchange(pool.served, 0));
  if (pool.faults != 0) node.failed.fetch_add(std::exchange(pool.faults, 0));
}

// What was under way when statements began to be routed may have written anything.
void Hub::look_at_nodes() {
  guide.look_at_nodes();
  if (!guide.has_begun()) return;
  for (auto& [key, pool] : pools_) {
    for (Server* server = pool->linked.front(); server; server = Pool::Servers::next(*server)) {
      server->account_unseen();
    }
  }
}

// Those who wait for the primary are let on a few at a time. False: nobody waits, or there is none.
bool Hub::eases() {
  if (shared.hold.clients() == 0) return false;
  const auto primary = choose(route::Wanted::primary);
  if (!primary || !shared.nodes.up(primary->node, now())) return false;
  shared.broker.ease(primary->node, settings().failover.release_concurrency);
  return true;
}

// Who waited for a node in no pool's line stands in one's now.
void Hub::release_held() {
  if (!eases()) return;
  std::vector<pool::SessionId> held;
  for (auto* list : {&waiting, &logging_in}) {
    for (Client* c = list->front(); c; c = list->next(*c)) {
      if (Client::Held(*c).is_in_no_line()) held.push_back(c->id);
    }
  }
  for (const pool::SessionId id : held) {
    if (Client* client = find(id)) client->reroute();
  }
}

void Hub::fill_failover(Snapshot& snapshot) {
  if (worker != 0) return;  // it is the same for all
  const pool::Hold& hold = shared.hold;
  const auto primary = choose(route::Wanted::primary);
  const bool serves = primary && shared.nodes.up(primary->node, now());
  snapshot.failover = {
      {"primary", primary ? shared.nodes.node(primary->node).name : std::string()},
      {"primary_serves", serves ? "yes" : "no"},
      {"held_clients", std::to_string(hold.clients())},
      {"held_bytes", std::to_string(hold.bytes())},
      {"held_total", std::to_string(hold.total())},
      {"held_longest_ms", std::to_string(to_us(hold.longest()) / 1000)},
      {"refused_too_long", std::to_string(hold.late())},
      {"refused_too_many", std::to_string(hold.full())},
  };
}

void Hub::nodes_changed() {
  sweep();
  std::vector<Pool*> pools;
  for (auto& [key, pool] : pools_) pools.push_back(pool.get());
  eases();
  for (Pool* pool : pools) node_changed(*pool);
  release_held();
  sweep();
}

// Who stood in line has gone to another node.
bool Hub::is_left(const Pool& pool) const {
  const pool::Record& record = pool.record;
  return shared.nodes.state(record.key.node).condition == cluster::Condition::down &&
         record.waiters.load(std::memory_order_relaxed) + record.want_new.load() == 0;
}

// Its node is back. What was being opened while it was away may wait for an answer that was lost on
// the way; whoever stands in line would wait with it.
void Hub::open_anew(Pool& pool) {
  std::vector<std::uint64_t> old;
  for (Server* server = pool.opening.front(); server; server = Pool::Servers::next(*server)) {
    if (!server->relay() && !server->holder()) old.push_back(server->id);
  }
  for (const std::uint64_t id : old) {
    if (const auto found = servers_.find(id); found != servers_.end())
      found->second->discard("its node was away");
  }
}

void Hub::node_changed(Pool& pool) {
  const std::uint32_t index = pool.record.key.node;
  using cluster::Condition;
  const Condition condition = shared.nodes.state(index).condition;
  const cluster::Role role = shared.nodes.role(index);
  if (pool.condition_seen == condition && pool.role_seen == role) return;
  const Condition before = std::exchange(pool.condition_seen, condition);
  pool.role_seen = role;
  if (condition == Condition::serving && role != cluster::Role::removed) {
    if (before == Condition::down) {
      pool.retry_at = {};  // what was found when it was down says nothing now
      open_anew(pool);
    }
    return reroute(pool);
  }
  pool.trim(0, "its node is not in service");
  reroute(pool);  // before places get free, which would be filled for those who wait
  // Nothing may go on at a node that is not the cluster's any more. Where one is down, reads go on
  // elsewhere; what cannot may still be answered.
  const bool leave = condition == Condition::maintenance || condition == Condition::refused;
  const bool down = condition == Condition::down;
  const bool dead = down && role != cluster::Role::primary;
  for (auto* list : {&pool.opening, &pool.cleaning, &pool.linked}) {
    for (Server *server = list->front(), *next; server; server = next) {
      next = Pool::Servers::next(*server);
      const Holder* holder = server->holder();
      server->close_when_idle |= !down;
      if (!leave && !(dead && (!holder || holder->can_go_on(*server)))) continue;
      server->discard("its node was taken out of service");
      next = list->front();  // whatever else went with it
    }
  }
}

}  // namespace heim::session
