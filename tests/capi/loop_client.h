/* Clients of a loop (loop.h) on the loop's own thread: libpq's calls that do not wait, and turns of
 * the loop in between. */
#ifndef HEIM_TESTS_CAPI_LOOP_CLIENT_H
#define HEIM_TESTS_CAPI_LOOP_CLIENT_H

#include <libpq-fe.h>

#include "loop.h"

/* One turn, which a readable socket of this client ends, too. */
static inline void client_turn(struct loop* loop, PGconn* client) {
  loop->watched = PQsocket(client);
  loop_turn(loop);
  loop->watched = -1;
}

static inline PGconn* client_open(struct loop* loop, const char* more) {
  char conninfo[500];
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  PGconn* client;
  snprintf(conninfo, sizeof conninfo,
           "host=127.0.0.1 port=%d user=app password=app-secret dbname=postgres sslmode=disable %s",
           loop->port, more ? more : "");
  client = PQconnectStart(conninfo);
  CHECK(client);
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    struct pollfd ready;
    ready.fd = PQsocket(client);
    ready.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    ready.revents = 0;
    if (poll(&ready, 1, 0) == 1) state = PQconnectPoll(client);
    if (state == PGRES_POLLING_READING) client_turn(loop, client);
  }
  return client;
}

static inline PGconn* client_ready(struct loop* loop, const char* more) {
  PGconn* client = client_open(loop, more);
  if (PQstatus(client) != CONNECTION_OK) fprintf(stderr, "%s", PQerrorMessage(client));
  CHECK(PQstatus(client) == CONNECTION_OK && PQsetnonblocking(client, 1) == 0);
  return client;
}

/* Whether the whole of an answer is there; takes what came, also before the end. */
static inline int client_has(PGconn* client) {
  (void)PQflush(client);
  return !PQconsumeInput(client) || !PQisBusy(client);
}

static inline const char* client_code(const PGresult* result) {
  const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return code ? code : "";
}

/* The last result of what was sent, or the first error. */
static inline PGresult* client_answer(struct loop* loop, PGconn* client) {
  PGresult *answer = NULL, *next;
  for (;;) {
    while (!client_has(client)) client_turn(loop, client);
    next = PQgetResult(client);
    if (!next) return answer;
    if (answer && *client_code(answer)) {
      PQclear(next);
    } else {
      PQclear(answer);
      answer = next;
    }
  }
}

static inline PGresult* client_ask(struct loop* loop, PGconn* client, const char* sql) {
  CHECK(PQsendQuery(client, sql));
  return client_answer(loop, client);
}

/* Its first value, as text; "" for what has none, the SQLSTATE of an error. */
static inline const char* client_value(struct loop* loop, PGconn* client, const char* sql) {
  static char value[200];
  PGresult* result = client_ask(loop, client, sql);
  const char* cell = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
  snprintf(value, sizeof value, "%s%s", client_code(result), cell);
  PQclear(result);
  return value;
}

#define CHECK_VALUE(loop, client, sql, wanted)                                              \
  do {                                                                                      \
    const char* value_got = client_value(loop, client, sql);                                \
    if (strcmp(value_got, (wanted)) != 0) {                                                 \
      fprintf(stderr, "%s:%d: %s: '%s' and not '%s'\n", __FILE__, __LINE__, sql, value_got, \
              wanted);                                                                      \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

#endif
