/* A backend at query level whose statements are words, and what its clients have in common. Each
 * test brings the words it needs. */
#ifndef HEIM_TESTS_CAPI_TOYS_H
#define HEIM_TESTS_CAPI_TOYS_H

#include <pthread.h>

#include "heimproxy/backend.h"
#include "sessions.h"

/* A connection. */
typedef struct toy {
  char user[64];
  heim_transaction state;
  int dirty; /* what its client left */
  pthread_mutex_t mutex;
  pthread_cond_t woken;
  int canceled;
} toy;

typedef struct toy_word {
  const char* text; /* the statement, or how it begins if it ends with a blank */
  /* Not 0: the end of the answer was said, or will be. */
  int (*act)(toy* self, const heim_statement* statement, heim_reply reply);
} toy_word;

static int opened, closed, resets; /* several threads count */

static inline void bump(int* count) { __sync_fetch_and_add(count, 1); }
static inline int now(int* count) { return __sync_fetch_and_add(count, 0); }

static inline heim_status toy_open(const char* user, const char* database, void** connection,
                                   heim_error* error, void* user_data) {
  toy* made;
  CHECK(user_data);
  if (strcmp(database, "closed") == 0) {
    snprintf(error->sqlstate, sizeof error->sqlstate, "3D000");
    snprintf(error->message, sizeof error->message, "there is no such toy");
    return HEIM_SERVER;
  }
  made = calloc(1, sizeof *made);
  snprintf(made->user, sizeof made->user, "%s", user);
  pthread_mutex_init(&made->mutex, NULL);
  pthread_cond_init(&made->woken, NULL);
  bump(&opened);
  *connection = made;
  return HEIM_OK;
}

static inline void toy_close(void* connection, void* user_data) {
  toy* self = connection;
  (void)user_data;
  pthread_mutex_destroy(&self->mutex);
  pthread_cond_destroy(&self->woken);
  free(self);
  bump(&closed);
}

static inline heim_status toy_reset(void* connection, heim_error* error, void* user_data) {
  (void)error, (void)user_data;
  ((toy*)connection)->dirty = 0;
  bump(&resets);
  return HEIM_OK;
}

static inline void toy_cancel(void* connection, void* user_data) {
  toy* self = connection;
  (void)user_data;
  pthread_mutex_lock(&self->mutex);
  self->canceled = 1;
  pthread_cond_broadcast(&self->woken);
  pthread_mutex_unlock(&self->mutex);
}

/* ---- what words say ------------------------------------------------------------------------- */

static inline void say_one(heim_reply reply, const char* name, const char* text) {
  heim_error error;
  const heim_value value = text_value(text);
  OK(heim_reply_columns(reply, &name, NULL, 1, &error));
  OK(heim_reply_row(reply, &value, 1, &error));
  OK(heim_reply_complete(reply, NULL, &error));
}

static inline int say_rows(toy* self, const heim_statement* statement, heim_reply reply) {
  static const char* const names[] = {"n", "text"};
  static const uint32_t types[] = {23, 25};
  const long count = strtol(statement->sql + 5, NULL, 10);
  heim_value values[2];
  heim_error error;
  char number[16];
  int i;
  (void)self;
  OK(heim_reply_columns(reply, names, types, 2, &error));
  for (i = 0; i < count; ++i) {
    snprintf(number, sizeof number, "%d", i);
    values[0] = text_value(number);
    values[1] = text_value(i % 3 == 1 ? NULL : "some text that makes a row a bit longer");
    OK(heim_reply_row(reply, values, 2, &error));
  }
  OK(heim_reply_complete(reply, NULL, &error));
  return 0;
}

static inline int say_who(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)statement;
  say_one(reply, "who", self->user);
  return 0;
}

/* Until it is canceled. */
static inline int hang(toy* self, const heim_statement* statement, heim_reply reply) {
  heim_error error;
  (void)statement;
  pthread_mutex_lock(&self->mutex);
  while (!self->canceled) pthread_cond_wait(&self->woken, &self->mutex);
  self->canceled = 0;
  pthread_mutex_unlock(&self->mutex);
  /* Who asked may have gone. */
  (void)heim_reply_error(reply, "57014", "canceling statement due to user request", NULL, &error);
  (void)heim_reply_end(reply, HEIM_TRANSACTION_NONE, &error);
  return 1;
}

static inline void toy_execute(void* connection, const heim_statement* statement, heim_reply reply,
                               void* user_data) {
  toy* self = connection;
  const toy_word* word = user_data;
  heim_error error;
  CHECK(strlen(statement->sql) == statement->sql_length);
  for (; word->text; ++word) {
    const size_t size = strlen(word->text);
    const int begins = word->text[size - 1] == ' ';
    if (strncmp(statement->sql, word->text, begins ? size : size + 1) != 0) continue;
    if (word->act(self, statement, reply)) return;
    break;
  }
  if (!word->text) OK(heim_reply_error(reply, "42601", "that is no word of mine", NULL, &error));
  OK(heim_reply_end(reply, self->state, &error));
}

/* ---- proxies and clients --------------------------------------------------------------------- */

static inline heim_query_backend toy_backend(const toy_word* words) {
  heim_query_backend backend = HEIM_QUERY_BACKEND_INIT;
  backend.open = toy_open;
  backend.execute = toy_execute;
  backend.reset = toy_reset;
  backend.cancel = toy_cancel;
  backend.close = toy_close;
  backend.user_data = (void*)words;
  return backend;
}

/* `more`: of section [proxy], and further ones. */
static inline heim_proxy* open_toys(const char* more) {
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_error error;
  char text[1000];
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\n%s\n[auth]\ntype = \"trust\"\n[[nodes]]\n"
           "backend = \"toy\"\nrole = \"primary\"\n",
           more);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_proxy_open(config, NULL, &proxy, &error));
  heim_config_free(config);
  return proxy;
}

static inline heim_proxy* start_toys(const char* more, const heim_query_backend* backend) {
  heim_proxy* proxy = open_toys(more);
  heim_error error;
  OK(heim_proxy_add_query_backend(proxy, "toy", backend, &error));
  OK(heim_proxy_start(proxy, &error));
  return proxy;
}

static inline heim_status try_client(heim_proxy* proxy, const char* database, heim_session** out,
                                     heim_error* error) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  options.user = "app";
  options.database = database;
  options.application_name = "backend test";
  return heim_session_open(proxy, &options, out, error);
}

static inline heim_session* client(heim_proxy* proxy) {
  heim_session* session = NULL;
  heim_error error;
  OK(try_client(proxy, "any", &session, &error));
  return session;
}

static inline void check_fails(heim_session* session, const char* sql, const char* sqlstate) {
  heim_error error;
  CHECK_STATUS(heim_session_query(session, sql, NULL, &error), HEIM_SERVER, &error);
  if (strcmp(error.sqlstate, sqlstate) != 0) fprintf(stderr, "%s: %s\n", sql, error.message);
  CHECK(strcmp(error.sqlstate, sqlstate) == 0);
}

#endif
