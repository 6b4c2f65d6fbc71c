// The header as C++20, and that C sees the same layout.
#include "header.h"

#include <doctest/doctest.h>

#include <type_traits>

#include "heimproxy/backend.h"
#include "heimproxy/core.h"
#include "heimproxy/heimproxy.h"
#include "heimproxy/parts.h"

TEST_CASE("C and C++ agree on every struct") {
  const heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  const heim_layout c = heim_layout_in_c();
  CHECK(c.error_size == sizeof(heim_error));
  CHECK(c.message_at == offsetof(heim_error, message));
  CHECK(c.options_size == options.struct_size);
  CHECK(c.log_at == offsetof(heim_proxy_options, log));
  CHECK(c.line_size == sizeof(heim_log_line));
  CHECK(c.text_at == offsetof(heim_log_line, text));
  CHECK(c.status_size == sizeof(heim_status));
  CHECK(c.stop_size == sizeof(heim_stop));
  CHECK(c.reply_size == sizeof(heim_reply));
  CHECK(c.statement_size == sizeof(heim_statement));
  CHECK(c.backend_size == sizeof(heim_backend));
  CHECK(c.query_backend_size == sizeof(heim_query_backend));
  CHECK(c.node_state_size == sizeof(heim_node_state));
  CHECK(c.route_request_size == sizeof(heim_route_request));
  CHECK(c.cache_options_size == sizeof(heim_cache_options));
  CHECK(c.cache_query_size == sizeof(heim_cache_query));
  CHECK(c.cache_stats_size == sizeof(heim_cache_stats));
  CHECK(c.core_options_size == sizeof(heim_core_options));
  CHECK(c.action_size == sizeof(heim_action));
  CHECK(c.peer_size == sizeof(heim_peer));
  CHECK(c.tls_size == sizeof(heim_tls));
}

TEST_CASE("what the layout is, is frozen") {
  CHECK(sizeof(heim_error) == 512);
  CHECK(offsetof(heim_error, sqlstate) == 4);
  CHECK(sizeof(heim_status) == 4);
  static_assert(std::is_trivially_copyable_v<heim_error>);
}
