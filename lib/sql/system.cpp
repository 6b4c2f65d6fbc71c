#include "sql/system.hpp"

#include <algorithm>
#include <iterator>

namespace heim::sql {

namespace {

// Without pg_largeobject and the statistics, which change without a command that we could tell.
constexpr std::string_view catalogs[] = {
    "pg_aggregate",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_attrdef",
    "pg_attribute",
    "pg_auth_members",
    "pg_authid",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_database",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_group",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_init_privs",
    "pg_language",
    "pg_matviews",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_parameter_acl",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_publication_tables",
    "pg_range",
    "pg_rewrite",
    "pg_roles",
    "pg_rules",
    "pg_seclabel",
    "pg_seclabels",
    "pg_shadow",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_tables",
    "pg_tablespace",
    "pg_timezone_abbrevs",
    "pg_timezone_names",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_config_map",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_type",
    "pg_user",
    "pg_user_mapping",
    "pg_user_mappings",
    "pg_views",
};
static_assert(std::ranges::is_sorted(catalogs));

constexpr std::string_view servers[] = {
    "pg_available_extension",
    "pg_backend_memory",
    "pg_config",
    "pg_cursors",
    "pg_file_settings",
    "pg_hba_file",
    "pg_ident_file",
    "pg_largeobject",
    "pg_locks",
    "pg_prepared_",
    "pg_replication_",
    "pg_sequence",
    "pg_settings",
    "pg_shmem_allocations",
    "pg_stat",
    "pg_subscription",
    "pg_wait_events",
    "pg_aios",
};

}  // namespace

SystemRelation system_relation(std::string_view name) {
  if (!name.starts_with("pg_")) return SystemRelation::none;
  if (std::ranges::binary_search(catalogs, name)) return SystemRelation::catalog;
  const auto begins = [name](std::string_view with) { return name.starts_with(with); };
  return std::ranges::any_of(servers, begins) ? SystemRelation::server : SystemRelation::none;
}

bool is_system_schema(std::string_view schema) {
  return schema == "pg_catalog" || schema == "information_schema";
}

}  // namespace heim::sql
