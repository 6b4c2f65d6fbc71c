/* Sessions of many threads at a time, with fewer servers than sessions; and lives, over and over:
 * nothing is left behind. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <unistd.h>

#include "process.h"
#include "sessions.h"

#define THREADS 32

static int port, rounds = 100;
static heim_proxy* shared;

static void check_one(heim_session* session, int64_t number) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  char text[40];
  heim_value value;
  heim_error error;
  snprintf(text, sizeof text, "%" PRId64, number);
  value = text_value(text);
  request.sql = "SELECT $1::int8 + 1";
  request.values = &value;
  request.value_count = 1;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(whole(result, 0, 0) == number + 1);
}

static void transfer(heim_session* session, int64_t number) {
  char sql[200];
  heim_error error;
  OK(heim_session_begin(session, NULL, &error));
  snprintf(sql, sizeof sql, "INSERT INTO seen VALUES (%" PRId64 ")", number);
  ask(session, sql);
  snprintf(sql, sizeof sql, "SELECT count(*) FROM seen WHERE n = %" PRId64, number);
  CHECK(whole(ask(session, sql), 0, 0) == 1);
  if (number % 2 == 0) {
    OK(heim_session_commit(session, &error));
  } else {
    OK(heim_session_rollback(session, &error));
  }
}

static void read_rows(heim_session* session) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  size_t rows = 0;
  request.sql = "SELECT repeat('x', 100) FROM generate_series(1, 3000)";
  request.streamed = 1;
  OK(heim_session_run(session, &request, &result, &error));
  while (result) {
    rows += heim_result_rows(result);
    OK(heim_session_next(session, &result, &error));
  }
  CHECK(rows == 3000);
}

static void* work(void* user_data) {
  const int64_t base = (int64_t)(size_t)user_data * 1000000;
  heim_session* session = open_session(shared);
  heim_error error;
  int i;
  for (i = 0; i < rounds; ++i) {
    check_one(session, base + i);
    if (i % 10 == 3) transfer(session, base + i / 10);
    if (i % 20 == 7) read_rows(session);
    if (i % 25 == 9) {
      CHECK_STATUS(heim_session_query(session, "SELECT 1/0", NULL, &error), HEIM_SERVER, &error);
    }
    if (i % 50 == 11) {
      heim_session_close(session);
      session = open_session(shared);
    }
  }
  heim_session_close(session);
  return NULL;
}

static void test_threads(const char* config) {
  pthread_t threads[THREADS];
  heim_session* session;
  size_t i;
  shared = start_proxy(port, config, NULL);
  session = open_session(shared);
  ask(session, "DROP TABLE IF EXISTS seen; CREATE TABLE seen (n int8)");
  for (i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  for (i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(whole(ask(session, "SELECT count(*) FROM seen"), 0, 0) == THREADS * rounds / 20);
  ask(session, "DROP TABLE seen");
  heim_session_close(session);
  heim_proxy_close(shared);
}

/* Until it is told that the session has ended. */
static void* work_until_end(void* unused) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  heim_status status;
  (void)unused;
  options.user = "postgres";
  status = heim_session_open(shared, &options, &session, &error);
  while (status == HEIM_OK) status = heim_session_query(session, "SELECT 1", NULL, &error);
  CHECK(status == HEIM_CLOSED || status == HEIM_SERVER);
  heim_session_close(session);
  return NULL;
}

static void test_stop(heim_stop how) {
  pthread_t threads[8];
  heim_session* watcher;
  heim_error error;
  size_t i;
  shared = start_proxy(port, NULL, NULL);
  watcher = open_session(shared);
  for (i = 0; i < 8; ++i) CHECK(pthread_create(&threads[i], NULL, work_until_end, NULL) == 0);
  for (i = 0; i < 50; ++i) ask(watcher, "SELECT 1");
  OK(heim_proxy_stop(shared, how, &error));
  for (i = 0; i < 8; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  OK(heim_proxy_wait(shared, HEIM_FOREVER, &error));
  heim_proxy_close(shared);
  heim_session_close(watcher);
}

static void one_life(void) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_session *first, *second;
  options.sidecar = 1;
  shared = start_proxy(port, NULL, &options);
  first = open_session(shared);
  second = open_session(shared);
  CHECK(whole(ask(first, "SELECT 1"), 0, 0) == 1);
  CHECK(whole(ask(second, "SELECT 2"), 0, 0) == 2);
  heim_session_close(first);
  heim_proxy_close(shared);
  heim_session_close(second);
}

static void test_lives(int lives) {
  int fds, threads, i;
  one_life();
  fds = open_descriptors();
  threads = living_threads();
  for (i = 0; i < lives; ++i) one_life();
  CHECK(open_descriptors() == fds);
  CHECK(living_threads() == threads);
}

int main(int argc, char** argv) {
  const int quick = argc > 2 && strcmp(argv[1], "--quick") == 0; /* for valgrind */
  CHECK(argc > 1);
  port = (int)strtol(argv[argc - 1], NULL, 10);
  if (quick) rounds = 20;
  test_lives(quick ? 5 : 100);
  test_threads(NULL);
  test_threads("[proxy]\nlisten_address = []\npool_size = 3\n");
  test_threads("[proxy]\nlisten_address = []\npool_mode = \"transaction\"\npool_size = 5\n");
  test_threads("[proxy]\nlisten_address = []\npool_mode = \"session\"\npool_size = 40\n");
  test_stop(HEIM_STOP_NOW);
  test_stop(HEIM_STOP_WAIT_FOR_SERVERS);
  return 0;
}
