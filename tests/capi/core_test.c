/* A core in a program's own loop, before a real server: clients, pools, cancel requests, a server
 * that is killed, a client that does not read, time. */
#include "heimproxy/core.h"

#include <pthread.h>

#include "loop_client.h"
#include "process.h"

#define NODE                                      \
  "[proxy]\nlisten_address = []\npool_size = 2\n" \
  "[[nodes]]\nname = \"one\"\nhost = \"127.0.0.1\"\nport = %d\nrole = \"primary\"\n"
/* Clients are let in, and the servers' password is known. */
#define OPEN                                                                                     \
  NODE "[auth]\ntype = \"trust\"\n[[databases]]\nname = \"postgres\"\nuser = \"app\"\npassword " \
       "= \"app-secret\"\n"

static int port;

static long number(const PGresult* result) { return strtol(PQgetvalue(result, 0, 0), NULL, 10); }

/* More clients than servers, all at once. */
static void test_pool(void) {
  enum { clients = 8, rounds = 5 };
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn* all[clients];
  int asked[clients] = {0}, done = 0, i;
  size_t most = 0;
  for (i = 0; i < clients; ++i) all[i] = client_ready(loop, NULL);
  while (done < clients * rounds) {
    for (i = 0; i < clients; ++i) {
      char sql[100];
      PGresult* result;
      if (asked[i] % 2 == 0 && asked[i] < 2 * rounds) {
        snprintf(sql, sizeof sql, "SELECT %d FROM pg_sleep(0.002)", 100 * i + asked[i]++);
        CHECK(PQsendQuery(all[i], sql));
      }
      if (asked[i] % 2 == 0 || !client_has(all[i])) continue;
      result = client_answer(loop, all[i]);
      CHECK(PQntuples(result) == 1);
      CHECK(number(result) == 100 * i + asked[i]++ - 1);
      PQclear(result);
      ++done;
    }
    loop_turn(loop);
    if (loop_servers(loop, "one") > most) most = loop_servers(loop, "one");
  }
  CHECK(most == 2 && loop->connects == 2);
  for (i = 0; i < clients; ++i) PQfinish(all[i]);
  loop_free(loop);
}

/* Logins that the server judges, by SCRAM. */
static void test_relay(void) {
  struct loop* loop = loop_open(NODE, port, NULL);
  PGconn* client = client_ready(loop, NULL);
  CHECK_VALUE(loop, client, "SELECT current_user", "app");
  PQfinish(client);
  client = client_open(loop, "password=wrong");
  CHECK(PQstatus(client) == CONNECTION_BAD);
  CHECK_HAS(PQerrorMessage(client), "password authentication failed");
  PQfinish(client);
  loop_free(loop);
}

/* Statements of one name and several texts, on servers that are shared. */
static void test_prepared(void) {
  enum { clients = 4 };
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn* all[clients];
  int i, round;
  for (i = 0; i < clients; ++i) {
    char sql[100];
    all[i] = client_ready(loop, NULL);
    snprintf(sql, sizeof sql, "SELECT $1::int + %d", 1000 * i);
    CHECK(PQsendPrepare(all[i], "sum", sql, 0, NULL));
    PQclear(client_answer(loop, all[i]));
  }
  for (round = 0; round < 3; ++round) {
    for (i = 0; i < clients; ++i) {
      const char* values[] = {"7"};
      PGresult* result;
      CHECK(PQsendQueryPrepared(all[i], "sum", 1, values, NULL, NULL, 0));
      result = client_answer(loop, all[i]);
      CHECK(PQntuples(result) == 1 && number(result) == 1000 * i + 7);
      PQclear(result);
    }
  }
  CHECK(loop_servers(loop, NULL) <= 2);
  for (i = 0; i < clients; ++i) PQfinish(all[i]);
  loop_free(loop);
}

static void* send_cancel(void* cancel) {
  char message[256];
  CHECK(PQcancel(cancel, message, sizeof message));
  return NULL;
}

