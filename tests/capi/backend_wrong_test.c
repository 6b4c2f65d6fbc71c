/* What becomes of a backend at query level that misbehaves: its client is told, and nobody else
 * hears of it. */
#define _POSIX_C_SOURCE 200809L

#include "toys.h"

static heim_reply kept; /* of "keep": an answer that is not given in time */
static int has_kept, late, ended;

/* ---- words ------------------------------------------------------------------------------ */

static void* answer_later(void* argument) {
  const heim_reply reply = *(heim_reply*)argument;
  heim_error error;
  free(argument);
  say_one(reply, "who", "another thread");
  OK(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error));
  return NULL;
}

static int later(toy* self, const heim_statement* statement, heim_reply reply) {
  pthread_t thread;
  heim_reply* copy = malloc(sizeof *copy);
  (void)self, (void)statement;
  *copy = reply;
  CHECK(pthread_create(&thread, NULL, answer_later, copy) == 0);
  pthread_detach(thread);
  return 1;
}

/* Each call at its wrong moment is refused, and says nothing. */
static int wrong(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"a", "b"};
  heim_value value = text_value("x");
  heim_error error;
  (void)self, (void)statement;
  CHECK_STATUS(heim_reply_row(reply, &value, 1, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_reply_parameters(reply, NULL, 0, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_reply_send(reply, "Z\0\0\0\5I", 6, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_reply_error(reply, "nope", "x", NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_reply_end(reply, HEIM_TRANSACTION_BUSY, &error), HEIM_INVALID_ARGUMENT, &error);
  OK(heim_reply_columns(reply, names, NULL, 2, &error));
  CHECK_STATUS(heim_reply_columns(reply, names, NULL, 2, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_reply_row(reply, &value, 1, &error), HEIM_STATE, &error);
  OK(heim_reply_error(reply, "22012", "it failed", "in detail", &error));
  CHECK_STATUS(heim_reply_error(reply, "22012", "again", NULL, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_reply_complete(reply, NULL, &error), HEIM_STATE, &error);
  OK(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error));
  return 1;
}

static int twice(toy* self, const heim_statement* statement, heim_reply reply) {
  heim_error error;
  const heim_value value = text_value("stray");
  (void)self, (void)statement;
  say_one(reply, "once", "1");
  OK(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error));
  CHECK_STATUS(heim_reply_row(reply, &value, 1, &error), HEIM_CLOSED, &error);
  CHECK_STATUS(heim_reply_complete(reply, NULL, &error), HEIM_CLOSED, &error);
  CHECK_STATUS(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error), HEIM_CLOSED, &error);
  return 1;
}

static int half(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self, (void)statement, (void)reply;
  return 0;
}

static int half_rows(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"a"};
  const heim_value value = text_value("x");
  heim_error error;
  (void)self, (void)statement;
  OK(heim_reply_columns(reply, names, NULL, 1, &error));
  OK(heim_reply_row(reply, &value, 1, &error));
  return 0;
}

static int keep(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self, (void)statement;
  kept = reply;
  bump(&has_kept);
  return 1;
}

/* Answers what somebody else asked before, if it still can. */
static int use_kept(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"stolen"};
  const heim_value value = text_value("of another client");
  heim_error error;
  (void)self, (void)statement;
  CHECK_STATUS(heim_reply_columns(kept, names, NULL, 1, &error), HEIM_CLOSED, &error);
  CHECK_STATUS(heim_reply_row(kept, &value, 1, &error), HEIM_CLOSED, &error);
  CHECK_STATUS(heim_reply_end(kept, HEIM_TRANSACTION_NONE, &error), HEIM_CLOSED, &error);
  bump(&late);
  say_one(reply, "mine", "of this client");
  return 0;
}

/* Until nobody wants them. */
static int endless(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"a"};
  const heim_value value = text_value("a row of some length, so that buffers are full soon");
  heim_error error;
  (void)self, (void)statement;
  OK(heim_reply_columns(reply, names, NULL, 1, &error));
  while (heim_reply_row(reply, &value, 1, &error) == HEIM_OK) continue;
  CHECK(error.status == HEIM_CLOSED);
  CHECK_STATUS(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error), HEIM_CLOSED, &error);
  bump(&ended);
  return 1;
}

static const toy_word words[] = {
    {"rows ", say_rows}, {"who", say_who}, {"later", later},         {"wrong", wrong},
    {"twice", twice},    {"half", half},   {"half rows", half_rows}, {"keep", keep},
    {"use", use_kept},   {"hang", hang},   {"endless", endless},     {NULL, NULL},
};

