// The catalogs of the databases, as all workers share them.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "sql/catalog.hpp"

namespace heim::session {

/// [any thread] By the name of the database on the server. Nobody waits for a catalog: until it is
/// there, whatever it would tell counts as the worst.
class Catalogs {
 public:
  /// Counts changes: while it stays, find() gives what it gave before.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  /// Null while it is not known.
  sql::CatalogRef find(const std::string& database) {
    const std::lock_guard lock(mutex_);
    return entries_[database].catalog;
  }
  /// True for one caller, if it is time: that one has to ask a server, and to call loaded() or
  /// failed() then.
  bool begin_load(const std::string& database, Instant now) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[database];
    const bool old = now - entry.asked > max_age;
    if (entry.loading || entry.changing > 0 || now < entry.not_before) return false;
    if (entry.catalog && !old) return false;
    entry.loading = true;
    entry.asked = now;
    entry.asked_version = entry.version;
    return true;
  }
  /// Something in the database has changed.
  void changed(const std::string& database) {
    const std::lock_guard lock(mutex_);
    forget(entries_[database]);
  }
  /// Something in it will have changed by change_ends(): what is read before may lack that.
  void change_begins(const std::string& database) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[database];
    ++entry.changing;
    forget(entry);
  }
  void change_ends(const std::string& database) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[database];
    --entry.changing;
    forget(entry);
  }
  /// Anything in any of them.
  void all_changed() {
    const std::lock_guard lock(mutex_);
    for (auto& [database, entry] : entries_) forget(entry);
  }
  void loaded(const std::string& database, Instant now, sql::CatalogRef catalog) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[database];
    entry.loading = false;
    // Where it is much work, it is not done all the time.
    entry.not_before = now + std::max<Duration>(min_pause, 10 * (now - entry.asked));
    entry.asked = now;
    // What changed while it was read may be missing in it.
    if (entry.version == entry.asked_version) entry.catalog = std::move(catalog);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }
  void failed(const std::string& database, Instant now) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[database];
    entry.loading = false;
    entry.not_before = now + retry_pause;
  }

 private:
  static constexpr Duration max_age = std::chrono::minutes(5);  // for changes made elsewhere
  static constexpr Duration min_pause = std::chrono::milliseconds(200);
  static constexpr Duration retry_pause = std::chrono::seconds(10);
  struct Entry {
    sql::CatalogRef catalog;
    std::uint64_t version = 0, asked_version = 0;
    Instant asked{}, not_before{};
    bool loading = false;
    std::uint32_t changing = 0;  // changes that are under way
  };
  void forget(Entry& entry) {
    ++entry.version;
    entry.catalog = nullptr;
    version_.fetch_add(1, std::memory_order_acq_rel);
  }
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace heim::session
