/* Sessions from C99 against a real server: rows in portions, cancelling, notifications, calls
 * that do not wait. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>

#include "sessions.h"

static int port;

#define SECOND UINT64_C(1000000000)

static heim_request streamed(const char* sql) {
  heim_request request = HEIM_REQUEST_INIT;
  request.sql = sql;
  request.streamed = 1;
  return request;
}

/* Resident memory in KiB. */
static long memory_kib(void) {
  FILE* file = fopen("/proc/self/status", "r");
  char line[200];
  long kib = -1;
  CHECK(file);
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, "VmRSS:", 6) == 0) kib = strtol(line + 6, NULL, 10);
  }
  fclose(file);
  return kib;
}

static void test_stream(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const heim_request request =
      streamed("SELECT n, repeat('x', 1000) FROM generate_series(1, 200000) AS n");
  const heim_result* result = NULL;
  heim_error error;
  int64_t expected = 1;
  size_t row;
  long before;
  ask(session, "SELECT 1");
  before = memory_kib();
  OK(heim_session_run(session, &request, &result, &error));
  while (result) {
    for (row = 0; row < heim_result_rows(result); ++row) {
      CHECK(whole(result, row, 0) == expected);
      ++expected;
    }
    if (heim_result_tag(result)[0]) CHECK(strcmp(heim_result_tag(result), "SELECT 200000") == 0);
    OK(heim_session_next(session, &result, &error));
  }
  CHECK(expected == 200001);
#ifndef HEIM_SANITIZED                 /* they keep what was freed */
  CHECK(memory_kib() - before < 4000); /* 200 MB came */
#endif
  CHECK(before > 0);
  CHECK(whole(ask(session, "SELECT 1"), 0, 0) == 1);
  heim_session_close(session);
}

