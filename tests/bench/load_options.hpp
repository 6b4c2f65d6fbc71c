// What `load` is asked to do, from its command line.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace heim::bench {

/// How a query is sent: one Query; Parse to Sync with the unnamed statement; or Bind to Sync of a
/// named one.
enum class Protocol : unsigned char { simple, extended, prepared };

/// query: one-row SELECTs. transaction: BEGIN, SELECT, COMMIT as three round trips, counted as one
/// query. connect: a connection for each query. idle: log in, run one query each, then hold until
/// standard input ends. large: long results.
enum class Mode : unsigned char { query, transaction, connect, idle, large };

struct Options {
  std::uint16_t port = 0;
  std::string user = "bench", database = "bench";
  Protocol protocol = Protocol::simple;
  Mode mode = Mode::query;
  unsigned clients = 1;
  unsigned pipeline = 1;  // queries in flight per client, with one Sync behind them
  double rate = 0;  // queries/s over all clients; 0: each sends its next when it has its answer
  double warmup = 0.3, seconds = 1;
  std::string statement = "bench";           // the name used by `prepared`
  unsigned keys = 0;                         // as many different rows are asked for; 0: all of them
  bool parse = true;                         // false: the statement is on every server already
  std::uint32_t rows = 1000000, width = 10;  // large
  std::vector<pid_t> watched;                // whose processor time is reported
};

/// Ends the program with a usage message when the command line is wrong.
Options parse_options(int argc, char** argv);

}  // namespace heim::bench
