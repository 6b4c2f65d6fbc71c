/* A backend at query level through the public API, with sessions of this process for clients. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>

#include "toys.h"

/* ---- words ------------------------------------------------------------------------------ */

static int say_two(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self;
  CHECK(statement->simple);
  say_one(reply, "first", "1");
  say_one(reply, "second", "2");
  return 0;
}

/* The proxy says ROLLBACK behind a client that left. */
static int say_transaction(toy* self, const heim_statement* statement, heim_reply reply) {
  const int begins = statement->sql[0] == 'b';
  heim_error error;
  self->state = begins ? HEIM_TRANSACTION_OPEN : HEIM_TRANSACTION_NONE;
  OK(heim_reply_complete(reply, begins ? "BEGIN" : "COMMIT", &error));
  return 0;
}

static int say_dirty(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)statement;
  say_one(reply, "before", self->dirty ? "dirty" : "clean");
  self->dirty = 1;
  return 0;
}

static int say_echo(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"p", "p", "p"};
  heim_error error;
  (void)self;
  CHECK(statement->value_count == 3 && !statement->simple);
  OK(heim_reply_columns(reply, names, NULL, 3, &error));
  OK(heim_reply_row(reply, statement->values, 3, &error));
  OK(heim_reply_complete(reply, "ECHO", &error));
  return 0;
}

/* A type that the library does not know: in text alone. */
static int say_when(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"when"};
  static const uint32_t types[] = {1184};
  const heim_value value = text_value("2000-01-01 00:00:00+00");
  heim_error error;
  (void)self, (void)statement;
  OK(heim_reply_columns(reply, names, types, 1, &error));
  CHECK_STATUS(heim_reply_row(reply, &value, 1, &error), HEIM_VALUE, &error);
  return 0;
}

static const toy_word words[] = {
    {"rows ", say_rows},
    {"two", say_two},
    {"who", say_who},
    {"begin", say_transaction},
    {"commit", say_transaction},
    {"ROLLBACK", say_transaction},
    {"dirty", say_dirty},
    {"echo ", say_echo},
    {"when", say_when},
    {"hang", hang},
    {NULL, NULL},
};

static void toy_describe(void* connection, const heim_statement* statement, heim_reply reply,
                         void* user_data) {
  static const char* const names[] = {"n", "text", "p"};
  static const uint32_t types[] = {23, 25, 23};
  static const uint32_t when[] = {1184};
  heim_error error;
  (void)connection, (void)user_data;
  if (strncmp(statement->sql, "rows ", 5) == 0) {
    OK(heim_reply_columns(reply, names, types, 2, &error));
  } else if (strncmp(statement->sql, "echo", 4) == 0) {
    OK(heim_reply_parameters(reply, types, 3, &error));
    OK(heim_reply_columns(reply, names, NULL, 3, &error));
  } else if (strcmp(statement->sql, "when") == 0) {
    OK(heim_reply_columns(reply, names, when, 1, &error));
  } else {
    OK(heim_reply_error(reply, "42601", "not that", NULL, &error));
  }
  OK(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error));
}

static heim_query_backend backend_of_words(void) {
  heim_query_backend backend = toy_backend(words);
  backend.describe = toy_describe;
  return backend;
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_setup(void) {
  heim_proxy* proxy = open_toys("");
  heim_query_backend backend = backend_of_words();
  heim_error error;
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, "no backend \"toy\"");
  CHECK_STATUS(heim_proxy_add_query_backend(proxy, "toy", &backend, &error), HEIM_STATE, &error);
  heim_proxy_close(proxy);
  proxy = open_toys("");
  backend.execute = NULL;
  CHECK_STATUS(heim_proxy_add_query_backend(proxy, "toy", &backend, &error), HEIM_INVALID_ARGUMENT,
               &error);
  backend = backend_of_words();
  OK(heim_proxy_add_query_backend(proxy, "toy", &backend, &error));
  CHECK_STATUS(heim_proxy_add_query_backend(proxy, "toy", &backend, &error), HEIM_INVALID_ARGUMENT,
               &error);
  backend.struct_size = 0;
  CHECK_STATUS(heim_proxy_add_query_backend(proxy, "b", &backend, &error), HEIM_INVALID_ARGUMENT,
               &error);
  heim_proxy_close(proxy);
}

static void test_queries(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  const heim_result* result = ask(session, "rows 5");
  heim_error error;
  CHECK(heim_result_rows(result) == 5 && heim_result_columns(result) == 2);
  CHECK(whole(result, 4, 0) == 4 && heim_result_is_null(result, 4, 1));
  CHECK(strcmp(heim_result_tag(result), "SELECT 5") == 0);
  result = ask(session, "two");
  CHECK(is_text(result, 0, 0, "1"));
  OK(heim_session_next(session, &result, &error));
  CHECK(result && is_text(result, 0, 0, "2"));
  CHECK(heim_result_kind(ask(session, " ; -- nothing")) == HEIM_KIND_EMPTY);
  check_fails(session, "nonsense", "42601");
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  ask(session, "begin");
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_OPEN);
  ask(session, "commit");
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  CHECK(heim_result_rows(ask(session, "rows 100000")) == 100000);
  CHECK(strncmp(heim_session_parameter(session, "server_version"), "15.0 (toy)", 10) == 0);
  heim_session_close(session);
}