/* What runs already is cancelled, by a request that comes as another client does. */
static void test_cancel(void) {
  static const char runs[] =
      "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)'";
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn *client = client_ready(loop, NULL), *other = client_ready(loop, NULL);
  PGcancel* cancel = PQgetCancel(client);
  PGresult* result;
  pthread_t thread;
  CHECK(PQsendQuery(client, "SELECT pg_sleep(300)"));
  CHECK(PQflush(client) == 0);
  while (strcmp(client_value(loop, other, runs), "1") != 0) continue;
  CHECK(pthread_create(&thread, NULL, send_cancel, cancel) == 0);
  result = client_answer(loop, client);
  CHECK(strcmp(client_code(result), "57014") == 0);
  PQclear(result);
  CHECK_VALUE(loop, client, "SELECT 1", "1");
  while (loop->count > 4) loop_turn(loop); /* two clients and their servers */
  CHECK(pthread_join(thread, NULL) == 0);
  PQfreeCancel(cancel);
  PQfinish(client);
  PQfinish(other);
  loop_free(loop);
}

/* Amid a transaction that is its client's end; the others go on. */
static void test_kill(void) {
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn *victim = client_ready(loop, NULL), *other = client_ready(loop, NULL);
  PGresult* result;
  char sql[100];
  CHECK_VALUE(loop, victim, "BEGIN", "");
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%s)",
           client_value(loop, victim, "SELECT pg_backend_pid()"));
  CHECK(PQsendQuery(victim, "SELECT pg_sleep(300)"));
  CHECK_VALUE(loop, other, sql, "t");
  result = client_answer(loop, victim);
  CHECK(strcmp(client_code(result), "57P01") == 0);
  PQclear(result);
  CHECK_VALUE(loop, other, "SELECT 2", "2");
  PQfinish(victim);
  victim = client_ready(loop, NULL);
  CHECK_VALUE(loop, victim, "SELECT 3", "3");
  PQfinish(victim);
  PQfinish(other);
  loop_free(loop);
}

static size_t unsent(struct loop* loop) {
  size_t most = 0, i;
  for (i = 0; i < loop->count; ++i) {
    const void* data;
    size_t length = 0;
    heim_error error;
    OK(heim_core_unsent(loop->core, loop->wires[i].id, &data, &length, &error));
    if (length > most) most = length;
  }
  return most;
}

