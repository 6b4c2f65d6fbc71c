#include "storm.hpp"

namespace heim::sim {

Storm::Storm(Network& network, Cluster& cluster, Random random, const ClusterFaults& faults,
             Instant end)
    : network_(network), cluster_(cluster), random_(random), faults_(faults), end_(end) {}

void Storm::later(Duration low, Duration high, std::string_view what, std::function<void()> then) {
  network_.scheduler().after(random_.between(low, high), what, 0, std::move(then));
}

void Storm::begin() {
  if (!faults_.standbys && !faults_.lag && !faults_.primary && !faults_.failovers) return;
  later(milliseconds(5), milliseconds(300), "cluster fault", [this] {
    if (network_.scheduler().now() >= end_) return;
    strike();
    begin();
  });
}

std::uint32_t Storm::some_standby() {
  const auto index = static_cast<std::uint32_t>(random_.below(cluster_.size() - 1));
  return index < cluster_.primary() ? index : index + 1;
}

void Storm::strike() {
  switch (random_.below(5)) {
    case 0:
    case 1:
      if (faults_.standbys) hit(some_standby());
      break;
    case 2:
      if (faults_.lag) delay_log(some_standby());
      break;
    case 3:
      if (faults_.primary && !replacing_) hit(cluster_.primary());
      break;
    default:
      if (faults_.failovers && !replacing_) take_leader();
  }
}

void Storm::hit(std::uint32_t index) {
  Server& server = cluster_.server(index);
  const Duration low = milliseconds(10), high = milliseconds(1500);
  switch (random_.below(6)) {
    case 0:
      if (!server.up()) return;
      server.crash();
      return later(low, high, "restart", [this, &server] {
        server.start();
        cluster_.flow();
      });
    case 1:
      if (!server.up() || server.frozen()) return;
      server.freeze();
      return later(low, high, "thaw", [this, &server] {
        server.thaw();
        cluster_.flow();
      });
    case 2:
      if (network_.host(host(index)).partitioned()) return;
      network_.partition(host(index), true);
      return later(low, high, "heal", [this, index] { network_.partition(host(index), false); });
    case 3:
      server.set_slowness(random_.between(milliseconds(1), milliseconds(30)));
      return later(low, high, "fast again", [&server] { server.set_slowness(Duration(0)); });
    default:
      return server.terminate_one();
  }
}

void Storm::delay_log(std::uint32_t index) {
  const Duration low = milliseconds(20), high = milliseconds(2000);
  switch (random_.below(3)) {
    case 0:
      cluster_.pause(index, true);
      return later(low, high, "resume", [this, index] { cluster_.pause(index, false); });
    case 1:
      cluster_.cut(index, true);
      return later(low, high, "connect", [this, index] { cluster_.cut(index, false); });
    default:
      cluster_.set_apply_delay(index, random_.between(milliseconds(5), milliseconds(500)));
      return later(low, high, "no delay",
                   [this, index] { cluster_.set_apply_delay(index, Duration(0)); });
  }
}

// ---- another primary

void Storm::take_leader() {
  const std::uint32_t old = cluster_.primary();
  Server& server = cluster_.server(old);
  if (!server.up() || server.frozen() || network_.host(host(old)).partitioned()) return;
  const Way way = static_cast<Way>(random_.below(4));
  replacing_ = true;
  if (way == Way::death) server.crash();
  if (way == Way::freeze) server.freeze();
  if (way == Way::partition) {
    network_.partition(host(old), true);
    cluster_.cut(old, true);
  }
  if (way == Way::switch_over) return replace(way, old);
  later(milliseconds(20), milliseconds(800), "fail over", [this, way, old] { replace(way, old); });
}

void Storm::replace(Way way, std::uint32_t old) {
  if (const auto next = cluster_.candidate()) {
    if (way == Way::switch_over) {
      cluster_.switch_over(*next);
    } else {
      cluster_.promote(*next);
    }
  }
  later(milliseconds(5), milliseconds(1500), "come back",
        [this, way, old] { bring_back(way, old); });
}

/// The old primary is there again, and may not know yet that it is the old one.
void Storm::bring_back(Way way, std::uint32_t old) {
  if (way == Way::freeze) cluster_.server(old).thaw();
  if (way == Way::partition) {
    network_.partition(host(old), false);
    cluster_.cut(old, false);
  }
  const bool starts = way == Way::death || (way == Way::switch_over && random_.chance(30));
  if (starts || !cluster_.is_left_behind(old)) cluster_.server(old).start();
  cluster_.flow();
  later(milliseconds(5), milliseconds(1500), "settle", [this] { settle(); });
}

/// All follow the newest primary.
void Storm::settle() {
  for (std::uint32_t i = 0; i < cluster_.size(); ++i) cluster_.rejoin(i);
  replacing_ = false;
}

}  // namespace heim::sim
