// PostgreSQL's own relations: what a read of one tells.
#pragma once
#include <cstdint>
#include <string_view>

namespace heim::sql {

enum class SystemRelation : std::uint8_t {
  none,     // not one of them
  catalog,  // what is defined: changed by commands, replayed by standbys like any table
  server,   // how this very server is and fares
};

/// By the name in pg_catalog.
SystemRelation system_relation(std::string_view name);
/// pg_catalog, information_schema.
bool is_system_schema(std::string_view schema);

/// What stands for all catalogs among the tables read and written.
inline constexpr std::string_view catalog_entry = "pg_catalog";

}  // namespace heim::sql
