// What one server has of its cluster's data: a log of commits, and how much of it can be seen.
//
// A primary appends and shows at once; a standby is given records and replays them later. The
// shape of tables and the channels are those of the server alone.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "judge.hpp"
#include "session.hpp"

namespace heim::sim {

/// A commit, or any other record if it writes nothing.
struct Record {
  std::uint32_t timeline = 1;
  std::uint64_t end = 0;  // where the next one begins
  Instant written{};      // by the primary
  std::vector<Write> writes;
};
using RecordRef = std::shared_ptr<const Record>;

class Database {
 public:
  static constexpr std::uint64_t start_of_wal = 0x1000000;
  explicit Database(Judge& judge) : judge_(judge) {}

  // ---- sessions
  void commit(const std::vector<Write>& writes, Instant now);
  std::string read(const std::string& key) const { return at(values_, key, visible_); }
  std::string newest(const std::string& table, Snapshot snapshot) const {
    return at(tables_, table, snapshot);
  }
  Snapshot snapshot() const { return visible_; }
  std::uint64_t schema() const { return schema_; }
  void alter() { ++schema_; }
  Judge& judge() { return judge_; }

  // ---- the log
  /// WAL that no commit ends: of a transaction under way, a checkpoint.
  void work(Instant now) { append({timeline_, insert_lsn() + 64, now, {}}); }
  std::uint32_t timeline() const { return timeline_; }
  std::uint64_t insert_lsn() const { return log_.empty() ? start_of_wal : log_.back()->end; }
  std::uint64_t replayed_lsn() const {
    return visible_ == 0 ? start_of_wal : log_[visible_ - 1]->end;
  }
  const std::vector<RecordRef>& log() const { return log_; }
  bool in_recovery() const { return in_recovery_; }

  // ---- a standby
  void set_in_recovery(bool on) { in_recovery_ = on; }
  /// The next record; `timeline`: of who sends it.
  void receive(RecordRef record, std::uint32_t timeline);
  void follow(std::uint32_t timeline) { timeline_ = timeline; }
  bool behind() const { return visible_ < log_.size(); }
  /// The next one to be replayed.
  const Record& next() const { return *log_[visible_]; }
  void replay();
  void promote(std::uint32_t timeline);
  /// Forgets what is behind `lsn`, as pg_rewind does.
  void rewind(std::uint64_t lsn);

 private:
  using Versions = std::map<std::string, std::vector<std::pair<Snapshot, std::string>>>;
  static std::string at(const Versions& versions, const std::string& name, Snapshot snapshot);
  void append(Record record);

  Judge& judge_;
  std::vector<RecordRef> log_;
  Snapshot visible_ = 0;  // so many records of it
  Versions values_, tables_;
  std::uint32_t timeline_ = 1;
  std::uint64_t schema_ = 0;
  bool in_recovery_ = false;
};

}  // namespace heim::sim
