#include "freshness/tables.hpp"

#include <algorithm>

namespace heim::freshness {

namespace {

std::string key_of(std::uint16_t database, std::string_view table) {
  std::string key = std::to_string(database);
  key += '\0';
  key += table;
  return key;
}

}  // namespace

// Room for a table or two beside the entries that stand for many.
Tables::Tables(std::uint32_t tables, std::uint16_t databases)
    : max_tables_(std::max<std::uint32_t>(tables, 6)),
      max_databases_(std::max<std::uint16_t>(databases, 2)),
      entries_(std::make_unique<Table[]>(max_tables_)),
      everything_(std::make_unique<std::atomic<std::uint32_t>[]>(max_databases_)) {
  database_names_.emplace_back();
  add(0, "*");
  add(0, "group *");
}

std::uint32_t Tables::add(std::uint16_t database, std::string_view table) {
  const std::uint32_t id = count();
  entries_[id].database = database;
  names_.emplace_back(table);
  ids_.emplace(key_of(database, table), id);
  count_.store(id + 1, std::memory_order_release);
  return id;
}

/// The last one is shared by all that have no place.
std::uint16_t Tables::database(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto known = std::find(database_names_.begin() + 1, database_names_.end(), name);
  if (known != database_names_.end()) {
    return static_cast<std::uint16_t>(known - database_names_.begin());
  }
  const bool shared = database_names_.size() + 1 >= max_databases_ || count() >= max_tables_;
  if (shared && database_names_.size() > 1 && database_names_.back() == "*") {
    overflows_.fetch_add(1, std::memory_order_relaxed);
    return static_cast<std::uint16_t>(database_names_.size() - 1);
  }
  const auto id = static_cast<std::uint16_t>(database_names_.size());
  if (id >= max_databases_) return static_cast<std::uint16_t>(max_databases_ - 1);
  database_names_.emplace_back(shared ? "*" : name);
  // With no entry left, all that is not known by name is the whole server's.
  everything_[id].store(count() < max_tables_ ? add(id, "*") : server_wide,
                        std::memory_order_release);
  return id;
}

std::uint32_t Tables::everything(std::uint16_t database) const {
  return everything_[database].load(std::memory_order_acquire);
}

std::uint32_t Tables::intern(std::uint16_t database, std::string_view table,
                             std::uint32_t instead) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(key_of(database, table));
  if (known != ids_.end()) return known->second;
  // A quarter is kept for the databases that are still to come.
  if (count() >= max_tables_ - max_tables_ / 4) {
    overflows_.fetch_add(1, std::memory_order_relaxed);
    return instead;
  }
  return add(database, table);
}

std::optional<std::uint32_t> Tables::find(std::uint16_t database, std::string_view table) const {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(key_of(database, table));
  return known == ids_.end() ? std::nullopt : std::optional(known->second);
}

std::pair<std::string, std::string> Tables::names(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  if (id >= names_.size()) return {};
  return {database_names_[entries_[id].database], names_[id]};
}

std::string Tables::name(std::uint32_t id) const {
  const auto [database, table] = names(id);
  return database.empty() ? table : database + "." + table;
}

}  // namespace heim::freshness
