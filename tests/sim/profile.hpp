// What a simulated world contains and what may happen to it. Drawn from a seed by draw_profile(),
// or fixed by a test.
#pragma once
#include <cstdint>
#include <string>

#include "cluster.hpp"
#include "config/settings.hpp"
#include "network.hpp"
#include "oracle.hpp"
#include "storm.hpp"

namespace heim::sim {

/// How often clients do what, in parts of a hundred unless said otherwise.
struct Habits {
  std::uint32_t extended = 50;      // units that use the extended protocol
  std::uint32_t pipelining = 20;    // the next unit goes out before this one is answered
  std::uint32_t transactions = 30;  // statements outside of one that begin one
  std::uint32_t errors = 6;         // statements that fail
  std::uint32_t copies = 8;
  std::uint32_t copy_syncs = 5;  // messages of data for COPY with a Sync or Flush behind them
  std::uint32_t eager_copies =
      40;  // of the COPYs in: the data goes out before the server asks for it
  std::uint32_t settings = 15;
  std::uint32_t resets = 100;     // of the RESETs: others show the setting instead
  std::uint32_t functions = 2;    // FunctionCall
  std::uint32_t large = 3;        // results of many rows
  std::uint32_t sql_prepare = 0;  // PREPARE and EXECUTE in SQL
  std::uint32_t temp_tables = 0;
  std::uint32_t notifications = 0;   // LISTEN and NOTIFY
  std::uint32_t discard = 1;         // DISCARD ALL, DEALLOCATE ALL
  std::uint32_t unsure_names = 100;  // named statements while it is unknown which of them exist
  std::uint32_t pipelined_discard =
      100;                // DISCARD ALL and DEALLOCATE ALL with other things in the pipeline
  std::uint32_t ddl = 0;  // ALTER TABLE, and statements that feel it
  std::uint32_t unreported = 30;   // of the settings: such as are not reported
  std::uint32_t cancels = 0;       // units followed by a cancel request
  std::uint32_t vanishing = 0;     // units in the middle of which the client goes away
  std::uint32_t slow_reading = 0;  // units in the middle of which it stops reading for a while
  std::uint32_t half_close = 0;    // leave-takings with a half-close
  std::uint32_t tls = 0;           // connections that ask for TLS
  std::uint32_t startup_parameters = 30;
  std::uint32_t tables = 0;        // reads and writes of tables that all clients share
  std::uint32_t table_reads = 60;  // of these, the reads
  std::uint32_t same_reads = 0;    // of the reads: such as others ask, too
  std::uint32_t loose_reads = 0;   // of the same reads: whatever was right once will do
  std::uint32_t hot_table = 0;     // of the writes: to one and the same table
  std::uint32_t hints = 0;         // of the reads
  std::uint32_t savepoints = 0;    // of the statements in a transaction
};

struct Faults {
  bool crashes = false, terminations = false, shutdowns = false, partitions = false,
       refusals = false, wire_resets = false;
};

struct Profile {
  std::string name;
  std::uint32_t clients = 6;
  std::uint32_t units = 25;  // per client
  std::uint32_t databases = 1, users = 2;
  bool splits = false;  // the proxy reads from standbys
  bool caches = false;  // it keeps answers
  Duration think_max = milliseconds(20);
  Duration storm = seconds(20);      // for how long faults happen
  Duration patience = seconds(300);  // after that, for all clients to be done
  Quality quality;
  Habits habits;
  Faults faults;
  ClusterSettings cluster;
  ClusterFaults cluster_faults;
  Tolerance tolerance;
  bool server_tls = false;
  config::PoolMode pool_mode = config::PoolMode::session;  // if there is a proxy
};

}  // namespace heim::sim
