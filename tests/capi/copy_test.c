/* COPY from C99 against a real server. */
#include "sessions.h"

/* The server finds the mistake while data is still sent. */
static void copy_bad_data(heim_session* session) {
  const heim_result* result = NULL;
  heim_request request = HEIM_REQUEST_INIT;
  heim_error error;
  heim_status status;
  request.sql = "COPY copied FROM STDIN";
  OK(heim_session_run(session, &request, &result, &error));
  status = heim_session_copy_write(session, "nonsense\n", 9, &error);
  while (status == HEIM_OK) status = heim_session_copy_write(session, "1\tx\n", 4, &error);
  CHECK_STATUS(status, HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22P02") == 0);
  CHECK(whole(ask(session, "SELECT 9"), 0, 0) == 9);
}

static void copy_in(heim_session* session) {
  const heim_result* result = NULL;
  heim_request request = HEIM_REQUEST_INIT;
  char line[2100];
  heim_error error;
  int i, round;
  for (round = 0; round < 2; ++round) {
    request.sql = "COPY copied FROM STDIN";
    if (round == 0) OK(heim_session_query(session, request.sql, &result, &error));
    if (round == 1) OK(heim_session_run(session, &request, &result, &error));
    CHECK(heim_result_kind(result) == HEIM_KIND_COPY_IN);
    CHECK(heim_session_transaction(session) == HEIM_TRANSACTION_BUSY);
    CHECK_STATUS(heim_session_query(session, "SELECT 1", NULL, &error), HEIM_STATE, &error);
    for (i = 0; i < 10000; ++i) {
      const int size = snprintf(line, sizeof line, "%d\t%0*d\n", i, 1000, i);
      OK(heim_session_copy_write(session, line, (size_t)size, &error));
    }
    OK(heim_session_copy_end(session, NULL, &result, &error));
    CHECK(strcmp(heim_result_tag(result), "COPY 10000") == 0);
  }
  CHECK(whole(ask(session, "SELECT count(*) FROM copied"), 0, 0) == 20000);
}

static void copy_out(heim_session* session) {
  const heim_result* result = NULL;
  heim_request request = HEIM_REQUEST_INIT;
  const void* data = NULL;
  size_t length = 0, lines = 0;
  heim_error error;
  int round;
  for (round = 0; round < 2; ++round) {
    request.sql = "COPY copied TO STDOUT";
    if (round == 0) OK(heim_session_query(session, request.sql, &result, &error));
    if (round == 1) OK(heim_session_run(session, &request, &result, &error));
    CHECK(heim_result_kind(result) == HEIM_KIND_COPY_OUT);
    for (lines = 0;; ++lines) {
      OK(heim_session_copy_read(session, &data, &length, &error));
      if (!data) break;
      CHECK(length > 1000 && ((const char*)data)[length - 1] == '\n');
    }
    CHECK(lines == 20000);
    CHECK(whole(ask(session, "SELECT 1"), 0, 0) == 1);
  }
}

/* Begins a COPY, and cancels it: at once, or where it is known to wait for data. */
static heim_status copy_and_cancel(heim_session* session, int at_once, heim_error* told) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  request.sql = "COPY copied FROM STDIN";
  OK(heim_session_start(session, &request, NULL, NULL, &error));
  if (at_once) OK(heim_session_cancel(session, &error));
  status = heim_session_finish(session, HEIM_FOREVER, &result, told);
  if (!at_once) OK(heim_session_cancel(session, &error));
  return status;
}

/* One that is cancelled at once may fail before it reads data, amid it, or not at all: what is
 * asked next has its own answer. One that waits for data always fails. */
static void copy_cancelled(heim_session* session) {
  int i;
  for (i = 0; i < 100; ++i) {
    const int at_once = i % 2;
    heim_error error;
    heim_status status = copy_and_cancel(session, at_once, &error);
    do {
      if (status == HEIM_OK) status = heim_session_copy_write(session, "1\tx\n", 4, &error);
    } while (status == HEIM_OK && !at_once);
    if (status == HEIM_OK) status = heim_session_copy_end(session, NULL, NULL, &error);
    if (status != HEIM_OK) {
      CHECK_STATUS(status, HEIM_SERVER, &error);
      CHECK(strcmp(error.sqlstate, "57014") == 0);
    }
    CHECK(whole(ask(session, "SELECT 9"), 0, 0) == 9);
  }
}

static void test_copy(heim_proxy* proxy) {
  heim_session* session = open_session(proxy);
  const heim_result* result = ask(session, "CREATE TEMP TABLE copied (n int, t text)");
  const void* data = NULL;
  size_t length = 0;
  heim_error error;
  copy_in(session);
  copy_out(session);
  copy_bad_data(session);
  ask(session, "COPY copied FROM STDIN");
  OK(heim_session_copy_write(session, "1\tx\n", 4, &error));
  CHECK_STATUS(heim_session_copy_end(session, "changed my mind", NULL, &error), HEIM_SERVER,
               &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  CHECK_HAS(error.message, "changed my mind");
  ask(session, "COPY copied FROM STDIN");
  OK(heim_session_copy_write(session, "nonsense\n", 9, &error));
  CHECK_STATUS(heim_session_copy_end(session, NULL, NULL, &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "22P02") == 0);
  ask(session, "COPY copied TO STDOUT");
  OK(heim_session_copy_read(session, &data, &length, &error));
  CHECK(whole(ask(session, "SELECT count(*) FROM copied"), 0, 0) == 20000);
  /* Between other statements. */
  ask(session, "SELECT 7; COPY (SELECT 'x') TO STDOUT; SELECT 8");
  OK(heim_session_next(session, &result, &error));
  CHECK(heim_result_kind(result) == HEIM_KIND_COPY_OUT);
  OK(heim_session_copy_read(session, &data, &length, &error));
  CHECK(length == 2 && memcmp(data, "x\n", 2) == 0);
  OK(heim_session_copy_read(session, &data, &length, &error));
  CHECK(!data);
  OK(heim_session_next(session, &result, &error));
  CHECK(result && whole(result, 0, 0) == 8);
  copy_cancelled(session);
  heim_session_close(session);
}

int main(int argc, char** argv) {
  heim_proxy* proxy;
  CHECK(argc > 1);
  proxy = start_proxy((int)strtol(argv[argc - 1], NULL, 10), NULL, NULL);
  test_copy(proxy);
  heim_proxy_close(proxy);
  return 0;
}
