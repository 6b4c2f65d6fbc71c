/* Sessions from C99 against a real server: queries, parameters, errors, transactions, lives. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sessions.h"

static int port;

static void test_hello(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session* session = open_session(proxy);
  const heim_result* result = ask(session, "SELECT 42 AS answer, NULL, 'x' || 'y'");
  heim_column column;
  heim_error error;
  CHECK(heim_result_kind(result) == HEIM_KIND_ROWS);
  CHECK(heim_result_rows(result) == 1 && heim_result_columns(result) == 3);
  CHECK(whole(result, 0, 0) == 42);
  CHECK(heim_result_is_null(result, 0, 1) && !heim_result_is_null(result, 0, 0));
  CHECK(is_text(result, 0, 2, "xy"));
  column.struct_size = sizeof column;
  OK(heim_result_column(result, 0, &column, &error));
  CHECK(strcmp(column.name, "answer") == 0 && column.type == 23 && column.type_size == 4);
  CHECK(heim_result_find(result, "answer") == 0 && heim_result_find(result, "no") == SIZE_MAX);
  CHECK(strcmp(heim_result_tag(result), "SELECT 1") == 0 && heim_result_affected(result) == 1);
  CHECK(strncmp(heim_session_parameter(session, "server_version"), "1", 1) == 0);
  CHECK(!heim_session_parameter(session, "no_such"));
  heim_session_close(session);
  heim_proxy_close(proxy);
}

static void test_several_results(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const heim_result* result = ask(session, "SELECT 1; SELECT 2 WHERE false; ; SELECT 3, 4");
  heim_error error;
  CHECK(whole(result, 0, 0) == 1);
  OK(heim_session_next(session, &result, &error));
  CHECK(result && heim_result_rows(result) == 0 && heim_result_columns(result) == 1);
  OK(heim_session_next(session, &result, &error));
  CHECK(result && whole(result, 0, 1) == 4);
  OK(heim_session_next(session, &result, &error));
  CHECK(!result);
  CHECK(heim_result_kind(ask(session, "")) == HEIM_KIND_EMPTY);
  CHECK_STATUS(heim_session_query(session, "SELECT 1; SELECT 1/0", &result, &error), HEIM_SERVER,
               &error);
  CHECK(strcmp(error.sqlstate, "22012") == 0);
  CHECK(whole(ask(session, "SELECT 5"), 0, 0) == 5);
  heim_session_close(session);
}

/* Each result has its own columns, also where the one before was described alike. */
static void test_columns(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  int i;
  for (i = 0; i < 2; ++i) {
    CHECK(heim_result_find(ask(session, "SELECT 1 AS a, 2 AS b"), "b") == 1);
    CHECK(heim_result_columns(ask(session, "SET application_name = 'x'")) == 0);
    CHECK(is_text(ask(session, "SELECT 1 AS a, 2 AS b"), 0, 1, "2"));
    CHECK(heim_result_find(ask(session, "SELECT 1 AS c, 2 AS d"), "b") == SIZE_MAX);
  }
  heim_session_close(session);
}

static void test_errors(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const heim_result* result = NULL;
  heim_error error;
  CHECK_STATUS(heim_session_query(session, "SELECT nonsense", &result, &error), HEIM_SERVER,
               &error);
  CHECK(!result && strcmp(error.sqlstate, "42703") == 0);
  CHECK_HAS(error.message, "nonsense");
  CHECK(strcmp(heim_session_error_field(session, 'P'), "8") == 0);
  CHECK(strcmp(heim_session_error_field(session, 'S'), "ERROR") == 0);
  CHECK(!heim_session_error_field(session, 'H'));
  ask(session, "CREATE TEMP TABLE keyed (id int PRIMARY KEY)");
  ask(session, "INSERT INTO keyed VALUES (1)");
  CHECK_STATUS(heim_session_query(session, "INSERT INTO keyed VALUES (1)", NULL, &error),
               HEIM_SERVER, &error);
  CHECK(strcmp(heim_session_error_field(session, 'n'), "keyed_pkey") == 0);
  CHECK_HAS(heim_session_error_field(session, 'D'), "already exists");
  ask(session, "SELECT 1");
  CHECK(!heim_session_error_field(session, 'D'));
  heim_session_close(session);
}

