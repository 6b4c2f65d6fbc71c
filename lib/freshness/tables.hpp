// The tables of the ledger: their names, and what is known of each.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"

namespace heim::freshness {

using config::Temperature;

/// One table. What the parts mean and in which order they change: ledger.hpp.
struct alignas(64) Table {
  static constexpr int epoch_bits = 44;
  static constexpr std::uint64_t epoch_mask = (std::uint64_t{1} << epoch_bits) - 1;
  static constexpr std::uint64_t one_in_flight = std::uint64_t{1} << epoch_bits;

  static std::uint64_t dirty(std::uint64_t word) { return word & epoch_mask; }
  static std::uint32_t in_flight(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> epoch_bits);
  }

  std::atomic<std::uint64_t> word{0};
  std::atomic<std::uint64_t> lsn{0};
  std::atomic<std::uint64_t> version{0};
  std::atomic<std::int64_t> written_ns{0};  // the last commit's end, of the engine's clock; 0: none
  std::atomic<std::uint8_t> temperature{static_cast<std::uint8_t>(1)};
  std::uint16_t database = 0;  // set before the id is given out
};

/// Names to ids. [any thread] Ids are handed out once and never taken back; a fixed number fits.
class Tables {
 public:
  Tables(std::uint32_t tables, std::uint16_t databases);

  /// What concerns the whole server, and all groups of sessions that have no entry of their own.
  static constexpr std::uint32_t server_wide = 0, other_groups = 1;

  /// 0 is of no database: what concerns the whole server, and groups of sessions.
  std::uint16_t database(std::string_view name);
  /// Where no more fit: `instead`.
  std::uint32_t intern(std::uint16_t database, std::string_view table, std::uint32_t instead);
  /// Nothing: it has no entry.
  std::optional<std::uint32_t> find(std::uint16_t database, std::string_view table) const;
  std::uint32_t everything(std::uint16_t database) const;
  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  std::uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

  Table& operator[](std::uint32_t id) { return entries_[id]; }
  const Table& operator[](std::uint32_t id) const { return entries_[id]; }
  std::string name(std::uint32_t id) const;
  /// The two parts of a name.
  std::pair<std::string, std::string> names(std::uint32_t id) const;

 private:
  std::uint32_t add(std::uint16_t database, std::string_view table);

  std::uint32_t max_tables_;
  std::uint16_t max_databases_;
  std::unique_ptr<Table[]> entries_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> everything_;  // by database
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint64_t> overflows_{0};
  mutable std::mutex mutex_;  // of what follows
  std::vector<std::string> names_;
  std::vector<std::string> database_names_;
  std::unordered_map<std::string, std::uint32_t> ids_;  // database and name, a zero byte between
};

}  // namespace heim::freshness
