#include "cluster.hpp"

#include <algorithm>

namespace heim::sim {

Cluster::Cluster(Network& network, Judge& judge, Random random, const ClusterSettings& settings,
                 const ServerSettings& server)
    : scheduler_(network.scheduler()),
      judge_(judge),
      random_(Random(random).fork()),
      settings_(settings) {
  for (std::uint32_t i = 0; i <= settings.standbys; ++i) {
    auto node = std::make_unique<Node>();
    node->data = std::make_unique<Database>(judge);
    node->data->set_in_recovery(i > 0);
    ServerSettings own = server;
    own.host = "db" + std::to_string(i + 1);
    own.conflicts = settings.conflicts;
    node->server =
        std::make_unique<Server>(network, *node->data, i == 0 ? random : random_.fork(), own);
    node->server->on_wal = [this, i] {
      for (std::uint32_t other = 0; other < size(); ++other) {
        if (nodes_[other]->upstream == i) ship_soon(other);
      }
    };
    if (i > 0) node->upstream = 0;
    if (i > 0 && i == settings.standbys) node->apply_delay = settings.apply_delay;
    nodes_.push_back(std::move(node));
  }
  if (settings.synchronous && size() > 1) nodes_[0]->server->set_synchronized(0);
}

// ---- the log

void Cluster::ship_soon(std::uint32_t index) {
  Node& node = *nodes_[index];
  if (node.ships) return;
  node.ships = true;
  scheduler_.after(random_.between(microseconds(50), settings_.ship_max), "ship", index,
                   [this, index] {
                     nodes_[index]->ships = false;
                     ship(index);
                   });
}

void Cluster::ship(std::uint32_t index) {
  Node& node = *nodes_[index];
  if (!node.upstream || node.cut || !works(node)) return;
  const Node& upstream = *nodes_[*node.upstream];
  if (upstream.cut || !works(upstream)) return;
  const auto& from = upstream.data->log();
  const std::size_t have = node.data->log().size();
  if (common(*node.data, *upstream.data) < have) return;  // it would have to be rewound
  node.data->follow(upstream.data->timeline());
  if (have == from.size()) return;
  std::size_t count = from.size() - have;
  if (random_.chance(30)) count = random_.between(1, count);
  for (std::size_t i = have; i < have + count; ++i) {
    node.data->receive(from[i], upstream.data->timeline());
  }
  synchronize(*node.upstream);
  replay_soon(index);
  if (have + count < from.size()) ship_soon(index);
}

/// Tells the primary how far its standbys have its log.
void Cluster::synchronize(std::uint32_t index) {
  if (!settings_.synchronous) return;
  std::uint64_t most = 0;
  for (const auto& node : nodes_) {
    if (node->upstream != index) continue;
    const auto& log = node->data->log();
    if (common(*node->data, *nodes_[index]->data) == log.size()) {
      most = std::max(most, node->data->insert_lsn());
    }
  }
  Server& server = *nodes_[index]->server;
  if (most > server.synchronized()) server.set_synchronized(most);
}

void Cluster::replay_soon(std::uint32_t index) {
  Node& node = *nodes_[index];
  if (node.replays || node.paused || !node.data->in_recovery() || !node.data->behind()) return;
  node.replays = true;
  const Instant due = node.data->next().written + node.apply_delay;
  const Instant soon = scheduler_.now() + random_.between(microseconds(10), settings_.replay_max);
  scheduler_.at(std::max(due, soon), "replay", index, [this, index] {
    nodes_[index]->replays = false;
    replay(index);
  });
}

void Cluster::replay(std::uint32_t index) {
  Node& node = *nodes_[index];
  if (node.paused || !works(node) || !node.data->in_recovery()) return;
  std::uint64_t count = random_.chance(50) ? random_.between(1, 4) : UINT64_MAX;
  while (count-- > 0 && node.data->behind() &&
         node.data->next().written + node.apply_delay <= scheduler_.now()) {
    node.data->replay();
  }
  replay_soon(index);
}

std::size_t Cluster::common(const Database& a, const Database& b) {
  std::size_t count = std::min(a.log().size(), b.log().size());
  while (count > 0 && a.log()[count - 1] != b.log()[count - 1]) --count;
  return count;
}

void Cluster::flow() {
  for (std::uint32_t i = 0; i < size(); ++i) {
    ship_soon(i);
    replay_soon(i);
  }
}

void Cluster::cut(std::uint32_t index, bool on) {
  nodes_[index]->cut = on;
  flow();
}

void Cluster::pause(std::uint32_t index, bool on) {
  nodes_[index]->paused = on;
  flow();
}

void Cluster::set_apply_delay(std::uint32_t index, Duration delay) {
  nodes_[index]->apply_delay = delay;
}

// ---- who leads

std::optional<std::uint32_t> Cluster::candidate() const {
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < size(); ++i) {
    const Node& node = *nodes_[i];
    if (i == primary_ || !works(node) || !node.data->in_recovery()) continue;
    // One that followed an old primary has what the cluster gave up.
    const Database& leader = *nodes_[primary_]->data;
    if (common(*node.data, leader) < node.data->log().size()) continue;
    if (!best || node.data->insert_lsn() > nodes_[*best]->data->insert_lsn()) best = i;
  }
  const std::uint64_t told = nodes_[primary_]->server->synchronized();
  if (best && settings_.synchronous && nodes_[*best]->data->insert_lsn() < told) return {};
  return best;
}