static void test_values(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const heim_result* result = ask(
      session, "SELECT 1.5::float8, true, 'abc', NULL, 9223372036854775807, '-Infinity'::float4");
  int64_t number;
  double real;
  int truth;
  heim_error error;
  OK(heim_result_double(result, 0, 0, &real, &error));
  CHECK(real == 1.5);
  OK(heim_result_bool(result, 0, 1, &truth, &error));
  CHECK(truth == 1);
  CHECK(whole(result, 0, 4) == INT64_MAX);
  OK(heim_result_double(result, 0, 5, &real, &error));
  CHECK(real < -1e308);
  CHECK_STATUS(heim_result_int64(result, 0, 2, &number, &error), HEIM_VALUE, &error);
  CHECK_STATUS(heim_result_int64(result, 0, 0, &number, &error), HEIM_VALUE, &error);
  CHECK_STATUS(heim_result_bool(result, 0, 2, &truth, &error), HEIM_VALUE, &error);
  CHECK_STATUS(heim_result_int64(result, 0, 3, &number, &error), HEIM_VALUE, &error);
  CHECK_HAS(error.message, "NULL");
  CHECK_STATUS(heim_result_int64(result, 1, 0, &number, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_result_int64(result, 0, 6, &number, &error), HEIM_INVALID_ARGUMENT, &error);
  heim_session_close(session);
}

static void test_parameters(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_value values[3];
  const heim_result* result = NULL;
  heim_error error;
  const unsigned char seven[4] = {0, 0, 0, 7};
  values[0] = text_value("it's");
  values[0].type = 25;
  values[1] = text_value(NULL);
  values[1].type = 25;
  values[2].data = seven;
  values[2].length = sizeof seven;
  values[2].type = 23;
  values[2].format = HEIM_FORMAT_BINARY;
  request.sql = "SELECT $1 || '!', $2 IS NULL, $3 * 6, $3::int8, 0.5::float8, 2.5::float4";
  request.values = values;
  request.value_count = 3;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(is_text(result, 0, 0, "it's!") && is_text(result, 0, 1, "t") && whole(result, 0, 2) == 42);
  request.result_format = HEIM_FORMAT_BINARY;
  OK(heim_session_run(session, &request, &result, &error));
  {
    double real;
    int truth;
    CHECK(whole(result, 0, 2) == 42 && whole(result, 0, 3) == 7);
    OK(heim_result_bool(result, 0, 1, &truth, &error));
    CHECK(truth == 1);
    OK(heim_result_double(result, 0, 4, &real, &error));
    CHECK(real == 0.5);
    OK(heim_result_double(result, 0, 5, &real, &error));
    CHECK(real == 2.5);
  }
  request.sql = "SELECT $1 / 0";
  request.values = &values[2];
  request.value_count = 1;
  CHECK_STATUS(heim_session_run(session, &request, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22012") == 0);
  CHECK(whole(ask(session, "SELECT 1"), 0, 0) == 1);
  heim_session_close(session);
}

static void test_prepared(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_value value = text_value("20");
  const heim_result* result = NULL;
  const uint32_t types[1] = {23};
  heim_error error;
  int i;
  OK(heim_session_prepare(session, "sum", "SELECT $1 + 22 AS total", types, 1, &result, &error));
  CHECK(heim_result_parameters(result) == 1 && heim_result_parameter(result, 0) == 23);
  CHECK(heim_result_columns(result) == 1);
  request.statement = "sum";
  request.values = &value;
  request.value_count = 1;
  for (i = 0; i < 100; ++i) {
    OK(heim_session_run(session, &request, &result, &error));
    CHECK(whole(result, 0, 0) == 42);
  }
  OK(heim_session_deallocate(session, "sum", &error));
  CHECK_STATUS(heim_session_run(session, &request, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "26000") == 0);
  CHECK_STATUS(heim_session_prepare(session, "bad", "SELEC 1", NULL, 0, NULL, &error), HEIM_SERVER,
               &error);
  heim_session_close(session);
}

static void test_transactions(heim_proxy* proxy) {
  heim_session *session = open_session(proxy), *other = open_session(proxy);
  heim_error error;
  ask(session, "DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int)");
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  OK(heim_session_begin(session, NULL, &error));
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_OPEN);
  CHECK(heim_result_affected(ask(session, "INSERT INTO kept VALUES (1), (2)")) == 2);
  CHECK(whole(ask(other, "SELECT count(*) FROM kept"), 0, 0) == 0);
  OK(heim_session_commit(session, &error));
  CHECK(whole(ask(other, "SELECT count(*) FROM kept"), 0, 0) == 2);

  OK(heim_session_begin(session, "ISOLATION LEVEL SERIALIZABLE, READ ONLY", &error));
  CHECK_STATUS(heim_session_query(session, "DELETE FROM kept", NULL, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "25006") == 0);
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_FAILED);
  CHECK_STATUS(heim_session_commit(session, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "40000") == 0);
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);

  OK(heim_session_begin(session, NULL, &error));
  ask(session, "DELETE FROM kept");
  OK(heim_session_rollback(session, &error));
  OK(heim_session_begin(session, NULL, &error));
  ask(session, "DELETE FROM kept");
  heim_session_close(session); /* rolls back */
  CHECK(whole(ask(other, "SELECT count(*) FROM kept"), 0, 0) == 2);
  ask(other, "DROP TABLE kept");
  heim_session_close(other);
}

