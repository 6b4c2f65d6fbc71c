/* What the tests of sessions have in common. */
#ifndef HEIM_TESTS_CAPI_SESSIONS_H
#define HEIM_TESTS_CAPI_SESSIONS_H

#include <inttypes.h>

#include "check.h"
#include "heimproxy/heimproxy.h"

#define OK(call) CHECK_STATUS(call, HEIM_OK, &error)

/* A started proxy before the server on `port`, after `more`. */
static inline heim_proxy* start_proxy(int port, const char* more,
                                      const heim_proxy_options* options) {
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_error error;
  char text[1000];
  snprintf(text, sizeof text,
           "%s\n[[nodes]]\nhost = \"127.0.0.1\"\nport = %d\nrole = \"primary\"\n",
           more ? more : "[proxy]\nlisten_address = []\n", port);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_proxy_open(config, options, &proxy, &error));
  heim_config_free(config);
  OK(heim_proxy_start(proxy, &error));
  return proxy;
}

static inline heim_session* open_session(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  options.user = "app";
  options.database = "postgres";
  options.password = "app-secret";
  OK(heim_session_open(proxy, &options, &session, &error));
  return session;
}

static inline const heim_result* ask(heim_session* session, const char* sql) {
  const heim_result* result = NULL;
  heim_error error;
  OK(heim_session_query(session, sql, &result, &error));
  return result;
}

static inline int64_t whole(const heim_result* result, size_t row, size_t column) {
  int64_t value = 0;
  heim_error error;
  OK(heim_result_int64(result, row, column, &value, &error));
  return value;
}

static inline int is_text(const heim_result* result, size_t row, size_t column, const char* text) {
  size_t length = 0;
  const void* value = heim_result_value(result, row, column, &length);
  return value && length == strlen(text) && memcmp(value, text, length) == 0;
}

static inline heim_value text_value(const char* text) {
  heim_value value;
  value.data = text;
  value.length = text ? strlen(text) : 0;
  value.type = 0;
  value.format = HEIM_FORMAT_TEXT;
  return value;
}

#endif
