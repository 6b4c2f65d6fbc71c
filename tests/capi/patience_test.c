/* Calls that wait no longer than they may, and what becomes of them, against a real server. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "sessions.h"

#define SECOND UINT64_C(1000000000)

struct waiting {
  heim_session* session;
  int descriptor;
};

/* There is an outcome within a while. */
static int rings(int descriptor) {
  struct pollfd fd = {descriptor, POLLIN, 0};
  return poll(&fd, 1, 20000) == 1;
}

/* Opened as `database` has it, without waiting. */
static heim_status open_waiting(heim_proxy* proxy, const char* database, struct waiting* out,
                                heim_error* error) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_status status;
  options.user = "app";
  options.database = database;
  options.password = "app-secret";
  options.deferred = 1;
  if ((status = heim_session_open(proxy, &options, &out->session, error)) != HEIM_OK) return status;
  CHECK(heim_session_descriptor(out->session, &out->descriptor, error) == HEIM_OK);
  CHECK(heim_session_set_patience(out->session, 0, error) == HEIM_OK);
  status = heim_session_finish(out->session, 0, NULL, error);
  if (status != HEIM_TIMED_OUT) return status;
  CHECK(rings(out->descriptor));
  return heim_session_finish(out->session, 0, NULL, error);
}

/* The outcome of a call, whether it waited or not. */
static heim_status outcome(struct waiting* waiting, heim_status status, const heim_result** result,
                           heim_error* error) {
  while (status == HEIM_TIMED_OUT) {
    CHECK(rings(waiting->descriptor));
    status = heim_session_finish(waiting->session, 0, result, error);
    CHECK(status != HEIM_TIMED_OUT);
  }
  return status;
}

#define LATE(call) OK(outcome(waiting, call, &result, &error))

static void test_queries(struct waiting* waiting) {
  heim_session* session = waiting->session;
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  CHECK_STATUS(heim_session_query(session, "SELECT 1, pg_sleep(0.01); SELECT 2", &result, &error),
               HEIM_TIMED_OUT, &error);
  CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_BUSY);
  CHECK_STATUS(heim_session_query(session, "SELECT 3", NULL, &error), HEIM_STATE, &error);
  LATE(HEIM_TIMED_OUT);
  CHECK(whole(result, 0, 0) == 1);
  LATE(heim_session_next(session, &result, &error));
  CHECK(result && whole(result, 0, 0) == 2);
  LATE(heim_session_next(session, &result, &error));
  CHECK(!result);
  status = heim_session_query(session, "SELECT 1/0", NULL, &error);
  CHECK_STATUS(outcome(waiting, status, NULL, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22012") == 0);
  LATE(heim_session_prepare(session, "late", "SELECT $1::int", NULL, 0, &result, &error));
  CHECK(heim_result_parameters(result) == 1);
  LATE(heim_session_deallocate(session, "late", &error));
  LATE(heim_session_begin(session, NULL, &error));
  status = heim_session_query(session, "SELECT 1/0", NULL, &error);
  CHECK_STATUS(outcome(waiting, status, NULL, &error), HEIM_SERVER, &error);
  LATE(heim_session_commit(session, &error));
  LATE(heim_session_query(session, "SELECT 4", &result, &error));
  CHECK(whole(result, 0, 0) == 4);
}

static void test_rows(struct waiting* waiting) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  int64_t expected = 1;
  size_t row;
  request.sql = "SELECT n, repeat('x', 100) FROM generate_series(1, 100000) AS n";
  request.streamed = 1;
  LATE(heim_session_run(waiting->session, &request, &result, &error));
  while (result) {
    for (row = 0; row < heim_result_rows(result); ++row) CHECK(whole(result, row, 0) == expected++);
    LATE(heim_session_next(waiting->session, &result, &error));
  }
  CHECK(expected == 100001);
}

static void copy_in(struct waiting* waiting, const char* line, int lines) {
  heim_session* session = waiting->session;
  const heim_result* result = NULL;
  heim_error error;
  const size_t length = strlen(line);
  LATE(heim_session_query(session, "COPY patient FROM STDIN", &result, &error));
  CHECK(heim_result_kind(result) == HEIM_KIND_COPY_IN);
  while (lines-- > 0) LATE(heim_session_copy_write(session, line, length, &error));
}