/* A rollback is sent, whatever became of the statement before it. */
static void test_rollback(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  request.sql = "SELECT repeat('x', 1000), 1 / (50000 - n) FROM generate_series(1, 100000) AS n";
  request.streamed = 1;
  OK(heim_session_begin(session, NULL, &error));
  OK(heim_session_run(session, &request, &result, &error));
  OK(heim_session_rollback(session, &error));
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  OK(heim_session_begin(session, NULL, &error));
  ask(session, "CREATE TEMP TABLE gone (n int)");
  ask(session, "COPY gone FROM STDIN");
  OK(heim_session_rollback(session, &error));
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  OK(heim_session_begin(session, NULL, &error));
  ask(session, "CREATE TEMP TABLE gone (n int)");
  request.sql = "COPY gone FROM STDIN";
  OK(heim_session_run(session, &request, &result, &error));
  OK(heim_session_copy_write(session, "nonsense\n", 9, &error));
  OK(heim_session_rollback(session, &error));
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_NONE);
  CHECK(whole(ask(session, "SELECT 6"), 0, 0) == 6);
  heim_session_close(session);
}

/* Texts are UTF-8, whatever the database has. */
static void test_encoding(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  const char* settings[] = {"Client_Encoding", "LATIN1", NULL};
  heim_session *session = NULL, *maker;
  heim_error error;
  options.user = "postgres";
  OK(heim_session_open(proxy, &options, &maker, &error));
  ask(maker,
      "CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  heim_session_close(maker);
  options.database = "plain";
  OK(heim_session_open(proxy, &options, &session, &error));
  CHECK(is_text(ask(session, "SHOW client_encoding"), 0, 0, "UTF8"));
  heim_session_close(session);
  options.settings = settings;
  OK(heim_session_open(proxy, &options, &session, &error));
  CHECK(is_text(ask(session, "SHOW client_encoding"), 0, 0, "LATIN1"));
  heim_session_close(session);
}

static void test_options(heim_proxy* proxy) {
  const char* settings[] = {"DateStyle", "SQL, DMY", "search_path", "pg_catalog", NULL};
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  options.user = "postgres";
  options.application_name = "a test";
  options.settings = settings;
  OK(heim_session_open(proxy, &options, &session, &error));
  CHECK(is_text(ask(session, "SHOW DateStyle"), 0, 0, "SQL, DMY"));
  CHECK(is_text(ask(session, "SHOW application_name"), 0, 0, "a test"));
  CHECK(strcmp(heim_session_parameter(session, "DateStyle"), "SQL, DMY") == 0);
  heim_session_close(session);
  options.user = NULL;
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_INVALID_ARGUMENT, &error);
  options.user = "postgres";
  options.database = "nowhere";
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "3D000") == 0);
  options.struct_size = 0;
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_INVALID_ARGUMENT, &error);
}

