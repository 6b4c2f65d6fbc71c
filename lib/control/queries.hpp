// What the monitor asks, and what the answers mean.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cluster/probe.hpp"
#include "control/link.hpp"

namespace heim::control {

/// Everything about a node in one row.
extern const Question probe_question;
/// Only how far a standby has replayed; only where a primary's WAL is.
extern const Question position_question;
extern const Question insert_question;
/// Who streams from a primary.
extern const Question senders_question;

struct Probed {
  cluster::Answer answer;
  Duration work{};  // of the server
};
/// None if the row is not what was asked for.
std::optional<Probed> read_probe(const Rows& rows);

struct Position {
  std::uint64_t lsn = 0;
  Duration work{};
};
std::optional<Position> read_position(const Rows& rows);

/// A row of pg_stat_replication.
struct Sender {
  std::string node;  // that told it
  std::string application_name, client_addr, client_hostname, state, sync_state;
  std::uint64_t sent = 0, written = 0, flushed = 0, replayed = 0;
  std::optional<Duration> write_lag, flush_lag, replay_lag;
};
std::vector<Sender> read_senders(const Rows& rows);

/// Where the last record ends if the next one is to begin at `insert`: at a page's begin, the next
/// one begins behind its header. No standby would get there before more is written.
std::uint64_t end_of_records(std::uint64_t insert, std::uint64_t block, std::uint64_t segment);

/// Of the first row: such a position, whose sizes stand in the two columns from `sizes` on.
std::uint64_t read_insert(const Rows& rows, int column, int sizes);
/// Of the first row: microseconds.
Duration read_work(const Rows& rows, int column);

/// "16/B374D848" as a number; 0 if it is none.
std::uint64_t parse_lsn(std::string_view text);

}  // namespace heim::control
