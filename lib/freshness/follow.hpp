// Writes past this proxy: of which databases they are heard, and up to when. Who follows them
// grants each database a lease again and again; who reads from the cache looks whether it holds.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "freshness/ledger.hpp"

namespace heim::freshness {

/// [any thread] but for connect().
class Follow {
 public:
  struct Options {
    Duration lag = std::chrono::seconds(1);  // how long ago a database may have been in step last
    bool bypass = true;  // without a lease nothing comes from the cache; else its ttl is enough
    std::uint16_t databases = Ledger::Limits().databases;
  };
  explicit Follow(Options options);

  /// Who is to be woken when a database is asked for first. Before all other calls.
  void connect(std::function<void()> wake) { wake_ = std::move(wake); }

  // ---- who reads

  /// Whether the cache may be used for the database. What is asked for is followed from then on.
  bool allows(DatabaseId database, const std::string& name, Instant now) {
    if (places_[database].until.load(std::memory_order_acquire) > now) return true;
    return refuse(database, name);
  }

  // ---- who follows

  struct Wanted {
    DatabaseId database = 0;
    std::string name;
  };
  /// Those that came since the last call.
  std::vector<Wanted> take_wanted();
  /// All that was visible at this moment has been told to the ledger: of rows, and of definitions.
  void in_step(DatabaseId database, Instant rows, Instant objects);
  /// It is not followed, for this reason. The lease ends.
  void lose(DatabaseId database, std::string reason);

  // ---- SHOW CACHE

  struct Row {
    std::string name;
    bool followed = false;  // the lease holds
    std::string reason;     // if not
    /// Since it was last in step; nothing: it never was.
    std::optional<Duration> rows, objects;
    std::uint64_t commits = 0, changes = 0;  // heard of: transactions, changes of definitions
  };
  std::vector<Row> rows(Instant now) const;
  void count(DatabaseId database, std::uint64_t commits, std::uint64_t changes);
  const Options& options() const { return options_; }

 private:
  struct Place {
    std::atomic<Instant> until{Instant{}};
    std::atomic<bool> asked{false};
  };
  struct Entry {
    std::string name;
    std::string reason;
    Instant rows{}, objects{};
    std::uint64_t commits = 0, changes = 0;
  };
  bool refuse(DatabaseId database, const std::string& name);

  const Options options_;
  std::function<void()> wake_;
  std::unique_ptr<Place[]> places_;  // by database
  mutable std::mutex mutex_;         // of what follows
  std::vector<std::pair<DatabaseId, Entry>> entries_;
  std::vector<Wanted> wanted_;
  Entry* find(DatabaseId database);
};

}  // namespace heim::freshness
