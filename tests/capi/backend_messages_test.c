/* A backend at message level, and what becomes of one that breaks the protocol: the client is told,
 * and nobody else hears of it. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>

#include "heimproxy/backend.h"
#include "sessions.h"

/* ---- messages
 * ------------------------------------------------------------------------------------ */

typedef struct buffer {
  size_t size;
  char bytes[4096];
} buffer;

static void put(buffer* to, const void* bytes, size_t size) {
  CHECK(to->size + size <= sizeof to->bytes);
  memcpy(to->bytes + to->size, bytes, size);
  to->size += size;
}

static void put_int(buffer* to, uint32_t value, int size) {
  unsigned char bytes[4];
  int i;
  for (i = 0; i < size; ++i) bytes[i] = (unsigned char)(value >> 8 * (size - 1 - i));
  put(to, bytes, (size_t)size);
}

static void put_message(buffer* to, char type, const void* body, size_t size) {
  put(to, &type, 1);
  put_int(to, (uint32_t)size + 4, 4);
  put(to, body, size);
}

static void put_columns(buffer* to) {
  static const char body[] = "\0\1text\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0";
  put_message(to, 'T', body, sizeof body);
}

static void put_row(buffer* to, const char* text) {
  buffer body = {0, {0}};
  put_int(&body, 1, 2);
  put_int(&body, (uint32_t)strlen(text), 4);
  put(&body, text, strlen(text));
  put_message(to, 'D', body.bytes, body.size);
}

static void put_tag(buffer* to) { put_message(to, 'C', "SELECT 1", 9); }
static void put_ready(buffer* to) { put_message(to, 'Z', "I", 1); }

static void put_answer(buffer* to, const char* text) {
  put_columns(to);
  put_row(to, text);
  put_tag(to);
  put_ready(to);
}

/* ---- the backend
 * ----------------------------------------------------------------------------------- */

static int opened, closed, refused;
static heim_reply kept;

static int now(int* count) { return __sync_fetch_and_add(count, 0); }
static void bump(int* count) { __sync_fetch_and_add(count, 1); }

static heim_status raw_open(const char* user, const char* database, void** connection,
                            heim_error* error, void* user_data) {
  (void)user, (void)database, (void)error, (void)user_data;
  *connection = calloc(1, 64); /* the last query's text */
  bump(&opened);
  return HEIM_OK;
}

static void raw_close(void* connection, void* user_data) {
  (void)user_data;
  free(connection);
  bump(&closed);
}

static void send_all(heim_reply reply, const buffer* messages, heim_status wanted) {
  heim_error error;
  CHECK_STATUS(heim_reply_send(reply, messages->bytes, messages->size, &error), wanted, &error);
}

static void* answer_later(void* argument) {
  buffer out = {0, {0}};
  put_answer(&out, "another thread");
  send_all(*(heim_reply*)argument, &out, HEIM_OK);
  free(argument);
  return NULL;
}

static void later(heim_reply reply) {
  pthread_t thread;
  heim_reply* copy = malloc(sizeof *copy);
  *copy = reply;
  CHECK(pthread_create(&thread, NULL, answer_later, copy) == 0);
  pthread_detach(thread);
}

/* What is refused, and ends the connection. */
static int is_refused(const char* text, buffer* out) {
  if (strcmp(text, "garbage") == 0) {
    put(out, "\377\376 what is this", 16);
  } else if (strcmp(text, "login") == 0) {
    put_message(out, 'R', "\0\0\0", 4);
  } else if (strcmp(text, "key") == 0) {
    put_message(out, 'K', "\0\0\0\1\0\0\0", 8);
  } else if (strcmp(text, "partial") == 0) {
    put_answer(out, "half");
    out->size -= 3;
  } else if (strcmp(text, "length") == 0) {
    put(out, "D\177\377\377\377", 5);
  } else if (strcmp(text, "status") == 0) {
    put_message(out, 'Z', "X", 1);
  } else if (strcmp(text, "more") == 0) {
    put_answer(out, "one");
    put_answer(out, "two");
  } else {
    return 0;
  }
  return 1;
}