static void test_settings(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  CHECK(is_text(ask(session, "SHOW application_name"), 0, 0, "backend test"));
  ask(session, "SET application_name TO 'it''s'; SET extra_float_digits = 3");
  CHECK(is_text(ask(session, "show extra_float_digits"), 0, 0, "3"));
  CHECK(strcmp(heim_session_parameter(session, "application_name"), "it's") == 0);
  CHECK(is_text(ask(session, "select set_config('my.own', E'a\\x41', false)"), 0, 0, "aA"));
  check_fails(session, "SET client_encoding = latin1", "22023");
  check_fails(session, "SHOW nothing_known", "42601"); /* the backend's own answer */
  ask(session, "RESET ALL");
  CHECK(is_text(ask(session, "SHOW timezone"), 0, 0, "UTC"));
  heim_session_close(session);
}

static void test_extended(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_value values[3];
  const heim_result* result = NULL;
  heim_error error;
  const unsigned char seven[4] = {0, 0, 0, 7};
  int32_t n;
  values[0] = text_value("a b");
  values[1] = text_value(NULL);
  values[2].data = seven;
  values[2].length = sizeof seven;
  values[2].type = 23;
  values[2].format = HEIM_FORMAT_BINARY;
  request.sql = "echo $1 $2 $3";
  request.values = values;
  request.value_count = 3;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(is_text(result, 0, 0, "a b") && heim_result_is_null(result, 0, 1));
  CHECK(is_text(result, 0, 2, "7") && strcmp(heim_result_tag(result), "ECHO") == 0);
  request.sql = "rows 3";
  request.value_count = 0;
  request.result_format = HEIM_FORMAT_BINARY;
  OK(heim_session_run(session, &request, &result, &error));
  n = (int32_t)whole(result, 2, 0);
  CHECK(n == 2);
  request.sql = "when";
  CHECK_STATUS(heim_session_run(session, &request, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22P03") == 0);
  request.sql = "bad";
  CHECK_STATUS(heim_session_run(session, &request, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "42601") == 0);
  OK(heim_session_prepare(session, "mine", "echo $1 $2 $3", NULL, 0, &result, &error));
  CHECK(heim_result_parameters(result) == 3 && heim_result_parameter(result, 0) == 23);
  CHECK(heim_result_columns(result) == 3);
  ask(session, "SET application_name = 'x'");
  heim_session_close(session);
}

/* In portions: what is not fetched yet waits. */
static void test_streamed(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  size_t rows = 0;
  request.sql = "rows 50000";
  request.streamed = 1;
  OK(heim_session_run(session, &request, &result, &error));
  while (result) {
    rows += heim_result_rows(result);
    OK(heim_session_next(session, &result, &error));
  }
  CHECK(rows == 50000);
  heim_session_close(session);
}

/* With one connection for all: a client gets it as if it were new. */
/* With one connection for all: a client gets it as if it were new. `reset` null: another one. */
static void test_shared(int with_reset) {
  heim_query_backend backend = backend_of_words();
  const int resets_before = now(&resets), opened_before = now(&opened);
  heim_proxy* proxy;
  heim_session* session;
  if (!with_reset) backend.reset = NULL;
  proxy = start_toys("pool_size = 1\n", &backend);
  session = client(proxy);
  CHECK(is_text(ask(session, "dirty"), 0, 0, "clean"));
  CHECK(is_text(ask(session, "dirty"), 0, 0, "dirty"));
  ask(session, "SET my.own = 'left'");
  ask(session, "begin");
  heim_session_close(session);
  session = client(proxy);
  CHECK(is_text(ask(session, "dirty"), 0, 0, "clean"));
  check_fails(session, "SHOW my.own", "42601");
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  heim_session_close(session);
  CHECK((now(&resets) > resets_before) == with_reset);
  CHECK((now(&opened) - opened_before > 1) == !with_reset);
  heim_proxy_close(proxy);
}

/* Without: what needs no description goes on. */
static void test_undescribed(void) {
  const heim_query_backend backend = toy_backend(words);
  heim_proxy* proxy = start_toys("", &backend);
  heim_session* session = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_error error;
  request.sql = "who";
  CHECK_STATUS(heim_session_run(session, &request, NULL, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "0A000") == 0);
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  heim_session_close(session);
  heim_proxy_close(proxy);
}

static void test_refused(heim_proxy* proxy) {
  heim_session* session = NULL;
  heim_error error;
  CHECK_STATUS(try_client(proxy, "closed", &session, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "3D000") == 0);
  CHECK_HAS(error.message, "no such toy");
}

static int is_canceled;

/* Too early, it cancels nothing: it is tried again. */
static void* cancel_it(void* session) {
  heim_error error;
  while (!now(&is_canceled)) {
    OK(heim_session_cancel(session, &error));
    poll(NULL, 0, 1);
  }
  return NULL;
}

static void test_cancel(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancel_it, session) == 0);
  check_fails(session, "hang", "57014");
  bump(&is_canceled);
  pthread_join(thread, NULL);
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  heim_session_close(session);
}

static void test_console(heim_proxy* proxy) {
  const char* json = NULL;
  heim_error error;
  OK(heim_proxy_show(proxy, "NODES", &json, &error));
  CHECK_HAS(json, "toy");
  OK(heim_proxy_show(proxy, "POOLS", &json, &error));
  CHECK_HAS(json, "\"any\"");
}

int main(void) {
  const heim_query_backend backend = backend_of_words();
  heim_proxy* proxy;
  test_setup();
  proxy = start_toys("pool_size = 5\n", &backend);
  test_queries(proxy);
  test_settings(proxy);
  test_extended(proxy);
  test_streamed(proxy);
  test_refused(proxy);
  test_cancel(proxy);
  test_console(proxy);
  heim_proxy_close(proxy);
  test_shared(1);
  test_shared(0);
  test_undescribed();
  CHECK(now(&opened) == now(&closed));
  return 0;
}
