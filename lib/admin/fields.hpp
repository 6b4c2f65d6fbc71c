// A SHOW as a list of columns, each with the function that takes its value from a row.
#pragma once
#include <concepts>
#include <span>
#include <string>
#include <string_view>

#include "admin/table.hpp"
#include "session/snapshot.hpp"

namespace heim::admin {

template <class T>
struct Field {
  std::string_view name;
  Type type;
  Cell (*get)(const T& row, const session::Snapshot& snapshot);
};

/// The lists of fields.cpp, in PgBouncer's order with ours at the end.
std::span<const Field<session::PoolRow>> pool_fields();
std::span<const Field<session::ClientRow>> client_fields();
std::span<const Field<session::ServerRow>> server_fields();
std::span<const Field<session::ConnectionRow>> socket_fields();
std::span<const Field<session::ConnectionRow>> fd_fields();
std::span<const Field<session::DatabaseRow>> database_fields();
std::span<const Field<session::UserRow>> user_fields();
std::span<const Field<session::PinRow>> pin_fields();
std::span<const Field<session::NodeRow>> node_fields();
std::span<const Field<session::ReplicationRow>> replication_fields();
std::span<const Field<session::RouteRow>> route_fields();
std::span<const Field<session::LedgerRow>> ledger_fields();
std::span<const Field<session::ExplainRow>> explain_fields();
std::span<const Field<session::CacheQueryRow>> cache_query_fields();
std::span<const Field<session::CacheTableRow>> cache_table_fields();
std::span<const Field<session::ListRow>> list_fields();
std::span<const Field<session::MemRow>> memory_fields();
std::span<const Field<session::ConfigRow>> config_fields();

/// "2026-11-21 00:45:24 UTC" of a point on the snapshot's monotonic clock.
std::string date(Instant when, const session::Snapshot& snapshot);

inline Cell cell(const std::string& text) { return text; }
template <std::unsigned_integral T>
Cell cell(T value) {
  return std::to_string(value);
}
inline Cell cell(const std::optional<std::uint64_t>& value) {
  return value ? cell(*value) : Cell();
}
/// NULL if there is nothing to say.
inline Cell unless_empty(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

}  // namespace heim::admin