/* Its server is not read while it does not read, and nobody else waits for it. */
static void test_slow_reader(void) {
  const int rows = 64, small = 16384;
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn *slow = client_ready(loop, NULL), *other = client_ready(loop, NULL);
  PGresult* result;
  CHECK(setsockopt(PQsocket(slow), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
  CHECK(PQsendQuery(slow, "SELECT repeat('x', 1000000) FROM generate_series(1, 64)"));
  while (loop->pauses == 0) loop_turn(loop);
  CHECK_VALUE(loop, other, "SELECT 1", "1");
  CHECK(loop->sent < 32000000 && unsent(loop) < 4000000);
  result = client_answer(loop, slow);
  CHECK(PQntuples(result) == rows && PQgetlength(result, rows - 1, 0) == 1000000);
  PQclear(result);
  CHECK(unsent(loop) == 0);
  PQfinish(slow);
  PQfinish(other);
  loop_free(loop);
}

/* Nothing but the time that the program tells makes it late. */
static void test_time(void) {
  struct loop* loop = loop_open("[timeouts]\nquery_wait_timeout = \"200s\"\n" OPEN, port, NULL);
  PGconn *one, *two, *late;
  PGresult* result;
  int i;
  CHECK(heim_core_deadline_ns(loop->core) == HEIM_FOREVER);
  one = client_ready(loop, NULL);
  two = client_ready(loop, NULL);
  late = client_ready(loop, NULL);
  CHECK(heim_core_deadline_ns(loop->core) <= loop_now(loop) + 100000000u);
  CHECK_VALUE(loop, one, "BEGIN", "");
  CHECK_VALUE(loop, two, "BEGIN", "");
  CHECK(PQsendQuery(late, "SELECT 1"));
  for (i = 0; i < 20; ++i) loop_turn(loop);
  CHECK(!client_has(late));
  loop->skew_ns += 201000000000u;
  result = client_answer(loop, late);
  CHECK(strcmp(client_code(result), "53300") == 0);
  CHECK_HAS(PQresultErrorMessage(result), "query_wait_timeout");
  PQclear(result);
  CHECK_VALUE(loop, one, "COMMIT", "");
  CHECK_VALUE(loop, late, "SELECT 1", "1");
  PQfinish(one);
  PQfinish(two);
  PQfinish(late);
  loop_free(loop);
}

/* No server can be reached, and then one can. */
static void test_refused(void) {
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn* client;
  loop->refused = 2;
  client = client_ready(loop, NULL);
  CHECK_VALUE(loop, client, "SELECT 5", "5");
  CHECK(loop->refused == 0 && loop->connects >= 3);
  PQfinish(client);
  loop_free(loop);
}

static void test_stop(void) {
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn* client = client_ready(loop, NULL);
  heim_error error;
  CHECK_VALUE(loop, client, "SELECT 1", "1");
  OK(heim_core_stop(loop->core, HEIM_STOP_WAIT_FOR_CLIENTS, &error));
  CHECK_VALUE(loop, client, "SELECT 2", "2");
  OK(heim_core_stop(loop->core, HEIM_STOP_NOW, &error));
  while (loop->count > 0) loop_turn(loop);
  CHECK_VALUE(loop, client, "SELECT 3", "57P01");
  CHECK(heim_core_deadline_ns(loop->core) == HEIM_FOREVER);
  PQfinish(client);
  loop_free(loop);
}

/* Ended amid work, a hundred times, in all: nothing stays. */
static void test_lives(void) {
  heim_core_options options = HEIM_CORE_OPTIONS_INIT;
  int files = 0, threads = 0, i;
  for (i = 0; i < 100; ++i) {
    struct loop* loop;
    PGconn* client;
    options.parser_thread = i % 2;
    loop = loop_open(OPEN, port, &options);
    client = client_ready(loop, NULL);
    CHECK_VALUE(loop, client, "SELECT 1", "1");
    CHECK_VALUE(loop, client, "BEGIN", "");
    CHECK(PQsendQuery(client, "SELECT 2") && PQflush(client) == 0);
    loop_turn(loop);
    loop_free(loop);
    PQfinish(client);
    if (i == 1) files = open_descriptors(), threads = living_threads();
  }
  CHECK(open_descriptors() == files && living_threads() == threads);
}

/* What is asked again comes without a server; a write, or word of one, makes it void. */
static long cache_hits(struct loop* loop) {
  static const char key[] = "{\"what\":\"hits\",\"value\":\"";
  const char *shown = "", *at;
  heim_error error;
  OK(heim_core_show(loop->core, "CACHE", &shown, &error));
  at = strstr(shown, key);
  CHECK(at);
  return strtol(at + sizeof key - 1, NULL, 10);
}

static int is_kept(struct loop* loop, PGconn* client, const char* sql, const char* wanted) {
  const long before = cache_hits(loop);
  CHECK_VALUE(loop, client, sql, wanted);
  return cache_hits(loop) > before;
}

static void test_cache(void) {
  static const char read[] = "SELECT sum(n) FROM core_kept";
  struct loop* loop = loop_open(OPEN "[cache]\nenabled = true\n", port, NULL);
  PGconn *one = client_ready(loop, NULL), *two = client_ready(loop, NULL);
  const uint64_t end = loop_now(loop) + 30000000000u;
  heim_error error;
  CHECK_VALUE(loop, one, "CREATE TABLE core_kept AS SELECT 1 AS n", "");
  while (!is_kept(loop, one, read, "1")) CHECK(loop_now(loop) < end); /* the catalog comes first */
  CHECK(is_kept(loop, two, read, "1"));
  CHECK_VALUE(loop, two, "INSERT INTO core_kept VALUES (2)", "");
  CHECK(!is_kept(loop, one, read, "3") && is_kept(loop, two, read, "3"));
  OK(heim_core_invalidate(loop->core, NULL, "core_kept", &error));
  CHECK(!is_kept(loop, one, read, "3") && is_kept(loop, two, read, "3"));
  OK(heim_core_invalidate(loop->core, "postgres", NULL, &error));
  CHECK(!is_kept(loop, one, read, "3") && is_kept(loop, two, read, "3"));
  CHECK_STATUS(heim_core_invalidate(loop->core, NULL, "core_nothing", &error), HEIM_SERVER, &error);
  CHECK(strcmp(error.sqlstate, "42P01") == 0 && is_kept(loop, one, read, "3"));
  CHECK_VALUE(loop, one, "DROP TABLE core_kept", "");
  PQfinish(one);
  PQfinish(two);
  loop_free(loop);
}

/* The first result: while a COPY is open, libpq gives that one again and again. */
static PGresult* begins(struct loop* loop, PGconn* client, const char* sql) {
  CHECK(PQsendQuery(client, sql));
  while (!client_has(client)) client_turn(loop, client);
  return PQgetResult(client);
}

/* More than fits anywhere, there and back. */
static void test_copy(void) {
  enum { rows = 20000 };
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn* client = client_ready(loop, NULL);
  PGresult* result;
  char row[200];
  int i, came = 0;
  CHECK_VALUE(loop, client, "CREATE TABLE core_copied (n int, text text)", "");
  result = begins(loop, client, "COPY core_copied FROM STDIN");
  CHECK(PQresultStatus(result) == PGRES_COPY_IN);
  PQclear(result);
  for (i = 0; i < rows; ++i) {
    snprintf(row, sizeof row, "%d\t%0100d\n", i, i);
    while (PQputCopyData(client, row, (int)strlen(row)) == 0) client_turn(loop, client);
  }
  while (PQputCopyEnd(client, NULL) == 0) client_turn(loop, client);
  while (PQflush(client) == 1) client_turn(loop, client);
  result = client_answer(loop, client);
  CHECK(strcmp(PQcmdStatus(result), "COPY 20000") == 0);
  PQclear(result);
  result = begins(loop, client, "COPY core_copied TO STDOUT");
  CHECK(PQresultStatus(result) == PGRES_COPY_OUT);
  PQclear(result);
  for (;;) {
    char* line = NULL;
    const int length = PQgetCopyData(client, &line, 1);
    if (length == -1) break;
    CHECK(length >= 0);
    if (length > 0) {
      CHECK(strtol(line, NULL, 10) == came++);
      PQfreemem(line);
    } else {
      client_turn(loop, client);
      CHECK(PQconsumeInput(client));
    }
  }
  result = client_answer(loop, client);
  CHECK(came == rows && PQresultStatus(result) == PGRES_COMMAND_OK);
  PQclear(result);
  CHECK_VALUE(loop, client, "DROP TABLE core_copied", "");
  PQfinish(client);
  loop_free(loop);
}

/* Who listens keeps no server, and hears nevertheless. */
static void test_listen(void) {
  struct loop* loop = loop_open(OPEN, port, NULL);
  PGconn *hearing = client_ready(loop, NULL), *speaking = client_ready(loop, NULL);
  PGnotify* heard = NULL;
  CHECK_VALUE(loop, hearing, "LISTEN core_said", "");
  CHECK_VALUE(loop, speaking, "NOTIFY core_said, 'a word'", "");
  while (!(heard = PQnotifies(hearing))) {
    client_turn(loop, hearing);
    CHECK(PQconsumeInput(hearing));
  }
  CHECK(strcmp(heard->relname, "core_said") == 0 && strcmp(heard->extra, "a word") == 0);
  PQfreemem(heard);
  CHECK_VALUE(loop, hearing, "UNLISTEN core_said", "");
  CHECK_VALUE(loop, speaking, "NOTIFY core_said", "");
  CHECK_VALUE(loop, hearing, "SELECT 1", "1");
  CHECK(!PQnotifies(hearing));
  PQfinish(hearing);
  PQfinish(speaking);
  loop_free(loop);
}

int main(int argc, char** argv) {
  port = (int)strtol(argv[argc - 1], NULL, 10);
  test_pool();
  test_relay();
  test_prepared();
  test_cancel();
  test_kill();
  test_slow_reader();
  test_time();
  test_refused();
  test_stop();
  test_cache();
  test_copy();
  test_listen();
  test_lives();
  return 0;
}
