// The ledger: per table, when it was last written and which position of the WAL has that.
//
// Who reads it asks for the position that a standby must have replayed before it may answer a read
// of some tables. Who writes says so before the commit can become visible, and again when its
// outcome is known.
//
// The order of things. A table has a word of two numbers, changed only by atomic read-modify-write:
// the commits in flight, and the epoch in which the last commit ended whose position is not known
// (0: all are known). Beside it is the position `lsn` that covers all the other commits; it only
// grows. The epoch is counted up by each sample right before its question is sent, and that count
// is the sample's token.
//
//   writer   begin: word +1 in flight      -> COMMIT is sent -> ... -> its answer is read
//            end:   e = epoch;  word: -1 in flight, dirty = max(dirty, e)
//   sampler  token = ++epoch               -> the question is sent -> its answer L is read
//            settle: where dirty != 0 and dirty < token: lsn = max(lsn, L); dirty = 0
//   reader   word == 0 ? lsn : "primary only"
//
//  - A sample covers what it settles: dirty < token says that every commit that ended here read the
//    epoch before the sample counted it up. So its answer was here before the question was sent,
//    and L, the end of the WAL then, is at or behind the end of its record. A commit that ends
//    while the sample is under way has an epoch that is not smaller than the token: it waits for
//    the next.
//  - A commit that ends between two steps of settling changes the word, so the exchange fails and
//    looks again. `lsn` is stored before the word is cleared, and who reads the cleared word reads
//    that `lsn` or a later one. That `lsn` was raised although the exchange then failed only asks
//    for more than is needed.
//  - A reader that sees 0 sees it from before a commit began or from after that was settled. In the
//    first case COMMIT was not even sent when it looked: the read is as old as the commit, and
//    either answer is right. In the second it has the position. There is no third, since the word
//    is not 0 in between. This holds across clients too: an answer that was sent to one happened
//    after `begin`, and what another client asks after hearing of it comes later still.
//  - A commit whose outcome is unknown may yet become visible: it stays in flight for `limbo`.
//  - What was committed before this ledger began to count, the `floor` covers: the first sample. So
//    it does for commits that were not told, see suspend(): the first one that begins after them.
//
// Numbers of the two parts of a word cannot run over: there are no 2^20 connections, and no 2^44
// samples. After a change of timeline, positions behind the point of the switch name nothing that
// survived: see timeline_switched().
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "cluster/sampling.hpp"
#include "freshness/scope.hpp"
#include "freshness/tables.hpp"

namespace heim::freshness {

/// A table, a database's "everything", or a group of sessions, for the life of the ledger.
using TableId = std::uint32_t;
using DatabaseId = std::uint16_t;

enum class Outcome : std::uint8_t { committed, rolled_back, unknown };

/// What one commit may change. A value; a session keeps one while its transaction is open.
/// More tables than fit stand for the whole database.
class WriteSet {
 public:
  static constexpr std::size_t limit = 16;
  void add(TableId table) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (ids_[i] == table) return;
    }
    if (count_ == limit) {
      full_ = true;
    } else {
      ids_[count_++] = table;
    }
  }
  void add(std::span<const TableId> tables) {
    for (const TableId table : tables) add(table);
  }
  /// What tables, views and functions are may change with it, too: what a catalog has.
  void add_objects() { objects_ = true; }
  void clear() { count_ = 0, full_ = objects_ = false; }
  bool empty() const { return count_ == 0; }
  bool full() const { return full_; }
  bool objects() const { return objects_; }
  std::span<const TableId> ids() const { return {ids_, count_}; }

 private:
  TableId ids_[limit];
  std::uint8_t count_ = 0;
  bool full_ = false, objects_ = false;
};

/// A commit that may become visible at any moment. Must be ended, once.
class [[nodiscard]] CommitTicket {
 public:
  CommitTicket() = default;
  bool active() const { return active_; }
  const WriteSet& tables() const { return tables_; }
  /// What the listener calls it; 0: it was not told.
  std::uint64_t told() const { return told_; }

 private:
  friend class Ledger;
  WriteSet tables_;
  TableId overflow_ = 0;  // with a full set: what stands for the rest
  std::uint64_t told_ = 0;
  bool active_ = false;
};