/* Nobody has told the proxy what `app` logs in to the server with. */
static void test_no_secret(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  options.user = "app";
  options.database = "postgres";
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_CLOSED, &error);
  CHECK_HAS(error.message, "secret");
  options.password = "wrong";
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "28P01") == 0);
  options.password = "app-secret";
  OK(heim_session_open(proxy, &options, &session, &error));
  CHECK(is_text(ask(session, "SELECT current_user"), 0, 0, "app"));
  heim_session_close(session);
  heim_proxy_close(proxy);
}

/* Somebody's typing error is not the pool's: what it logs in with was proven. */
static void test_wrong_password(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session *first = open_session(proxy), *second = NULL, *third;
  heim_error error;
  OK(heim_session_begin(first, NULL, &error));
  ask(first, "SELECT 1");
  options.user = "app";
  options.database = "postgres";
  options.password = "typo";
  OK(heim_session_open(proxy, &options, &second, &error));
  ask(second, "SELECT 1"); /* needs a connection of its own */
  OK(heim_session_begin(second, NULL, &error));
  ask(second, "SELECT 1");
  third = open_session(proxy);
  ask(third, "SELECT 1");
  heim_session_close(first);
  heim_session_close(second);
  heim_session_close(third);
  heim_proxy_close(proxy);
}

/* Nor is it in the way of others while none is proven: both wait for the same connection here. */
static void test_wrong_password_first(void) {
  heim_proxy* proxy = start_proxy(port, "[proxy]\nlisten_address = []\npool_size = 1\n", NULL);
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session *first = NULL, *second;
  heim_error error;
  options.user = "app";
  options.database = "postgres";
  options.password = "typo";
  options.deferred = 1;
  OK(heim_session_open(proxy, &options, &first, &error));
  second = open_session(proxy);
  ask(second, "SELECT 1");
  OK(heim_session_finish(first, HEIM_FOREVER, NULL, &error));
  ask(first, "SELECT 1");
  heim_session_close(first);
  heim_session_close(second);
  heim_proxy_close(proxy);
}

/* Why it ended is told, not why an earlier statement failed; the descriptor shows it. */
static void test_end_after_error(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session* session = open_session(proxy);
  struct pollfd fd = {0, POLLIN, 0};
  heim_error error;
  OK(heim_session_descriptor(session, &fd.fd, &error));
  CHECK_STATUS(heim_session_query(session, "SELECT 1/0", NULL, &error), HEIM_SERVER, &error);
  CHECK(poll(&fd, 1, 0) == 0);
  heim_proxy_close(proxy);
  CHECK(poll(&fd, 1, 20000) == 1);
  CHECK_STATUS(heim_session_query(session, "SELECT 1", NULL, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "57P01") == 0);
  CHECK(strcmp(heim_session_error_field(session, 'C'), "57P01") == 0);
  heim_session_close(session);
}

static void test_close_order(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session *first = open_session(proxy), *second = open_session(proxy);
  const heim_result* result = NULL;
  heim_error error;
  ask(first, "SELECT 1");
  OK(heim_session_begin(second, NULL, &error));
  heim_proxy_close(proxy);
  CHECK_STATUS(heim_session_query(first, "SELECT 1", &result, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "57P01") == 0);
  CHECK_STATUS(heim_session_query(first, "SELECT 1", &result, &error), HEIM_CLOSED, &error);
  CHECK(heim_session_transaction(first) == HEIM_TRANSACTION_ENDED);
  CHECK_STATUS(heim_session_next(second, &result, &error), HEIM_OK, &error);
  OK(heim_session_cancel(second, &error));
  heim_session_close(first);
  heim_session_close(second);
}

