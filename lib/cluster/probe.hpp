// What is heard of a node, as events of the reducer.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace heim::cluster {

/// A probe's answer.
struct Answer {
  bool in_recovery = false;
  bool read_only = false;          // its transactions are, by default
  std::uint32_t timeline = 0;      // of its WAL: written or, in recovery, received
  std::uint64_t system = 0;        // system identifier; 0: not told
  std::uint64_t insert = 0;        // of a primary: pg_current_wal_insert_lsn()
  std::uint64_t received = 0;      // of a standby
  std::uint64_t replayed = 0;      // of a standby
  std::optional<Duration> behind;  // since the commit that was replayed last, by the node's clock
  Duration latency{};
};

enum class Failure : std::uint8_t {
  refused,    // nobody listens, or there is no way there
  lost,       // a connection ended
  timed_out,  // silence
  starting,   // it starts, stops or recovers: 57P01 to 57P03
  full,       // out of connections: it lives
  denied,     // it lives, and does not let the monitor in
  unhealthy,  // the health query failed or said no
};

struct Trouble {
  Failure kind = Failure::refused;
  std::string text;  // for people
};

/// What an operator wants of a node.
enum class Order : std::uint8_t { enable, drain, maintain };

}  // namespace heim::cluster