/// Hears of every commit that is told to a ledger by this process, on the thread of whoever tells.
class CommitListener {
 public:
  /// It is counted in flight, and not sent yet. What the commit is called from here on; not 0.
  /// `objects`: see WriteSet.
  virtual std::uint64_t commit_begins(std::span<const TableId> tables, bool objects) = 0;
  /// Its outcome is known, or will not be; nobody was told of it yet.
  virtual void commit_ends(std::uint64_t commit, Outcome outcome) = 0;

 protected:
  ~CommitListener() = default;
};

/// A position that one session keeps: its own last commit, or one that it was given. [one thread]
struct SessionMark {
  std::uint64_t lsn = 0;    // what is known
  std::uint64_t epoch = 0;  // of a commit whose position is not known yet; 0: none
  std::uint32_t open = 0;   // commits in flight
};

/// What a standby must have to answer a read.
struct Verdict {
  std::uint64_t lsn = 0;      // must have been replayed; 0 with `any`: nothing
  bool primary_only = false;  // no position helps yet; `reason` says why
  bool in_flight = false;     // a commit to one of the tables is under way
  bool any = false;           // whatever a standby has will do
  /// bounded: as an alternative, a measured lag shorter than this will do; negative: none would.
  Duration lag_below{-1};
  TableId table = 0;  // the one that asks the most, or that is in the way
  std::string_view reason;

  /// What is known of the standby: `replayed` 0 and `lag_ns` negative mean nothing is.
  bool allows(std::uint64_t replayed, std::int64_t lag_ns) const {
    if (any) return true;
    if (!primary_only && replayed != 0 && replayed >= lsn) return true;
    return lag_ns >= 0 && lag_ns < lag_below.count();
  }
};

/// How a session reads.
struct Reader {
  Freshness freshness;
  const SessionMark* mark = nullptr;  // its own commits
  TableId group = 0;                  // of Ledger::group(); 0: in none
  std::uint64_t min_lsn = 0;          // SET heimproxy.min_lsn: asked of every read, in any scope
  Duration lag_window{0};             // `replication_lag_window`
};

class Ledger final : public cluster::LsnSink {
 public:
  struct Limits {
    std::uint32_t tables = 16'384;  // 64 bytes each
    std::uint16_t databases = 1'024;
    Duration limbo = std::chrono::seconds(60);  // a commit of unknown outcome stays in flight
  };
  Ledger();
  explicit Ledger(Limits limits);
  ~Ledger() override;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// `source` outlives the ledger, or is taken away by null. Asks for the first sample.
  void sample_from(cluster::LsnSource* source);

  // ---- names [any thread]; take a lock: for what is kept, not for each query

  /// Outlives all commits that begin from now on. Before the first.
  void tell(CommitListener* listener) { listener_ = listener; }

  /// By the name on the server.
  DatabaseId database(std::string_view name);
  /// A table, by its name in any schema. Where no more fit: everything(database).
  TableId intern(DatabaseId database, std::string_view table);
  /// The same without keeping it. Nothing: nobody has read or written one of that name.
  std::optional<TableId> find(DatabaseId database, std::string_view table) const;
  /// What an unknown effect writes. Every set of tables that is read contains it.
  TableId everything(DatabaseId database) const { return tables_.everything(database); }
  /// What commands write that concern the whole server: roles, databases, tablespaces. Catalogs
  /// are read with it.
  static constexpr TableId server_wide = Tables::server_wide;
  /// A group of sessions by its name, of all databases. Its commits carry this id beside the
  /// tables'. Never 0. Where no more fit, all further groups share an entry: each sees the others'
  /// commits, too.
  TableId group(std::string_view name);
  /// How many ids there are: 0 to size() - 1.
  std::uint32_t size() const { return tables_.count(); }
  /// The database's name and the table's; the same in all processes. find() is the inverse.
  std::pair<std::string, std::string> names(TableId table) const { return tables_.names(table); }
  TableId find(std::string_view database, std::string_view table);
  /// "table", "*" for everything, with the database's name before a dot.
  std::string name(TableId table) const { return tables_.name(table); }

  const Limits& limits() const { return limits_; }

  // ---- writes [any thread]; no lock unless a table was clean

  /// Before what may make it visible is sent. `database` is written if the set was too small.
  /// `mark`: the session's own; null: none.
  CommitTicket begin_commit(DatabaseId database, const WriteSet& tables,
                            SessionMark* mark = nullptr);
  /// When the outcome is known, before the client is told. With the mark that it began with.
  void end_commit(CommitTicket& ticket, Outcome outcome, Instant now, SessionMark* mark = nullptr);
  /// A commit that somebody else sends, who told us of it; the listener is not told. Ended as any.
  CommitTicket begin_foreign(DatabaseId database, const WriteSet& tables);
  /// A commit that went past this proxy: it is visible, and its record ends at or before `lsn`.
  void heard(std::span<const TableId> tables, std::uint64_t lsn, Instant now);
  /// Ends what was in limbo for long enough.
  void tick(Instant now) override;

