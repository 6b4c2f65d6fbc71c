/* Sizes and places in the structs of heimproxy.h. */
#ifndef HEIM_TESTS_CAPI_HEADER_H
#define HEIM_TESTS_CAPI_HEADER_H

#include <stddef.h>

typedef struct heim_layout {
  size_t error_size, message_at, options_size, log_at, line_size, text_at, status_size, stop_size;
  size_t reply_size, statement_size, backend_size, query_backend_size, node_state_size,
      route_request_size, cache_options_size, cache_query_size, cache_stats_size, core_options_size,
      action_size, peer_size, tls_size;
} heim_layout;

#ifdef __cplusplus
extern "C"
#endif
    heim_layout
    heim_layout_in_c(void);

#endif
