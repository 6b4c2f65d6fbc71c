/* What one statement costs a program: through libpq, or through a session of a proxy in process.
 *
 *   bench-embedded libpq CONNINFO THREADS SECONDS SQL
 *   bench-embedded heim PORT THREADS SECONDS SQL      a session of the process
 *   bench-embedded cached PORT THREADS SECONDS SQL    the same, answered by its cache
 *   bench-embedded sidecar PORT THREADS SECONDS SQL   libpq, by the proxy's private socket
 *
 * Prints: queries, seconds of wall time, seconds of this process's processor time; of one call the
 * median and the 99th percentile in microseconds. */
#define _POSIX_C_SOURCE 200809L

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heimproxy/heimproxy.h"

#define SAMPLES_MAX (4u << 20)

static const char* sql;
static const char* conninfo;
static int is_cached, is_sidecar;
static heim_proxy* proxy;
static double seconds;
static pthread_barrier_t barrier;
static _Atomic long total;
static uint32_t* samples; /* nanoseconds, of whichever thread */
static _Atomic unsigned sampled;

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

/* Until the cache answers: the catalog has to be known first. */
static void warm(struct talker* talker) {
  const struct timespec pause = {0, 20 * 1000 * 1000};
  const double end = clock_of(CLOCK_MONOTONIC) + 20;
  int i;
  for (i = 0; i < 200; ++i) ask(talker);
  while (is_cached) {
    const char* shown = "";
    heim_error error;
    if (heim_proxy_show(proxy, "CACHE", &shown, &error) != HEIM_OK) fail(error.message);
    if (!strstr(shown, "\"what\":\"hits\",\"value\":\"0\"")) return;
    if (clock_of(CLOCK_MONOTONIC) > end) {
      fprintf(stderr, "%s\n", shown);
      fail("nothing is kept of this statement");
    }
    nanosleep(&pause, NULL);
    ask(talker);
  }
}

static void* run(void* unused) {
  struct talker talker = connect_one();
  double begin, now, end;
  long count = 0;
  (void)unused;
  warm(&talker);
  pthread_barrier_wait(&barrier);
  now = clock_of(CLOCK_MONOTONIC);
  end = now + seconds;
  do {
    unsigned at = atomic_fetch_add(&sampled, 1);
    begin = now;
    ask(&talker);
    now = clock_of(CLOCK_MONOTONIC);
    if (at < SAMPLES_MAX) samples[at] = (uint32_t)((now - begin) * 1e9);
    ++count;
  } while (now < end);
  atomic_fetch_add(&total, count);
  if (talker.pg) PQfinish(talker.pg);
  heim_session_close(talker.session);
  return NULL;
}

static void open_proxy(const char* port) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_config* config = NULL;
  heim_error error;
  char text[400];
  static char dsn[300];
  const char* lent = NULL;
  if (getenv("SEATS")) options.seats = (uint32_t)strtol(getenv("SEATS"), NULL, 10);
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\npool_size = 40\n"
           "[cache]\nenabled = %s\n[auth]\ntype = \"trust\"\n"
           "[[nodes]]\nhost = \"127.0.0.1\"\nport = %s\nrole = \"primary\"\n",
           is_cached ? "true" : "false", port);
  options.sidecar = (uint32_t)is_sidecar;
  if (heim_config_new(&config, &error) != HEIM_OK ||
      heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error) != HEIM_OK ||
      heim_proxy_open(config, &options, &proxy, &error) != HEIM_OK ||
      heim_proxy_start(proxy, &error) != HEIM_OK)
    fail(error.message);
  heim_config_free(config);
  if (!is_sidecar) return;
  if (heim_proxy_dsn(proxy, "postgres", "postgres", &lent, &error) != HEIM_OK) fail(error.message);
  snprintf(dsn, sizeof dsn, "%s", lent);
  conninfo = dsn;
}

static int by_size(const void* a, const void* b) {
  const uint32_t left = *(const uint32_t*)a, right = *(const uint32_t*)b;
  return (left > right) - (left < right);
}

static void print(double wall, double processor) {
  const unsigned seen = atomic_load(&sampled);
  const unsigned count = seen < SAMPLES_MAX ? seen : SAMPLES_MAX;
  qsort(samples, count, sizeof *samples, by_size);
  printf("%ld %.6f %.6f %.3f %.3f\n", atomic_load(&total), wall, processor,
         samples[count / 2] / 1e3, samples[count - 1 - count / 100] / 1e3);
}

int main(int argc, char** argv) {
  pthread_t threads[64];
  double wall, processor;
  int i, count;
  if (argc != 6) {
    fail("usage: bench-embedded libpq|heim|cached|sidecar CONNINFO|PORT THREADS SECONDS SQL");
  }
  count = (int)strtol(argv[3], NULL, 10);
  seconds = strtod(argv[4], NULL);
  sql = argv[5];
  if (count < 1 || count > 64) fail("1 to 64 threads");
  samples = malloc(SAMPLES_MAX * sizeof *samples);
  if (!samples) fail("out of memory");
  is_cached = strcmp(argv[1], "cached") == 0;
  is_sidecar = strcmp(argv[1], "sidecar") == 0;
  if (strcmp(argv[1], "libpq") == 0) {
    conninfo = argv[2];
  } else {
    open_proxy(argv[2]);
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
  print(wall, processor);
  free(samples);
  return 0;
}