/* ---- tests ------------------------------------------------------------------------------ */

static void describe_all(void* connection, const heim_statement* statement, heim_reply reply,
                         void* user_data) {
  static const char* const names[] = {"a"};
  heim_error error;
  (void)connection, (void)statement, (void)user_data;
  OK(heim_reply_columns(reply, names, NULL, 1, &error));
  OK(heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error));
}

static heim_proxy* start_words(const char* more) {
  heim_query_backend backend = toy_backend(words);
  backend.describe = describe_all;
  return start_toys(more, &backend);
}

static void test_misbehaves(void) {
  heim_proxy* proxy = start_words("");
  heim_session* session = client(proxy);
  CHECK(is_text(ask(session, "later"), 0, 0, "another thread"));
  check_fails(session, "wrong", "22012");
  CHECK(is_text(ask(session, "twice"), 0, 0, "1"));
  check_fails(session, "half", "XX000");
  check_fails(session, "half rows", "XX000");
  CHECK(heim_result_rows(ask(session, "rows 2")) == 2);
  heim_session_close(session);
  heim_proxy_close(proxy);
}

/* An answer that comes when the client has given up, and another has its place. */
static void test_never(void) {
  heim_proxy* proxy = start_words(
      "pool_size = 1\n[timeouts]\nquery_timeout = \"200ms\"\n"
      "cancel_wait_timeout = \"100ms\"\nabandon_timeout = \"100ms\"\n");
  heim_session* session = client(proxy);
  heim_error error;
  CHECK_STATUS(heim_session_query(session, "keep", NULL, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  heim_session_close(session);
  CHECK(now(&has_kept));
  session = client(proxy);
  CHECK(is_text(ask(session, "use"), 0, 0, "of this client"));
  CHECK(heim_result_rows(ask(session, "rows 3")) == 3);
  CHECK(now(&late) == 1);
  heim_session_close(session);
  heim_proxy_close(proxy);
}

static void test_hangs(void) {
  heim_proxy* proxy = start_words(
      "pool_size = 1\n[timeouts]\nquery_timeout = \"200ms\"\n"
      "abandon_timeout = \"100ms\"\n");
  heim_session* session = client(proxy);
  heim_error error;
  CHECK_STATUS(heim_session_query(session, "hang", NULL, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  heim_session_close(session);
  session = client(proxy);
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  heim_session_close(session);
  heim_proxy_close(proxy);
}

static heim_status no_reset(void* connection, heim_error* error, void* user_data) {
  (void)connection, (void)user_data;
  snprintf(error->message, sizeof error->message, "it is worn");
  bump(&resets);
  return HEIM_SYSTEM;
}

/* What cannot be reset is not given to another client. */
static void test_no_reset(void) {
  heim_query_backend backend = toy_backend(words);
  const int before = now(&opened);
  heim_proxy* proxy;
  heim_session* session;
  backend.reset = no_reset;
  proxy = start_toys("pool_size = 1\n", &backend);
  session = client(proxy);
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  heim_session_close(session);
  session = client(proxy);
  CHECK(is_text(ask(session, "who"), 0, 0, "app"));
  heim_session_close(session);
  heim_proxy_close(proxy);
  CHECK(now(&opened) - before == 2 && now(&resets) > 0);
}

/* A client that leaves amid rows, with a backend that waits to write more. */
static void test_leaves(void) {
  heim_proxy* proxy = start_words("[timeouts]\nabandon_timeout = \"100ms\"\n");
  heim_session* session = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result = NULL;
  heim_error error;
  request.sql = "endless";
  request.streamed = 1;
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(result && heim_result_rows(result) > 0);
  heim_session_close(session);
  heim_proxy_close(proxy);
  CHECK(now(&ended) == 1);
}

/* A proxy may be closed while the backend holds an answer back, and while it hangs. */
static void test_close_amid(void) {
  heim_proxy* proxy = start_words("");
  heim_session *one = client(proxy), *two = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  heim_error error;
  request.sql = "keep";
  OK(heim_session_start(one, &request, NULL, NULL, &error));
  request.sql = "hang";
  OK(heim_session_start(two, &request, NULL, NULL, &error));
  heim_proxy_close(proxy);
  heim_session_close(one);
  heim_session_close(two);
}

int main(void) {
  test_misbehaves();
  test_never();
  test_hangs();
  test_no_reset();
  test_leaves();
  test_close_amid();
  CHECK(now(&opened) == now(&closed));
  return 0;
}
