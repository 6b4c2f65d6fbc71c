#include "session/state_probe.hpp"

#include <algorithm>

#include "session/settings.hpp"
#include "wire/framer.hpp"

namespace heim::session {
namespace {

using namespace sql::effect;

constexpr std::string_view eq = " OPERATOR(pg_catalog.=) ";

// A setting that belongs to a transaction, or is asked for apart.
bool is_apart(std::string_view name) {
  static constexpr std::string_view names[] = {"is_superuser",
                                               "role",
                                               "seed",
                                               "session_authorization",
                                               "transaction_deferrable",
                                               "transaction_isolation",
                                               "transaction_read_only"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void part(std::string& sql, std::string_view text) {
  if (!sql.empty()) sql += " UNION ALL ";
  sql += text;
}

}  // namespace

StateQuestion StateQuestion::about(sql::Effects effects, bool plain) {
  StateQuestion out;
  const bool any = (effects & suspicious) != 0;
  constexpr sql::Effects of_settings = sql::effect::settings | all_settings | role;
  out.settings =
      any || (effects & (all_settings | role)) != 0 || ((effects & of_settings) != 0 && !plain);
  out.statements = any || (effects & (prepares | deallocates | discards)) != 0;
  out.holds = any || (effects & (sql::effect::temp | hold | advisory_lock | lets_go)) != 0;
  out.channels = any || (effects & (listens | unlistens)) != 0;
  return out;
}

std::string StateQuestion::sql() const {
  std::string sql;
  for (const std::string& name : names) {
    part(sql, "SELECT 'v'," + quote_literal(name) + ",pg_catalog.current_setting(" +
                  quote_literal(name) + ",true),''");
  }
  if (settings) {
    part(sql,
         std::string("SELECT 'g',name,setting,context FROM pg_catalog.pg_settings WHERE source") +
             std::string(eq) + "'session'");
    part(sql, "SELECT 'r',session_user::pg_catalog.text,pg_catalog.current_setting('role'),''");
  }
  if (statements) {
    part(sql, "SELECT 'p',name,statement,'' FROM pg_catalog.pg_prepared_statements WHERE from_sql");
  }
  if (holds) {
    part(sql,
         "SELECT 'c','','','' WHERE EXISTS(SELECT FROM pg_catalog.pg_cursors WHERE "
         "is_holdable)");
    part(sql, std::string("SELECT 'l','','','' WHERE EXISTS(SELECT FROM pg_catalog.pg_locks WHERE "
                          "locktype") +
                  std::string(eq) + "'advisory' AND pid" + std::string(eq) +
                  "pg_catalog.pg_backend_pid())");
    // Temporary objects depend on their schema; 2615 is pg_namespace.
    part(sql, std::string("SELECT 't','','','' WHERE EXISTS(SELECT FROM pg_catalog.pg_depend WHERE "
                          "refclassid") +
                  std::string(eq) + "2615 AND refobjid" + std::string(eq) +
                  "pg_catalog.pg_my_temp_schema())");
    part(sql, std::string("SELECT 's','','','' WHERE pg_catalog.pg_my_temp_schema()") +
                  " OPERATOR(pg_catalog.<>) 0");
  }
  if (channels) {
    part(sql, "SELECT 'n',c,'','' FROM pg_catalog.pg_listening_channels() c");
  }
  return sql;
}

void StateAnswer::add(Bytes body) {
  wire::Fields fields(body);
  Row row;
  malformed |= fields.u16() != row.size();
  for (auto& column : row) {
    const std::uint32_t size = fields.u32();
    if (size == 0xffffffff) continue;
    column = as_text(fields.bytes(size));
    malformed |= column->find('\0') != std::string::npos;  // which would end a message's text
  }
  malformed |= !fields.done() || !row[0] || row[0]->size() != 1;
  if (!malformed) take(row);
}

void StateAnswer::take(const Row& row) {
  const std::string name = row[1].value_or(""), value = row[2].value_or("");
  switch ((*row[0])[0]) {
    case 'g':
      if (is_apart(fold(name))) return;
      superuser_setting |= row[3] == "superuser";
      return (void)settings.emplace_back(setting_name(name), value);
    case 'v':
      if (row[2]) values.emplace_back(name, value);
      return;
    case 'r':
      session_user = name;
      if (value != "none") settings.emplace_back("role", value);
      return;
    case 'p':
      return (void)statements.emplace_back(name, value);
    case 'n':
      return channels.push_back(name);
    case 'c':
      cursor = true;
      return;
    case 'l':
      lock = true;
      return;
    case 't':
      temp = true;
      return;
    case 's':
      temp_schema = true;
      return;
    default:
      malformed = true;
  }
}

}  // namespace heim::session
