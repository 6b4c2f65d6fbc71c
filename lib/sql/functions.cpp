#include "sql/functions.hpp"

#include <algorithm>
#include <iterator>

namespace heim::sql {

namespace {

struct Known {
  std::string_view name;
  char volatility;
};

constexpr Known known[] = {
#include "sql/builtins.inc"
};
static_assert(std::ranges::is_sorted(known, {}, &Known::name));

struct Special {
  std::string_view name;
  Effects effects;
};

/// What being volatile or stable does not say. set_config is read where it is called.
constexpr Special special[] = {
    {"currval", effect::reads_sequence},
    // Run what a text says, or read what a name says.
    {"cursor_to_xml", effect::suspicious},
    {"cursor_to_xmlschema", effect::suspicious},
    {"database_to_xml", effect::suspicious},
    {"database_to_xml_and_xmlschema", effect::suspicious},
    {"database_to_xmlschema", effect::suspicious},
    {"lastval", effect::reads_sequence},
    {"nextval", effect::advances_sequence | effect::calls_nextval},
    {"pg_advisory_lock", effect::advisory_lock},
    {"pg_advisory_lock_shared", effect::advisory_lock},
    {"pg_advisory_unlock", effect::advisory_lock | effect::lets_go},
    {"pg_advisory_unlock_all", effect::advisory_lock | effect::lets_go},
    {"pg_advisory_unlock_shared", effect::advisory_lock | effect::lets_go},
    // A backup, a temporary slot and a replication origin last as long as the session does.
    {"pg_backup_start", effect::suspicious},
    {"pg_backup_stop", effect::suspicious},
    {"pg_copy_logical_replication_slot", effect::suspicious},
    {"pg_copy_physical_replication_slot", effect::suspicious},
    {"pg_create_logical_replication_slot", effect::suspicious},
    {"pg_create_physical_replication_slot", effect::suspicious},
    // Called stable, yet it gives the transaction an id: that is a write.
    {"pg_current_xact_id", effect::is_volatile},
    // Tells what this very server listens on.
    {"pg_listening_channels", effect::is_stable | effect::listens},
    // Output plugins are code of others.
    {"pg_logical_slot_get_binary_changes", effect::suspicious},
    {"pg_logical_slot_get_changes", effect::suspicious},
    {"pg_logical_slot_peek_binary_changes", effect::suspicious},
    {"pg_logical_slot_peek_changes", effect::suspicious},
    {"pg_notify", effect::notifies},
    {"pg_replication_origin_session_reset", effect::suspicious},
    {"pg_replication_origin_session_setup", effect::suspicious},
    {"pg_replication_origin_xact_reset", effect::suspicious},
    {"pg_replication_origin_xact_setup", effect::suspicious},
    {"pg_replication_slot_advance", effect::suspicious},
    {"pg_stat_force_next_flush", effect::is_volatile | effect::own_server},
    {"pg_try_advisory_lock", effect::advisory_lock},
    {"pg_try_advisory_lock_shared", effect::advisory_lock},
    {"query_to_xml", effect::suspicious},
    {"query_to_xml_and_xmlschema", effect::suspicious},
    {"query_to_xmlschema", effect::suspicious},
    {"schema_to_xml", effect::suspicious},
    {"schema_to_xml_and_xmlschema", effect::suspicious},
    {"schema_to_xmlschema", effect::suspicious},
    {"set_config", 0},
    {"setseed", effect::seeds},
    {"setval", effect::advances_sequence | effect::calls_nextval},
    {"table_to_xml", effect::suspicious},
    {"table_to_xml_and_xmlschema", effect::suspicious},
    {"table_to_xmlschema", effect::suspicious},
    {"ts_rewrite", effect::suspicious},
    {"ts_stat", effect::suspicious},
    {"txid_current", effect::is_volatile},
};
static_assert(std::ranges::is_sorted(special, {}, &Special::name));

template <class Row, std::size_t count>
const Row* find(const Row (&rows)[count], std::string_view name) {
  const Row* row = std::ranges::lower_bound(rows, name, {}, &Row::name);
  return row != std::end(rows) && row->name == name ? row : nullptr;
}

}  // namespace

Builtin builtin(std::string_view name) {
  const Known* row = find(known, name);
  if (row == nullptr) return {};
  if (const Special* more = find(special, name)) return {true, more->effects};
  switch (row->volatility) {
    case 'v':
      return {true, effect::is_volatile};
    case 's':
      return {true, effect::is_stable};
    default:
      return {true, 0};
  }
}

}  // namespace heim::sql
