/* A SQLite file behind heimproxy: psql and every driver of PostgreSQL can ask it.
 *
 *   heim-sqlite CONFIG FILE
 *
 * CONFIG is heimproxy's, whose nodes name the backend "sqlite". Prints where it listens, and runs
 * until SIGINT or SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "backend.h"

static void print_log(const heim_log_line* line, void* user_data) {
  (void)user_data;
  fprintf(stderr, "%s\n", line->text);
}

static heim_proxy* open_proxy(const char* file, heim_error* error) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  options.log = print_log;
  options.seats = HEIM_NO_SEATS; /* clients come by sockets alone */
  if (heim_config_new(&config, error) == HEIM_OK &&
      heim_config_load_file(config, file, error) == HEIM_OK &&
      heim_proxy_open(config, &options, &proxy, error) != HEIM_OK) {
    proxy = NULL;
  }
  heim_config_free(config);
  return proxy;
}

/* The main thread alone takes them. */
static void block(sigset_t* signals) {
  sigemptyset(signals);
  sigaddset(signals, SIGINT);
  sigaddset(signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static int serve(heim_proxy* proxy, const sigset_t* signals, heim_error* error) {
  const char* addresses;
  int number;
  if (heim_proxy_start(proxy, error) != HEIM_OK) return 0;
  if (heim_proxy_addresses(proxy, &addresses, error) != HEIM_OK) return 0;
  printf("%s\n", addresses);
  fflush(stdout);
  sigwait(signals, &number);
  return 1;
}

int main(int argc, char** argv) {
  heim_query_backend backend;
  heim_proxy* proxy;
  heim_error error;
  sigset_t signals;
  int done;
  if (argc != 3) {
    fprintf(stderr, "usage: %s CONFIG FILE\n", argv[0]);
    return 2;
  }
  block(&signals);
  backend = sqlite_backend(argv[2]);
  proxy = open_proxy(argv[1], &error);
  done = proxy && heim_proxy_add_query_backend(proxy, "sqlite", &backend, &error) == HEIM_OK &&
         serve(proxy, &signals, &error);
  if (!done) fprintf(stderr, "%s: %s\n", argv[0], error.message);
  heim_proxy_close(proxy);
  return done ? 0 : 1;
}
