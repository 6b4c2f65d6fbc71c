// Whether a stream of commits is in step with its server, and since when that is known.
//
// A commit can be in the stream before others see it: a session whose commit waits for a standby,
// or for the processor, is still running in their snapshots. An answer that is read in between
// lacks the commit, and the stream will not tell of it again. So a commit counts once a snapshot
// shows that its transaction has ended.
//
// Questions to the server bring both: where its WAL ends, and a snapshot. Whatever was visible when
// it was asked has its record before that end, and has ended in that snapshot. Once the stream has
// got there, all of it has been in the stream, and what waits for a snapshot that is no older has
// been let go: all that was visible at that time is known.
//
// What was running when the stream began may have had its record before that: nothing is known
// until that has ended, too.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "freshness/changes.hpp"

namespace heim::freshness {

/// Which transactions were running, as txid_current_snapshot() prints it: "10:20:10,14,15".
struct Running {
  std::uint32_t next = 0;           // that was to come; all from it on count as running
  std::vector<std::uint32_t> xids;  // sorted
  static std::optional<Running> parse(std::string_view text);
  bool has(std::uint32_t xid) const;
};

/// One stream, from its beginning.
class InStep {
 public:
  /// What the server said. `wal_end`: where its last record ends.
  void answered(Instant asked, std::uint64_t wal_end, Running running);
  /// The stream has told everything up to there.
  void reached(std::uint64_t lsn);
  void committed(Commit commit);
  /// Those that are visible now. To be told to the ledger before known() is asked.
  std::vector<Commit> take_visible();

  /// What was running at the beginning has ended.
  bool begun() const { return begun_; }
  /// When it was last in step; Instant{}: not yet.
  Instant known() const { return known_; }
  /// A snapshot is waited for.
  bool waits_for_snapshot() const { return !waiting_.empty(); }
  /// The stream is waited for, since then: where the server was, it has not said to be.
  std::optional<Instant> waits_for_stream() const;
  std::uint64_t position() const { return reached_; }
  std::uint64_t wal_end() const { return wal_end_; }

 private:
  struct Answer {
    Instant asked;
    std::uint64_t wal_end;
  };
  static constexpr std::size_t most_answers = 256;
  void settle();

  std::optional<Running> at_first_;
  Running running_;
  bool begun_ = false;
  std::uint64_t reached_ = 0, wal_end_ = 0;
  std::deque<Answer> answers_;  // the stream has not got there yet
  std::vector<Commit> waiting_;
  Instant known_{};
};

}  // namespace heim::freshness