  // ---- reads [any thread]; no lock, no shared write

  /// `tables` as sets of reads are made: with everything(), see route::Plan.
  Verdict required(std::span<const TableId> tables, const Reader& reader, Instant now) const;
  /// The same for a read of nobody knows what, or for a snapshot that later reads share.
  Verdict required_everything(DatabaseId database, const Reader& reader, Instant now) const;
  /// Brings a session's mark up to date: what a sample has covered since is known then.
  void settle(SessionMark& mark) const;

  /// Counts the table's writes, before and after each: for caches. Unchanged and not in_flight:
  /// nothing was committed in between.
  std::uint64_t version(TableId table) const;
  bool in_flight(TableId table) const;
  Temperature temperature(TableId table) const;
  void set_temperature(TableId table, Temperature temperature);

  // ---- commits that are not told [any thread]; see Accounting

  /// Not every commit will be told: nothing is read from standbys, but what any of them may answer.
  void suspend();
  /// From here on every commit is told; of those before nothing is known. Until a sample that
  /// begins after this call, nothing is read from standbys.
  void forget_positions(Instant now);

  // ---- samples [one thread]

  std::uint64_t sample_begins() override;
  void sample_done(std::uint64_t token, std::uint64_t lsn) override;
  void sample_failed(std::uint64_t token) override;
  /// Commits behind `lsn` on the timeline before are gone: nobody can wait for them.
  void timeline_switched(std::uint64_t lsn) override;

  // ---- SHOW LEDGER [any thread]

  struct Row {
    std::string database, table;  // "*": everything
    std::uint64_t version = 0, lsn = 0;
    std::uint32_t in_flight = 0;
    bool sampled = true;   // the position of its last commit is known
    Instant last_write{};  // Instant{}: never
    Temperature temperature = Temperature::cold;
  };
  std::vector<Row> rows() const;
  struct Counts {
    std::uint64_t tables = 0, overflows = 0;  // names that did not fit
    std::uint64_t commits = 0, samples = 0, samples_failed = 0;
    std::uint64_t dirty = 0, limbo = 0;  // at the moment
    std::uint64_t floor = 0, last_lsn = 0;
  };
  Counts counts() const;

 private:
  struct Limbo {
    CommitTicket ticket;
    Instant until;
  };

  void begin(TableId table);
  void end(TableId table, bool committed, Instant now);
  void finish(const CommitTicket& ticket, bool committed, Instant now);
  void put_in_limbo(CommitTicket ticket, Instant now);
  void remember(TableId table);
  void want();
  static bool settle(Table& table, std::uint64_t token, std::uint64_t lsn);
  void look(TableId id, Verdict& verdict) const;
  void look_at_floor(Verdict& verdict) const;
  Verdict own(const Reader& reader) const;
  void scope(Verdict& verdict, std::int64_t written, const Reader& reader, Instant now) const;
  template <class Each>
  Verdict over(const Each& each, const Reader& reader, Instant now) const;

  Limits limits_;
  Tables tables_;

  std::atomic<std::uint64_t> epoch_{1};  // the token of the last sample that began
  std::atomic<std::uint64_t> floor_{0};  // of commits before this ledger; 0: not known
  // The last sample that is done: first the position is stored, then the token.
  std::atomic<std::uint64_t> done_lsn_{0}, done_token_{0};
  std::atomic<bool> wanted_{false};
  std::atomic<cluster::LsnSource*> source_{nullptr};
  CommitListener* listener_ = nullptr;
  mutable std::atomic<std::int64_t> since_ns_{0};  // when somebody first asked for the time
  std::atomic<bool> forgot_{false};  // commits went untold: marks and groups lack some, too
  std::atomic<std::uint64_t> commits_{0}, samples_{0}, failed_{0};

  mutable std::mutex mutex_;  // of what follows
  std::vector<TableId> dirty_;
  std::vector<Limbo> limbo_;
  std::uint64_t floor_after_ = 0;  // the floor is a sample's of a greater token
  std::atomic<std::size_t> limbo_count_{0};
};

}  // namespace heim::freshness
