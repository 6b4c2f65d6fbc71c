/* The header in strict C99: what header.cpp compares its own view with. */
#include "header.h"

#include "heimproxy/backend.h"
#include "heimproxy/core.h"
#include "heimproxy/heimproxy.h"
#include "heimproxy/parts.h"

heim_layout heim_layout_in_c(void) {
  const heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_layout layout;
  layout.error_size = sizeof(heim_error);
  layout.message_at = offsetof(heim_error, message);
  layout.options_size = options.struct_size;
  layout.log_at = offsetof(heim_proxy_options, log);
  layout.line_size = sizeof(heim_log_line);
  layout.text_at = offsetof(heim_log_line, text);
  layout.status_size = sizeof(heim_status);
  layout.stop_size = sizeof(heim_stop);
  layout.reply_size = sizeof(heim_reply);
  layout.statement_size = sizeof(heim_statement);
  layout.backend_size = sizeof(heim_backend);
  layout.query_backend_size = sizeof(heim_query_backend);
  layout.node_state_size = sizeof(heim_node_state);
  layout.route_request_size = sizeof(heim_route_request);
  layout.cache_options_size = sizeof(heim_cache_options);
  layout.cache_query_size = sizeof(heim_cache_query);
  layout.cache_stats_size = sizeof(heim_cache_stats);
  layout.core_options_size = sizeof(heim_core_options);
  layout.action_size = sizeof(heim_action);
  layout.peer_size = sizeof(heim_peer);
  layout.tls_size = sizeof(heim_tls);
  return layout;
}
