// router.hpp -- part of heimproxy.hpp: the router without a proxy.
//
//   heimproxy::Router router(config, "shop");
//   router.set_catalog(rows);  // what the primary answers to Router::catalog_query()
//   router.set_node("db-primary", {.lsn = end_of_wal});
//   router.set_node("db-standby", {.lsn = replayed});
//   std::string json = router.route({.sql = "SELECT name FROM items WHERE id = $1"});
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "heimproxy/config.hpp"
#include "heimproxy/parts.h"

namespace heimproxy {

/// What is known of a node.
struct NodeState {
  heim_role role = HEIM_ROLE_CONFIGURED;
  bool is_down = false;
  std::uint64_t lsn = 0;  // 0: not known
  std::optional<Nanoseconds> lag = {};

  heim_node_state given() const {
    heim_node_state state = HEIM_NODE_STATE_INIT;
    state.role = role;
    state.is_down = is_down;
    state.lsn = lsn;
    if (lag) state.lag_ns = lag->count();
    return state;
  }
};

/// A statement, and who asks: for rules and users' settings.
struct RouteRequest {
  std::string sql = {}, user = {}, application_name = {}, client_address = {};
};

class Router {
 public:
  Router(const Config& config, const std::string& database) {
    heim_router* handle = nullptr;
    detail::check([&](auto error) {
      return heim_router_new(config.handle(), database.c_str(), &handle, error);
    });
    handle_.reset(handle);
  }
  heim_router* handle() const { return handle_.get(); }

  static std::string catalog_query() {
    const char* text = heim_router_catalog_query();
    if (!text) throw std::bad_alloc();
    return text;
  }
  void set_catalog(std::string_view rows) {
    detail::check([&](auto error) {
      return heim_router_set_catalog(handle(), rows.data(), rows.size(), error);
    });
  }
  void set_node(const std::string& name, const NodeState& state) {
    const heim_node_state given = state.given();
    detail::check(
        [&](auto error) { return heim_router_set_node(handle(), name.c_str(), &given, error); });
  }
  void note_commit(const std::string& sql) {
    detail::check(
        [&](auto error) { return heim_router_note_commit(handle(), sql.c_str(), error); });
  }
  /// What the statement does, and where it would go now, as JSON.
  std::string route(const RouteRequest& request) {
    heim_route_request given = HEIM_ROUTE_REQUEST_INIT;
    given.sql = request.sql.c_str();
    given.user = detail::or_null(request.user);
    given.application_name = detail::or_null(request.application_name);
    given.client_address = detail::or_null(request.client_address);
    return detail::text(
        [&](auto out, auto error) { return heim_router_route(handle(), &given, out, error); });
  }

 private:
  std::unique_ptr<heim_router, detail::Free<heim_router_free>> handle_;
};

}  // namespace heimproxy
