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

/// Volatile, yet all they do is give a value that is another one each time, or wait: on a standby
/// as well as on the primary. (What setseed() did, the session that did it keeps on its server.)
constexpr std::string_view only_values[] = {
    "clock_timestamp", "gen_random_uuid", "pg_sleep",  "pg_sleep_for",
    "pg_sleep_until",  "random",          "timeofday",
};
static_assert(std::ranges::is_sorted(only_values));

/// Not volatile, yet another server gives another answer: who it is, how it is set and fares.
constexpr std::string_view of_server[] = {
    "current_setting",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_backend_pid",
    "pg_conf_load_time",
    "pg_config",
    "pg_current_snapshot",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "pg_cursor",
    "pg_is_other_temp_schema",
    "pg_listening_channels",
    "pg_my_temp_schema",
    "pg_postmaster_start_time",
    "pg_prepared_statement",
    "pg_show_all_settings",
    "txid_current",
    "txid_current_if_assigned",
    "txid_current_snapshot",
};
static_assert(std::ranges::is_sorted(of_server));

/// Stable, and the answer hangs on nothing but arguments, tables, catalogs, settings, the database
/// and who asks. (What casts a text of a table to a time is not asked: 'now' may stand there.)
constexpr std::string_view steady[] = {
    "anytextcat",
    "array_to_json",
    "array_to_string",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "concat",
    "concat_ws",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "date",
    "date_part",
    "date_trunc",
    "datemultirange",
    "daterange",
    "enum_first",
    "enum_last",
    "enum_range",
    "extract",
    "float4",
    "float8",
    "format",
    "format_type",
    "generate_series",
    "get_current_ts_config",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "interval",
    "json",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_path_exists_tz",
    "jsonb_path_match_tz",
    "jsonb_path_query_array_tz",
    "jsonb_path_query_first_tz",
    "jsonb_path_query_tz",
    "length",
    "make_timestamptz",
    "money",
    "name",
    "numeric",
    "numrange",
    "overlaps",
    "pg_typeof",
    "phraseto_tsquery",
    "plainto_tsquery",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "session_user",
    "text",
    "textanycat",
    "timestamp",
    "timestamptz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "ts_headline",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varchar",
    "version",
    "websearch_to_tsquery",
    "xml",
};
static_assert(std::ranges::is_sorted(steady));

Traits traits_of(const std::string_view name, char volatility, Effects effects) {
  Traits traits = 0;
  const bool may_change = volatility == 'v' || (effects & effect::is_volatile) != 0;
  const bool asks = name.starts_with("pg_stat_get_") || name.starts_with("pg_is_") ||
                    name.starts_with("pg_last_");
  const bool value = std::ranges::binary_search(only_values, name);
  if (may_change && !asks && !value) traits |= trait::changes;
  if (asks || std::ranges::binary_search(of_server, name)) traits |= trait::server;
  if (volatility != 'i' && !std::ranges::binary_search(steady, name)) traits |= trait::fleeting;
  return traits;
}

template <class Row, std::size_t count>
const Row* find(const Row (&rows)[count], std::string_view name) {
  const Row* row = std::ranges::lower_bound(rows, name, {}, &Row::name);
  return row != std::end(rows) && row->name == name ? row : nullptr;
}

}  // namespace

Builtin builtin(std::string_view name) {
  const Known* row = find(known, name);
  if (row == nullptr) return {};
  Effects effects = 0;
  if (const Special* more = find(special, name)) {
    effects = more->effects;
  } else if (row->volatility == 'v') {
    effects = effect::is_volatile;
  } else if (row->volatility == 's') {
    effects = effect::is_stable;
  }
  return {true, effects, traits_of(name, row->volatility, effects)};
}

}  // namespace heim::sql