void Cluster::promote(std::uint32_t index) {
  Node& node = *nodes_[index];
  const std::uint32_t timeline = judge_.history().newest_timeline() + 1;
  judge_.history().begin_timeline(timeline, node.data->timeline(), node.data->insert_lsn());
  scheduler_.trace(node.server->settings().host,
                   "is promoted to timeline " + std::to_string(timeline));
  scheduler_.note("promote", index, timeline);
  node.data->promote(timeline);
  node.server->set_in_recovery(false);
  node.upstream.reset();
  primary_ = index;
  if (settings_.synchronous) node.server->set_synchronized(node.data->insert_lsn());
  node.data->work(scheduler_.now());
  for (std::uint32_t i = 0; i < size(); ++i) {
    const Node& other = *nodes_[i];
    // Some notice at once, the others follow the old one for a while: see rejoin().
    if (i != index && other.server->up() && other.data->in_recovery() && random_.chance(60)) {
      rejoin(i);
    }
  }
}

void Cluster::switch_over(std::uint32_t to) {
  const std::uint32_t from = primary_;
  nodes_[from]->server->shut_down();
  const auto& log = nodes_[from]->data->log();
  Database& standby = *nodes_[to]->data;
  for (std::size_t i = standby.log().size(); i < log.size(); ++i) {
    standby.receive(log[i], nodes_[from]->data->timeline());
  }
  promote(to);
}

void Cluster::rejoin(std::uint32_t index) {
  if (index == primary_) return;
  Node& node = *nodes_[index];
  const Database& leader = *nodes_[primary_]->data;
  const std::size_t shared = common(*node.data, leader);
  const bool stays = node.data->in_recovery() && shared == node.data->log().size();
  node.upstream = primary_;
  if (stays) return flow();
  if (node.server->up()) node.server->crash();
  node.data->rewind(shared == 0 ? Database::start_of_wal : node.data->log()[shared - 1]->end);
  node.server->set_in_recovery(true);
  node.server->set_synchronized(UINT64_MAX);
  node.data->follow(leader.timeline());
  scheduler_.after(random_.between(milliseconds(20), milliseconds(300)), "rejoin", index,
                   [this, index] {
                     nodes_[index]->server->start();
                     flow();
                   });
}

bool Cluster::is_left_behind(std::uint32_t index) const {
  return index != primary_ && !nodes_[index]->data->in_recovery();
}

}  // namespace heim::sim