/* Messages that there are, where they do not belong. */
static int is_odd(const char* text, buffer* out) {
  if (strcmp(text, "parsed") == 0) {
    put_message(out, '1', "", 0);
    put_tag(out);
    put_ready(out);
  } else if (strcmp(text, "no columns") == 0) {
    put_row(out, "lost");
    put_tag(out);
    put_ready(out);
  } else if (strcmp(text, "no tag") == 0) {
    put_columns(out);
    put_ready(out);
  } else if (strcmp(text, "bad row") == 0) {
    put_columns(out);
    put_message(out, 'D', "\0\7\0\0\0\1", 6);
    put_tag(out);
    put_ready(out);
  } else if (strcmp(text, "bad columns") == 0) {
    put_message(out, 'T', "\0\11no", 4);
    put_tag(out);
    put_ready(out);
  } else if (strcmp(text, "bad error") == 0) {
    put_message(out, 'E', "SERR", 4);
    put_ready(out);
  } else if (strcmp(text, "suspended") == 0) {
    put_columns(out);
    put_message(out, 's', "", 0);
    put_ready(out);
  } else {
    return 0;
  }
  return 1;
}

static void answer(const char* text, heim_reply reply) {
  buffer out = {0, {0}};
  if (strcmp(text, "later") == 0) {
    later(reply);
  } else if (strcmp(text, "keep") == 0) {
    kept = reply;
  } else if (is_refused(text, &out)) {
    bump(&refused);
    send_all(reply, &out, HEIM_INVALID_ARGUMENT);
    send_all(reply, &out, HEIM_CLOSED);
  } else if (is_odd(text, &out)) {
    send_all(reply, &out, HEIM_OK);
  } else {
    put_answer(&out, strncmp(text, "SELECT", 6) == 0 ? "the proxy's" : text);
    send_all(reply, &out, HEIM_OK);
    if (strcmp(text, "twice") == 0) send_all(reply, &out, HEIM_CLOSED);
    if (strcmp(text, "use") == 0) send_all(kept, &out, HEIM_CLOSED);
  }
}

static void raw_message(void* connection, char type, const void* body, size_t length,
                        heim_reply reply, void* user_data) {
  buffer out = {0, {0}};
  (void)user_data, (void)length;
  if (type == 'Q') {
    answer(body, reply);
    return;
  }
  if (type == 'P') snprintf(connection, 64, "%s", (const char*)body + 1);
  if (type == 'P') put_message(&out, '1', "", 0);
  if (type == 'B') put_message(&out, '2', "", 0);
  if (type == 'D') put_columns(&out);
  if (type == 'S') put_ready(&out);
  if (type == 'E') {
    const char* text = connection;
    put_row(&out, text);
    put_tag(&out);
    if (strcmp(text, "tags") == 0) put_tag(&out);
    if (strcmp(text, "early") == 0) {
      put_ready(&out);
      send_all(reply, &out, HEIM_INVALID_ARGUMENT);
      return;
    }
  }
  /* Behind what was refused, nobody waits. */
  (void)heim_reply_send(reply, out.bytes, out.size, NULL);
}

/* ---- clients
 * ----------------------------------------------------------------------------------------- */

static heim_proxy* start_raw(const char* more) {
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_backend backend = HEIM_BACKEND_INIT;
  heim_error error;
  char text[1000];
  backend.open = raw_open;
  backend.message = raw_message;
  backend.close = raw_close;
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\n%s\n[auth]\ntype = \"trust\"\n[[nodes]]\n"
           "backend = \"raw\"\nrole = \"primary\"\n",
           more);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_proxy_open(config, NULL, &proxy, &error));
  heim_config_free(config);
  OK(heim_proxy_add_backend(proxy, "raw", &backend, &error));
  OK(heim_proxy_start(proxy, &error));
  return proxy;
}

static heim_session* client(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  options.user = "app";
  OK(heim_session_open(proxy, &options, &session, &error));
  return session;
}

