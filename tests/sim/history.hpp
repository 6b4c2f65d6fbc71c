// The commits of a cluster over all its timelines, and what a read has to see of them.
//
// A commit survives if its record lies on the newest timeline or, before the switch, on one that it
// came from. What a failover left behind is lost: no read has to see it.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heim::sim {

struct Position {
  std::uint32_t timeline = 0;  // 0: before every commit
  std::uint64_t lsn = 0;
};

/// What one session has seen of each table.
using Seen = std::map<std::string, Position>;

/// How much of what is committed a read must show.
enum class Fresh { strict, session, any };

class History {
 public:
  void begin_timeline(std::uint32_t timeline, std::uint32_t parent, std::uint64_t at);
  std::uint32_t newest_timeline() const { return newest_; }
  bool survives(Position position) const;
  bool keeps(const std::string& tag) const;

  /// A write's commit record ends there.
  void committed(const std::string& tag, const std::string& table, Position position);
  /// Some client was told.
  void acknowledged(const std::string& tag);
  /// Counts what was acknowledged: a read that is sent now must see all up to here.
  std::uint64_t stamp() const { return stamp_; }

  /// A session that has `seen` so much is shown `tag` as the newest write of `table` by a read sent
  /// at `stamp`. What is wrong with it; empty if nothing. What it shows is seen from now on.
  std::string read(const std::string& table, const std::string& tag, std::uint64_t stamp,
                   Fresh fresh, Seen& seen);
  /// The session is told that its own write is committed.
  void own(const std::string& tag, Seen& seen) const;

  std::uint64_t lost() const;  // acknowledged writes that did not survive
  std::uint64_t reads() const { return reads_; }

 private:
  struct Timeline {
    std::uint32_t parent = 0;
    std::uint64_t begins = 0;
  };
  struct Commit {
    std::string table;
    Position position;
  };
  struct Known {
    std::uint64_t stamp = 0;
    std::uint64_t lsn = 0;  // of the last commit acknowledged up to then
    std::string tag;
  };
  /// Whether who has `head` has `position`, too.
  bool covers(Position head, Position position) const;
  std::string missing(const std::string& table, Position head, std::uint64_t stamp) const;

  std::map<std::uint32_t, Timeline> timelines_{{1, {}}};
  std::uint32_t newest_ = 1;
  std::map<std::string, Commit> commits_;                                     // by tag
  std::map<std::string, std::map<std::uint32_t, std::vector<Known>>> known_;  // table, timeline
  std::uint64_t stamp_ = 0, reads_ = 0;
};

}  // namespace heim::sim
