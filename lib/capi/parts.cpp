// heim_router: the router without a proxy.
#include "heimproxy/parts.h"

#include <cstddef>
#include <nlohmann/json.hpp>

#include "capi/config.hpp"
#include "capi/guard.hpp"
#include "capi/nodes.hpp"
#include "capi/options.hpp"
#include "embed/failure.hpp"
#include "embed/router.hpp"

using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;

namespace embed = heim::embed;

struct heim_router {
  heim_router(const heim::config::Settings& settings, const char* database)
      : router(settings, database) {}
  embed::Router router;
  std::string routed;  // lent
};

namespace {

constexpr std::string_view kinds[] = {
    "unknown", "empty",    "read",      "write",       "copy_in",     "copy_out",  "begin",
    "commit",  "rollback", "savepoint", "release",     "rollback_to", "two_phase", "set",
    "show",    "discard",  "prepare",   "execute",     "deallocate",  "listen",    "unlisten",
    "notify",  "declare",  "fetch",     "close",       "lock",        "explain",   "call",
    "block",   "load",     "ddl",       "maintenance", "other"};
static_assert(std::size(kinds) == static_cast<std::size_t>(heim::sql::Kind::other) + 1);

using Json = nlohmann::ordered_json;

std::string json_of(const embed::Routed& routed) {
  Json out;
  out["node"] = routed.node ? Json(*routed.node) : Json(nullptr);
  out["reason"] = routed.reason;
  out["kinds"] = Json::array();
  for (const heim::sql::Statement& statement : routed.script->statements) {
    out["kinds"].push_back(kinds[static_cast<std::size_t>(statement.kind)]);
  }
  out["reads"] = routed.needs.reads;
  out["writes"] = routed.needs.writes;
  out["reads_everything"] = routed.needs.reads_everything;
  out["writes_everything"] = routed.needs.writes_everything;
  out["volatile"] = routed.is_volatile;
  out["parameters"] = routed.parameters;
  out["fingerprint"] = heim::route::fingerprint_text(routed.script->fingerprint);
  out["explain"] = Json::array();
  for (const heim::route::Explained& each : routed.explained) {
    out["explain"].push_back({{"what", each.what}, {"value", each.value}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

heim::sql::CatalogRef catalog_of(std::string_view rows) {
  auto catalog = std::make_shared<heim::sql::Catalog>();
  while (!rows.empty()) {
    const std::string_view line = rows.substr(0, rows.find('\n'));
    rows.remove_prefix(std::min(rows.size(), line.size() + 1));
    if (line.empty()) continue;
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    if (first == line.npos || second == line.npos) {
      throw Failure(HEIM_INVALID_ARGUMENT, "a line of 'rows' has not three columns");
    }
    catalog->add(line.substr(0, first), line.substr(first + 1, second - first - 1),
                 line.substr(second + 1));
  }
  return catalog;
}

std::string_view view(const char* text) { return text ? std::string_view(text) : ""; }

}  // namespace

heim_status heim_router_new(const heim_config* config, const char* database, heim_router** out,
                            heim_error* error) {
  return guard(error, [&] {
    require(config, "config");
    require(database, "database");
    require(out, "out");
    if (!config->loaded) throw Failure(HEIM_STATE, "no configuration is loaded");
    try {
      *out = new heim_router(config->loaded->settings, database);
    } catch (const embed::Failure& failure) {
      throw Failure(HEIM_CONFIG, failure.what());
    }
  });
}

void heim_router_free(heim_router* router) { delete router; }

heim_status heim_router_set_catalog(heim_router* router, const char* rows, size_t length,
                                    heim_error* error) {
  return guard(error, [&] {
    require(router, "router");
    if (length > 0) require(rows, "rows");
    router->router.set_catalog(catalog_of({rows, length}));
  });
}

const char* heim_router_catalog_query(void) {
  try {
    static const std::string query = heim::sql::Catalog::query();
    return query.c_str();
  } catch (...) {
    return nullptr;
  }
}

heim_status heim_router_set_node(heim_router* router, const char* name,
                                 const heim_node_state* given, heim_error* error) {
  return guard(error, [&] {
    require(router, "router");
    require(name, "name");
    require(given, "state");
    if (!router->router.set_node(name, heim::capi::node_view(*given))) {
      throw Failure(HEIM_INVALID_ARGUMENT, "there is no node " + std::string(name));
    }
  });
}

heim_status heim_router_note_commit(heim_router* router, const char* sql, heim_error* error) {
  return guard(error, [&] {
    require(router, "router");
    require(sql, "sql");
    router->router.note_commit(sql);
  });
}

heim_status heim_router_route(heim_router* router, const heim_route_request* given,
                              const char** out, heim_error* error) {
  return guard(error, [&] {
    require(router, "router");
    require(given, "request");
    require(out, "out");
    constexpr heim_route_request defaults = HEIM_ROUTE_REQUEST_INIT;
    const auto request = heim::capi::options_of(given, defaults, sizeof defaults, "request");
    require(request.sql, "sql");
    router->routed = json_of(router->router.route(
        request.sql,
        {view(request.user), {}, view(request.application_name), view(request.client_address)}));
    *out = router->routed.c_str();
  });
}
