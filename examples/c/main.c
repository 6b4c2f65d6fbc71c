/* Takes orders: parameters, a transaction, an error, rows in portions. */
#include <heimproxy/heimproxy.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const heim_error* error) {
  fprintf(stderr, "%s %s\n", error->sqlstate, error->message);
  exit(1);
}

static heim_value text_of(const char* text) {
  heim_value value = {NULL, 0, 0, HEIM_FORMAT_TEXT};
  value.data = text;
  value.length = strlen(text);
  return value;
}

static heim_proxy* start_proxy(const char* path) {
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_error error;
  if (heim_config_new(&config, &error) != HEIM_OK ||
      heim_config_load_file(config, path, &error) != HEIM_OK ||
      heim_proxy_open(config, NULL, &proxy, &error) != HEIM_OK ||
      heim_proxy_start(proxy, &error) != HEIM_OK)
    give_up(&error);
  heim_config_free(config);
  return proxy;
}

static heim_session* open_session(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  options.user = getenv("PGUSER");
  options.password = getenv("PGPASSWORD");
  options.database = getenv("PGDATABASE");
  if (heim_session_open(proxy, &options, &session, &error) != HEIM_OK) give_up(&error);
  return session;
}

/* Returns the SQLSTATE: "" if the order was taken. */
static const char* take_order(heim_session* session, const char* item, const char* count) {
  static heim_error error;
  heim_request request = HEIM_REQUEST_INIT;
  heim_value values[2];
  values[0] = text_of(item);
  values[1] = text_of(count);
  request.sql = "INSERT INTO orders (item, count) VALUES ($1, $2::int)";
  request.values = values;
  request.value_count = 2;
  error.sqlstate[0] = '\0';
  if (heim_session_run(session, &request, NULL, &error) != HEIM_OK) {
    const char* constraint = heim_session_error_field(session, 'n');
    printf("%s x %s: refused, %s (%s)\n", count, item, error.message, constraint);
  }
  return error.sqlstate;
}

/* Both orders, or none. */
static void take_two(heim_session* session, const char* counts[2]) {
  heim_error error;
  if (heim_session_begin(session, NULL, &error) != HEIM_OK) give_up(&error);
  if (!*take_order(session, "bolt", counts[0]) && !*take_order(session, "nut", counts[1])) {
    if (heim_session_commit(session, &error) != HEIM_OK) give_up(&error);
    printf("taken: %s bolts, %s nuts\n", counts[0], counts[1]);
  } else if (heim_session_rollback(session, &error) != HEIM_OK) {
    give_up(&error);
  }
}

/* Few rows are in memory at a time, however many there are. */
static void print_orders(heim_session* session) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  size_t row, length;
  int64_t count;
  request.sql = "SELECT item, count FROM orders ORDER BY item";
  request.streamed = 1;
  for (status = heim_session_run(session, &request, &result, &error); status == HEIM_OK && result;
       status = heim_session_next(session, &result, &error)) {
    for (row = 0; row < heim_result_rows(result); ++row) {
      const char* item = heim_result_value(result, row, 0, &length);
      if (heim_result_int64(result, row, 1, &count, &error) != HEIM_OK) give_up(&error);
      printf("%.*s: %" PRId64 "\n", (int)length, item, count);
    }
  }
  if (status != HEIM_OK) give_up(&error);
}

int main(int argc, char** argv) {
  const char *good[2] = {"20", "30"}, *bad[2] = {"5", "-1"};
  heim_proxy* proxy = start_proxy(argc > 1 ? argv[1] : "heimproxy.toml");
  heim_session* session = open_session(proxy);
  heim_error error;
  if (heim_session_query(session,
                         "CREATE TEMP TABLE orders (item text,"
                         " count int CONSTRAINT positive CHECK (count > 0))",
                         NULL, &error) != HEIM_OK)
    give_up(&error);
  take_two(session, good);
  take_two(session, bad);
  print_orders(session);
  heim_session_close(session);
  heim_proxy_close(proxy);
  return 0;
}