static void test_copy(struct waiting* waiting) {
  heim_session* session = waiting->session;
  const size_t size = 1000000;
  char* line = malloc(size + 2);
  const heim_result* result = NULL;
  const void* data = NULL;
  size_t length = 0, bytes = 0;
  heim_error error;
  heim_status status;
  CHECK(line);
  memset(line, 'x', size);
  memcpy(line + size, "\n", 2);
  LATE(heim_session_query(session, "CREATE TEMP TABLE patient (t text)", NULL, &error));
  copy_in(waiting, line, 50);
  LATE(heim_session_copy_end(session, NULL, &result, &error));
  CHECK(strcmp(heim_result_tag(result), "COPY 50") == 0);
  LATE(heim_session_query(session, "COPY patient TO STDOUT", &result, &error));
  CHECK(heim_result_kind(result) == HEIM_KIND_COPY_OUT);
  for (;;) {
    status = heim_session_copy_read(session, &data, &length, &error);
    if (status == HEIM_TIMED_OUT) {
      LATE(status);
      continue;
    }
    OK(status);
    if (!data) break;
    bytes += length;
  }
  CHECK(bytes == 50 * (size + 1));
  copy_in(waiting, "more\tcolumns\n", 1);
  status = heim_session_copy_end(session, NULL, &result, &error);
  CHECK_STATUS(outcome(waiting, status, &result, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22P04") == 0);
  free(line);
}

static volatile sig_atomic_t signals;
static void on_signal(int number) { signals += number > 0; }

struct sender {
  pthread_t target;
  heim_session* watcher;
  const char* until; /* says that the target waits */
};

static void* send_signal(void* user_data) {
  const struct sender* sender = user_data;
  while (whole(ask(sender->watcher, sender->until), 0, 0) == 0) {
  }
  CHECK(pthread_kill(sender->target, SIGUSR1) == 0);
  return NULL;
}

/* Signals that came before the wait are found within a second; those that come later end it. */
static void test_signals(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  struct sender sender;
  struct sigaction action;
  heim_notification told;
  pthread_t thread;
  heim_error error;
  int rounds = 0;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  sender.target = pthread_self();
  sender.watcher = open_session(proxy);
  sender.until = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
  OK(heim_session_set_patience(session, HEIM_UNTIL_SIGNAL, &error));
  CHECK(pthread_create(&thread, NULL, send_signal, &sender) == 0);
  CHECK_STATUS(heim_session_query(session, "SELECT pg_sleep(60)", NULL, &error), HEIM_TIMED_OUT,
               &error);
  while (!signals) {
    CHECK_STATUS(heim_session_finish(session, HEIM_UNTIL_SIGNAL, NULL, &error), HEIM_TIMED_OUT,
                 &error);
    CHECK(++rounds < 60);
  }
  OK(heim_session_cancel(session, &error));
  CHECK_STATUS(heim_session_finish(session, HEIM_FOREVER, NULL, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0 && signals == 1);
  CHECK(pthread_join(thread, NULL) == 0);
  told.struct_size = sizeof told;
  CHECK_STATUS(heim_session_notification(session, HEIM_UNTIL_SIGNAL, &told, &error), HEIM_TIMED_OUT,
               &error);
  OK(heim_session_set_patience(session, HEIM_FOREVER, &error));
  CHECK(whole(ask(session, "SELECT 1"), 0, 0) == 1);
  heim_session_close(session);
  heim_session_close(sender.watcher);
}

int main(int argc, char** argv) {
  heim_proxy* proxy;
  struct waiting waiting;
  heim_error error;
  CHECK(argc > 1);
  proxy = start_proxy((int)strtol(argv[argc - 1], NULL, 10), NULL, NULL);
  CHECK_STATUS(open_waiting(proxy, "nowhere", &waiting, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "3D000") == 0);
  heim_session_close(waiting.session);
  CHECK_STATUS(open_waiting(proxy, "postgres", &waiting, &error), HEIM_OK, &error);
  test_queries(&waiting);
  test_rows(&waiting);
  test_copy(&waiting);
  heim_session_close(waiting.session);
  test_signals(proxy);
  heim_proxy_close(proxy);
  return 0;
}
