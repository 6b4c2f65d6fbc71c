// What the console shows and does, through a session with it; and where a statement would go.
#include <nlohmann/json.hpp>

#include "base/quote.hpp"
#include "capi/guard.hpp"
#include "capi/session.hpp"

using heim::quoted;
using heim::capi::guard;
using heim::capi::require;
using heim::capi::running;
using heim::capi::session_of;

namespace {

namespace embed = heim::embed;

nlohmann::ordered_json row_of(const embed::Result& result, std::size_t row) {
  nlohmann::ordered_json object;
  for (std::size_t i = 0; i < result.columns().size(); ++i) {
    const embed::Value value = result.value(row, i);
    auto& slot = object[std::string(result.columns()[i].name)];
    if (!value.is_null) slot = heim::as_text(value.bytes);
  }
  return object;
}

std::string text_of(const nlohmann::ordered_json& rows) {
  return rows.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

embed::Options console() {
  embed::Options options;
  options.startup = {{"user", "heimproxy"}, {"database", "heimproxy"}};
  return options;
}

std::string in(const char* database) {
  return database ? " IN " + quoted(database, '"') : std::string();
}

std::string invalidation(const char* database, const char* table) {
  if (!database && !table) return "INVALIDATE ALL";
  if (!table) return "INVALIDATE DATABASE " + quoted(database, '"');
  return "INVALIDATE TABLE " + quoted(table, '"') + in(database);
}

void command(heim_proxy* proxy, const std::string& text) {
  embed::Session session(running(proxy), console());
  session.command(text);
}

const char* show(heim_proxy* proxy, const std::string& what) {
  embed::Session session(running(proxy), console());
  const embed::Result& result = session.query("SHOW " + what);
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < result.row_count(); ++i) rows.push_back(row_of(result, i));
  proxy->shown = text_of(rows);
  return proxy->shown.c_str();
}

}  // namespace

heim_status heim_proxy_show(heim_proxy* proxy, const char* what, const char** out,
                            heim_error* error) {
  return guard(error, [&] {
    require(what, "what");
    require(out, "out");
    *out = show(proxy, what);
  });
}

heim_status heim_proxy_invalidate(heim_proxy* proxy, const char* database, const char* table,
                                  heim_error* error) {
  return guard(error, [&] { command(proxy, invalidation(database, table)); });
}

heim_status heim_proxy_invalidate_like(heim_proxy* proxy, const char* database, const char* pattern,
                                       heim_error* error) {
  return guard(error, [&] {
    require(pattern, "pattern");
    command(proxy, "INVALIDATE LIKE " + quoted(pattern, '\'') + in(database));
  });
}

heim_status heim_proxy_invalidate_query(heim_proxy* proxy, const char* sql, heim_error* error) {
  return guard(error, [&] {
    require(sql, "sql");
    command(proxy, "INVALIDATE QUERY " + quoted(sql, '\''));
  });
}

heim_status heim_route_explain(heim_session* session, const char* sql, const char** out,
                               heim_error* error) {
  return guard(error, [&] {
    require(sql, "sql");
    require(out, "out");
    auto rows = nlohmann::ordered_json::array();
    for (const heim::session::ExplainRow& row : session_of(session).explain(sql)) {
      rows.push_back({{"what", row.what}, {"value", row.value}});
    }
    session->explained = text_of(rows);
    *out = session->explained.c_str();
  });
}