/* The server is not read while nobody asks: it cannot get far ahead. */
static void test_back_pressure(heim_proxy* proxy) {
  heim_session *session = open_session(proxy), *other = open_session(proxy);
  const heim_request request = streamed(
      "SELECT nextval('ahead'), repeat('x', 1000)"
      " FROM generate_series(1, 1000000)");
  const heim_result* result = NULL;
  heim_error error;
  int i;
  ask(session, "DROP SEQUENCE IF EXISTS ahead; CREATE SEQUENCE ahead");
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(heim_result_rows(result) > 0);
  for (i = 0; i < 50; ++i) ask(other, "SELECT 1"); /* others go on */
  CHECK(whole(ask(other, "SELECT last_value FROM ahead"), 0, 0) < 100000);
  /* A transaction is read to its end when something else is asked. */
  OK(heim_session_cancel(session, &error));
  CHECK_STATUS(heim_session_query(session, "SELECT 1", &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  CHECK(whole(ask(session, "SELECT 2"), 0, 0) == 2);
  ask(session, "DROP SEQUENCE ahead");
  heim_session_close(session);
  heim_session_close(other);
}

static void test_stream_ends(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = streamed("SELECT 1 / (10 - n) FROM generate_series(1, 20) AS n");
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  int64_t seen = 0;
  size_t row;
  status = heim_session_run(session, &request, &result, &error);
  while (status == HEIM_OK && result) {
    for (row = 0; row < heim_result_rows(result); ++row) ++seen;
    status = heim_session_next(session, &result, &error);
  }
  CHECK(status == HEIM_SERVER && strcmp(error.sqlstate, "22012") == 0 && seen <= 9);
  /* One that is closed in the middle gives its server back. */
  request = streamed("SELECT repeat('y', 100) FROM generate_series(1, 300000)");
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(whole(ask(session, "SELECT 3"), 0, 0) == 3); /* reads the rest away */
  OK(heim_session_run(session, &request, &result, &error));
  heim_session_close(session);
  session = open_session(proxy);
  request = streamed("SELECT 1 WHERE false");
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(heim_result_rows(result) == 0 && strcmp(heim_result_tag(result), "SELECT 0") == 0);
  OK(heim_session_next(session, &result, &error));
  CHECK(!result);
  heim_session_close(session);
}

static void test_limit(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  const heim_result* result = NULL;
  heim_error error;
  options.user = "postgres";
  options.result_bytes_max = 100000;
  OK(heim_session_open(proxy, &options, &session, &error));
  CHECK_STATUS(heim_session_query(session, "SELECT repeat('x', 1000) FROM generate_series(1, 200)",
                                  &result, &error),
               HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "54000") == 0);
  CHECK(heim_result_rows(ask(session, "SELECT repeat('x', 1000) FROM generate_series(1, 90)")) ==
        90);
  /* That it was done is said, and no field is another error's. */
  ask(session, "CREATE TEMP TABLE written (t text)");
  CHECK_STATUS(heim_session_query(session, "SELECT nonsense", NULL, &error), HEIM_SERVER, &error);
  CHECK_STATUS(heim_session_query(session,
                                  "INSERT INTO written SELECT repeat('x', 1000)"
                                  " FROM generate_series(1, 200) RETURNING t",
                                  &result, &error),
               HEIM_SERVER, &error);
  CHECK_HAS(error.message, "INSERT 0 200");
  CHECK(!heim_session_error_field(session, 'C'));
  heim_session_close(session);
}

static void test_large(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  const size_t size = 20u << 20;
  char* text = malloc(size + 1);
  heim_value value;
  heim_error error;
  size_t length = 0;
  CHECK(text);
  memset(text, 'z', size);
  text[size] = '\0';
  value = text_value(text);
  value.type = 25;
  request.sql = "SELECT $1, length($1)";
  request.values = &value;
  request.value_count = 1;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(whole(result, 0, 1) == (int64_t)size);
  CHECK(memcmp(heim_result_value(result, 0, 0, &length), text, size) == 0 && length == size);
  request.streamed = 1;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(whole(result, 0, 1) == (int64_t)size);
  free(text);
  heim_session_close(session);
}

/* The proxy ends between two portions: what came is not all. */
static void test_cut_off(void) {
  heim_proxy* proxy = start_proxy(port, NULL, NULL);
  heim_session* session = open_session(proxy);
  const heim_request request =
      streamed("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)");
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  OK(heim_session_run(session, &request, &result, &error));
  heim_proxy_close(proxy);
  do {
    status = heim_session_next(session, &result, &error);
  } while (status == HEIM_OK && result);
  CHECK_STATUS(status, HEIM_CLOSED, &error);
  /* Why is told where the server was not in the midst of a message. */
  CHECK(!error.sqlstate[0] || strcmp(error.sqlstate, "57P01") == 0);
  heim_session_close(session);
}

static void* cancel_it(void* session) {
  heim_error error;
  OK(heim_session_cancel(session, &error));
  return NULL;
}

struct waiter {
  heim_session *session, *watcher;
};

/* Cancels when the server says that the statement runs. */
static void* cancel_when_it_runs(void* user_data) {
  struct waiter* waiter = user_data;
  while (whole(ask(waiter->watcher,
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
               0, 0) == 0) {
  }
  return cancel_it(waiter->session);
}

static void test_cancel(heim_proxy* proxy) {
  struct waiter waiter;
  pthread_t thread;
  heim_error error;
  int i;
  waiter.session = open_session(proxy);
  waiter.watcher = open_session(proxy);
  for (i = 0; i < 3; ++i) {
    CHECK(pthread_create(&thread, NULL, cancel_when_it_runs, &waiter) == 0);
    CHECK_STATUS(heim_session_query(waiter.session, "SELECT pg_sleep(60)", NULL, &error),
                 HEIM_SERVER, &error);
    CHECK(strcmp(error.sqlstate, "57014") == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(whole(ask(waiter.session, "SELECT 1"), 0, 0) == 1);
  }
  OK(heim_session_cancel(waiter.session, &error)); /* nothing runs */
  heim_session_close(waiter.session);
  heim_session_close(waiter.watcher);
}

static void test_notifications(heim_proxy* proxy) {
  heim_session *session = open_session(proxy), *other = open_session(proxy);
  struct pollfd fd = {0, POLLIN, 0};
  heim_notification told;
  heim_error error;
  told.struct_size = sizeof told;
  CHECK_STATUS(heim_session_notification(session, 0, &told, &error), HEIM_TIMED_OUT, &error);
  ask(session, "LISTEN news");
  OK(heim_session_descriptor(session, &fd.fd, &error));
  CHECK(poll(&fd, 1, 0) == 0);
  ask(other, "NOTIFY news, 'first'");
  OK(heim_session_notification(session, 20 * SECOND, &told, &error));
  CHECK(strcmp(told.channel, "news") == 0 && strcmp(told.payload, "first") == 0 && told.pid != 0);
  ask(other, "NOTIFY news, 'second'");
  CHECK(poll(&fd, 1, 20000) == 1);
  OK(heim_session_notification(session, 0, &told, &error));
  CHECK(strcmp(told.payload, "second") == 0);
  CHECK(poll(&fd, 1, 0) == 0);
  ask(session, "NOTIFY news, 'own'");
  OK(heim_session_notification(session, 20 * SECOND, &told, &error));
  CHECK(strcmp(told.payload, "own") == 0);
  CHECK_STATUS(heim_session_notification(session, SECOND / 50, &told, &error), HEIM_TIMED_OUT,
               &error);
  /* One that came while its own statement ran, and a second that came with a first. */
  ask(session, "NOTIFY news, 'third'");
  CHECK(poll(&fd, 1, 20000) == 1);
  OK(heim_session_notification(session, 0, &told, &error));
  ask(other, "NOTIFY news, 'fourth'; NOTIFY news, 'fifth'");
  OK(heim_session_notification(session, 20 * SECOND, &told, &error));
  CHECK(strcmp(told.payload, "fourth") == 0 && poll(&fd, 1, 20000) == 1);
  OK(heim_session_notification(session, 0, &told, &error));
  CHECK(strcmp(told.payload, "fifth") == 0 && poll(&fd, 1, 0) == 0);
  heim_session_close(session);
  heim_session_close(other);
}

static void on_notice(const heim_notice* notice, void* user_data) {
  char* seen = user_data;
  snprintf(seen, 100, "%s %s", heim_notice_field(notice, 'V'), heim_notice_field(notice, 'M'));
  CHECK(!heim_notice_field(notice, 'H'));
}

static void test_notices(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  char seen[100] = "";
  options.user = "postgres";
  options.notice = on_notice;
  options.user_data = seen;
  OK(heim_session_open(proxy, &options, &session, &error));
  ask(session, "DO $$ BEGIN RAISE NOTICE 'look'; END $$");
  CHECK(strcmp(seen, "NOTICE look") == 0);
  heim_session_close(session);
}

struct done {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int count;
};

static void on_done(void* user_data) {
  struct done* done = user_data;
  pthread_mutex_lock(&done->mutex);
  ++done->count;
  pthread_cond_signal(&done->changed);
  pthread_mutex_unlock(&done->mutex);
}

static void test_async(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  struct pollfd fd = {0, POLLIN, 0};
  struct done done = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  heim_error error;
  int i;
  OK(heim_session_descriptor(session, &fd.fd, &error));
  for (i = 0; i < 20; ++i) {
    request.sql = i % 5 == 4 ? "SELECT 1/0" : "SELECT 6 * 7, pg_sleep(0.001)";
    done.count = 0;
    OK(heim_session_start(session, &request, on_done, &done, &error));
    if (i < 10) {
      CHECK(poll(&fd, 1, 20000) == 1);
    } else {
      pthread_mutex_lock(&done.mutex);
      while (done.count == 0) pthread_cond_wait(&done.changed, &done.mutex);
      pthread_mutex_unlock(&done.mutex);
    }
    if (i % 5 == 4) {
      CHECK_STATUS(heim_session_finish(session, 0, &result, &error), HEIM_SERVER, &error);
      CHECK(strcmp(error.sqlstate, "22012") == 0);
    } else {
      OK(heim_session_finish(session, 0, &result, &error));
      CHECK(whole(result, 0, 0) == 42);
    }
    CHECK(done.count == 1 && poll(&fd, 1, 0) == 0);
  }
  request.sql = "SELECT pg_sleep(60)";
  OK(heim_session_start(session, &request, NULL, NULL, &error));
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_BUSY);
  CHECK_STATUS(heim_session_query(session, "SELECT 1", NULL, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_session_finish(session, SECOND / 50, &result, &error), HEIM_TIMED_OUT, &error);
  CHECK(poll(&fd, 1, 0) == 0);
  OK(heim_session_cancel(session, &error));
  CHECK_STATUS(heim_session_finish(session, HEIM_FOREVER, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  OK(heim_session_start(session, &request, NULL, NULL, &error));
  heim_session_close(session); /* while it runs */
}

/* A large result comes though nobody waits, and one that is streamed no further than it must. */
static void test_async_large(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session *session = NULL, *other = open_session(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  struct pollfd fd = {0, POLLIN, 0};
  heim_error error;
  size_t rows = 0;
  int i;
  options.user = "postgres";
  options.result_bytes_max = 2000000;
  OK(heim_session_open(proxy, &options, &session, &error));
  OK(heim_session_descriptor(session, &fd.fd, &error));
  request.sql =
      "SELECT repeat('x', 1000), CASE n WHEN 1 THEN pg_sleep(0.1) END"
      " FROM generate_series(1, 1000) AS n";
  OK(heim_session_start(session, &request, NULL, NULL, &error));
  CHECK_STATUS(heim_session_finish(session, 0, &result, &error), HEIM_TIMED_OUT, &error);
  CHECK(poll(&fd, 1, 20000) == 1);
  OK(heim_session_finish(session, 0, &result, &error));
  CHECK(heim_result_rows(result) == 1000);

  request = streamed("SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
  OK(heim_session_start(session, &request, NULL, NULL, &error));
  CHECK(poll(&fd, 1, 20000) == 1);
  for (i = 0; i < 200; ++i) ask(other, "SELECT repeat('y', 10000)"); /* time for too much */
  OK(heim_session_finish(session, 0, &result, &error));
  while (result) {
    rows += heim_result_rows(result);
    OK(heim_session_next(session, &result, &error));
  }
  CHECK(rows == 20000);
  heim_session_close(session);
  heim_session_close(other);
}

int main(int argc, char** argv) {
  heim_proxy* proxy;
  CHECK(argc > 1);
  port = (int)strtol(argv[argc - 1], NULL, 10);
  proxy = start_proxy(port, NULL, NULL);
  test_stream(proxy);
  test_back_pressure(proxy);
  test_stream_ends(proxy);
  test_limit(proxy);
  test_large(proxy);
  test_cancel(proxy);
  test_notifications(proxy);
  test_notices(proxy);
  test_async(proxy);
  test_async_large(proxy);
  heim_proxy_close(proxy);
  test_cut_off();
  return 0;
}