static void check_others(heim_proxy* proxy) {
  heim_session* other = client(proxy);
  CHECK(is_text(ask(other, "mine"), 0, 0, "mine"));
  heim_session_close(other);
}

static void test_answers(heim_proxy* proxy) {
  heim_session* session = client(proxy);
  heim_request request = HEIM_REQUEST_INIT;
  const heim_result* result;
  heim_error error;
  CHECK(is_text(ask(session, "hello"), 0, 0, "hello"));
  CHECK(is_text(ask(session, "later"), 0, 0, "another thread"));
  CHECK(is_text(ask(session, "twice"), 0, 0, "twice"));
  CHECK(is_text(ask(session, "again"), 0, 0, "again"));
  request.sql = "extended";
  OK(heim_session_run(session, &request, &result, &error));
  CHECK(is_text(result, 0, 0, "extended"));
  heim_session_close(session);
}

static void test_refused(heim_proxy* proxy) {
  static const char* const texts[] = {"garbage", "login",  "key", "partial",
                                      "length",  "status", "more"};
  heim_error error;
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; ++i) {
    heim_session* session = client(proxy);
    CHECK_STATUS(heim_session_query(session, texts[i], NULL, &error), HEIM_CLOSED, &error);
    if (strcmp(error.sqlstate, "08P01") != 0) fprintf(stderr, "%s: %s\n", texts[i], error.message);
    CHECK(strcmp(error.sqlstate, "08P01") == 0);
    check_others(proxy);
    heim_session_close(session);
  }
  CHECK(now(&refused) == (int)i);
}

static volatile char last_read;

/* What a malformed row holds may be anything, but not beyond its end. */
static void read_all(const heim_result* result) {
  size_t row, column, length, i;
  for (row = 0; row < heim_result_rows(result); ++row) {
    for (column = 0; column < heim_result_columns(result); ++column) {
      const char* value = heim_result_value(result, row, column, &length);
      for (i = 0; value && i < length; ++i) last_read = value[i];
    }
  }
}

static void test_odd(heim_proxy* proxy) {
  static const char* const texts[] = {"parsed",      "no columns", "no tag",   "bad row",
                                      "bad columns", "bad error",  "suspended"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; ++i) {
    heim_session* session = client(proxy);
    heim_error error;
    const heim_result* result = NULL;
    const heim_status status = heim_session_query(session, texts[i], &result, &error);
    /* Whatever the client makes of it: it is told something, once. */
    printf("%s: %s\n", texts[i], status == HEIM_OK ? "success" : error.message);
    if (status == HEIM_OK) read_all(result);
    check_others(proxy);
    heim_session_close(session);
  }
}

static void test_extended(heim_proxy* proxy) {
  static const char* const texts[] = {"tags", "early"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; ++i) {
    heim_session* session = client(proxy);
    heim_request request = HEIM_REQUEST_INIT;
    heim_error error;
    request.sql = texts[i];
    CHECK_STATUS(heim_session_run(session, &request, NULL, &error), HEIM_CLOSED, &error);
    check_others(proxy);
    heim_session_close(session);
  }
}

static void test_never(void) {
  heim_proxy* proxy = start_raw(
      "pool_size = 1\n[timeouts]\nquery_timeout = \"200ms\"\nabandon_timeout = \"100ms\"");
  heim_session* session = client(proxy);
  heim_error error;
  CHECK_STATUS(heim_session_query(session, "keep", NULL, &error), HEIM_CLOSED, &error);
  CHECK(strcmp(error.sqlstate, "57014") == 0);
  heim_session_close(session);
  session = client(proxy);
  CHECK(is_text(ask(session, "use"), 0, 0, "use"));
  CHECK(is_text(ask(session, "mine"), 0, 0, "mine"));
  heim_session_close(session);
  heim_proxy_close(proxy);
}

int main(void) {
  heim_proxy* proxy = start_raw("pool_size = 3");
  test_answers(proxy);
  test_refused(proxy);
  test_odd(proxy);
  test_extended(proxy);
  heim_proxy_close(proxy);
  test_never();
  CHECK(now(&opened) == now(&closed));
  return 0;
}
