/* What one statement costs a program: through libpq, or through a session of a proxy in process.
 *
 *   bench-embedded libpq CONNINFO THREADS SECONDS SQL
 *   bench-embedded heim PORT THREADS SECONDS SQL
 *
 * Prints: queries, seconds of wall time, seconds of this process's processor time. */
#define _POSIX_C_SOURCE 200809L

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heimproxy/heimproxy.h"

static const char* sql;
static const char* conninfo;
static heim_proxy* proxy;
static double seconds;
static pthread_barrier_t barrier;
static _Atomic long total;

static double clock_of(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

struct talker {
  PGconn* pg;
  heim_session* session;
};

static struct talker connect_one(void) {
  struct talker made = {NULL, NULL};
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_error error;
  if (conninfo) {
    made.pg = PQconnectdb(conninfo);
    if (PQstatus(made.pg) != CONNECTION_OK) fail(PQerrorMessage(made.pg));
    return made;
  }
  options.user = options.database = "postgres";
  if (heim_session_open(proxy, &options, &made.session, &error) != HEIM_OK) fail(error.message);
  return made;
}

static void ask(struct talker* talker) {
  const heim_result* rows;
  PGresult* result;
  heim_error error;
  if (talker->session) {
    if (heim_session_query(talker->session, sql, &rows, &error) != HEIM_OK) fail(error.message);
    if (heim_result_rows(rows) == 0) fail("no rows");
    return;
  }
  result = PQexec(talker->pg, sql);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) fail(PQerrorMessage(talker->pg));
  PQclear(result);
}

static void* run(void* unused) {
  struct talker talker = connect_one();
  double end;
  long count = 0;
  int i;
  (void)unused;
  for (i = 0; i < 200; ++i) ask(&talker);
  pthread_barrier_wait(&barrier);
  end = clock_of(CLOCK_MONOTONIC) + seconds;
  do {
    for (i = 0; i < 10; ++i) ask(&talker);
    count += 10;
  } while (clock_of(CLOCK_MONOTONIC) < end);
  atomic_fetch_add(&total, count);
  if (talker.pg) PQfinish(talker.pg);
  heim_session_close(talker.session);
  return NULL;
}

static void open_proxy(const char* port) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_config* config = NULL;
  heim_error error;
  char text[300];
  if (getenv("SEATS")) options.seats = (uint32_t)strtol(getenv("SEATS"), NULL, 10);
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\npool_size = 40\n"
           "[[nodes]]\nhost = \"127.0.0.1\"\nport = %s\nrole = \"primary\"\n",
           port);
  if (heim_config_new(&config, &error) != HEIM_OK ||
      heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error) != HEIM_OK ||
      heim_proxy_open(config, &options, &proxy, &error) != HEIM_OK ||
      heim_proxy_start(proxy, &error) != HEIM_OK)
    fail(error.message);
  heim_config_free(config);
}

int main(int argc, char** argv) {
  pthread_t threads[64];
  double wall, processor;
  int i, count;
  if (argc != 6) fail("usage: bench-embedded libpq|heim CONNINFO|PORT THREADS SECONDS SQL");
  count = (int)strtol(argv[3], NULL, 10);
  seconds = strtod(argv[4], NULL);
  sql = argv[5];
  if (count < 1 || count > 64) fail("1 to 64 threads");
  if (strcmp(argv[1], "heim") == 0) {
    open_proxy(argv[2]);
  } else {
    conninfo = argv[2];
  }
  pthread_barrier_init(&barrier, NULL, (unsigned)count + 1);
  for (i = 0; i < count; ++i) pthread_create(&threads[i], NULL, run, NULL);
  pthread_barrier_wait(&barrier);
  wall = clock_of(CLOCK_MONOTONIC);
  processor = clock_of(CLOCK_PROCESS_CPUTIME_ID);
  for (i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  wall = clock_of(CLOCK_MONOTONIC) - wall;
  processor = clock_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
  heim_proxy_close(proxy);
  printf("%ld %.6f %.6f\n", atomic_load(&total), wall, processor);
  return 0;
}