static void test_misuse(void) {
  heim_proxy_options none = HEIM_PROXY_OPTIONS_INIT;
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_proxy *proxy, *seated = start_proxy(port, NULL, NULL);
  heim_session *session = NULL, *good = open_session(seated);
  heim_request request = HEIM_REQUEST_INIT;
  heim_error error;
  options.user = "app";
  none.seats = HEIM_NO_SEATS;
  proxy = start_proxy(port, NULL, &none);
  CHECK_STATUS(heim_session_open(proxy, &options, &session, &error), HEIM_STATE, &error);
  heim_proxy_close(proxy);
  CHECK_STATUS(heim_session_query(NULL, "", NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_session_query(good, NULL, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_session_run(good, &request, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  request.sql = request.statement = "x";
  CHECK_STATUS(heim_session_run(good, &request, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_session_copy_write(good, "x", 1, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_session_finish(good, 0, NULL, &error), HEIM_STATE, &error);
  CHECK(heim_result_rows(NULL) == 0 && !heim_result_value(NULL, 0, 0, NULL));
  heim_session_close(NULL);
  heim_session_close(good);
  heim_proxy_close(seated);
}

/* A request that comes late does not hit what the session asks next, on a server that it keeps. */
static void test_late_cancel(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_error error;
  int i;
  ask(session, "CREATE TEMP TABLE keeps_the_server (n int)");
  request.sql = "SELECT pg_sleep(0.001)";
  for (i = 0; i < 50; ++i) {
    heim_status status;
    OK(heim_session_start(session, &request, NULL, NULL, &error));
    OK(heim_session_cancel(session, &error));
    status = heim_session_finish(session, HEIM_FOREVER, NULL, &error);
    CHECK(status == HEIM_OK || strcmp(error.sqlstate, "57014") == 0);
    ask(session, "SELECT pg_sleep(0.005)");
  }
  heim_session_close(session);
}

static void test_fork(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  int status = -1;
  pid_t child;
  ask(session, "SELECT 1");
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    heim_error error;
    heim_session* other = NULL;
    heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
    options.user = "app";
    CHECK_STATUS(heim_session_query(session, "SELECT 1", NULL, &error), HEIM_STATE, &error);
    CHECK_HAS(error.message, "fork");
    CHECK_STATUS(heim_session_open(proxy, &options, &other, &error), HEIM_STATE, &error);
    heim_session_close(session);
    heim_proxy_close(proxy);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(whole(ask(session, "SELECT 2"), 0, 0) == 2);
  heim_session_close(session);
}

static void test_shown(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const char* text = NULL;
  heim_error error;
  OK(heim_proxy_show(proxy, "POOLS", &text, &error));
  CHECK_HAS(text, "\"database\":\"postgres\"");
  CHECK_HAS(text, "\"user\":\"app\"");
  OK(heim_proxy_show(proxy, "CLIENTS", &text, &error));
  CHECK_HAS(text, "in-process");
  OK(heim_route_explain(session, "SELECT 1", &text, &error));
  CHECK_HAS(text, "\"value\":\"127.0.0.1");
  heim_session_close(session);
  CHECK_STATUS(heim_proxy_show(proxy, "NONSENSE", &text, &error), HEIM_SERVER, &error);
  CHECK_STATUS(heim_proxy_dsn(proxy, NULL, NULL, &text, &error), HEIM_STATE, &error);
}

int main(int argc, char** argv) {
  heim_proxy* proxy;
  CHECK(argc > 1);
  port = (int)strtol(argv[argc - 1], NULL, 10);
  test_hello();
  proxy = start_proxy(port, NULL, NULL);
  test_several_results(proxy);
  test_columns(proxy);
  test_errors(proxy);
  test_values(proxy);
  test_parameters(proxy);
  test_prepared(proxy);
  test_transactions(proxy);
  test_rollback(proxy);
  test_encoding(proxy);
  test_options(proxy);
  test_late_cancel(proxy);
  test_fork(proxy);
  test_shown(proxy);
  heim_proxy_close(proxy);
  test_no_secret();
  test_wrong_password();
  test_wrong_password_first();
  test_end_after_error();
  test_close_order();
  test_misuse();
  return 0;
}
