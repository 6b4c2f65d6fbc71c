// What befalls the nodes of a cluster: they die, stop, are cut off, fall behind, and change places.
#pragma once
#include <functional>

#include "cluster.hpp"

namespace heim::sim {

struct ClusterFaults {
  bool standbys = false;   // they die, freeze, are cut off, are slow
  bool lag = false;        // replay pauses, the log stops
  bool primary = false;    // it dies and comes back
  bool failovers = false;  // it dies, freezes or is cut off, or leaves; a standby is promoted
};

class Storm {
 public:
  Storm(Network& network, Cluster& cluster, Random random, const ClusterFaults& faults,
        Instant end);
  /// Faults come from now on until the end. Each passes.
  void begin();

 private:
  enum class Way { death, freeze, partition, switch_over };
  void strike();
  void hit(std::uint32_t index);
  void delay_log(std::uint32_t index);
  void take_leader();
  void replace(Way way, std::uint32_t old);
  void bring_back(Way way, std::uint32_t old);
  void settle();
  std::uint32_t some_standby();
  const std::string& host(std::uint32_t index) { return cluster_.server(index).settings().host; }
  void later(Duration low, Duration high, std::string_view what, std::function<void()> then);

  Network& network_;
  Cluster& cluster_;
  Random random_;
  ClusterFaults faults_;
  Instant end_;
  bool replacing_ = false;
};

}  // namespace heim::sim
