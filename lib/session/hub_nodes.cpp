// The hub and the nodes of the cluster: what it tells of them, and what it does when they change.
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

void Hub::nodes_changed() {
  sweep();
  std::vector<Pool*> pools;
  for (auto& [key, pool] : pools_) pools.push_back(pool.get());
  for (Pool* pool : pools) node_changed(*pool);
  sweep();
}

void Hub::node_changed(Pool& pool) {
  const std::uint32_t index = pool.record.key.node;
  using cluster::Condition;
  const Condition condition = shared.nodes.state(index).condition;
  const cluster::Role role = shared.nodes.role(index);
  if (pool.condition_seen == condition && pool.role_seen == role) return;
  pool.condition_seen = condition;
  pool.role_seen = role;
  if (condition == Condition::serving && role != cluster::Role::removed) return reroute(pool);
  pool.trim(0, "its node is not in service");
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
  reroute(pool);
}

}  // namespace heim::session
