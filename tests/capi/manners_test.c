/* What the library leaves alone in the process that it lives in: signals, standard streams, the
 * environment, the locale, other proxies; and that it leaves no thread, descriptor or memory
 * behind. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"
#include "sessions.h"

extern char** environ;

static int port;

/* All that is the whole process's. */
struct process {
  struct sigaction actions[65];
  sigset_t mask;
  mode_t umask;
  struct rlimit files, core;
  char directory[1000], locale[200], environment[20000];
  int descriptors, threads;
};

static void look(struct process* seen) {
  char** entry;
  size_t length = 0;
  int number;
  memset(seen, 0, sizeof *seen);
  for (number = 1; number < 65; ++number) {
    (void)sigaction(number, NULL, &seen->actions[number]); /* two of them are the C library's */
  }
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &seen->mask) == 0);
  seen->umask = umask(0);
  umask(seen->umask);
  CHECK(getrlimit(RLIMIT_NOFILE, &seen->files) == 0 && getrlimit(RLIMIT_CORE, &seen->core) == 0);
  CHECK(getcwd(seen->directory, sizeof seen->directory));
  snprintf(seen->locale, sizeof seen->locale, "%s", setlocale(LC_ALL, NULL));
  for (entry = environ; *entry && length < sizeof seen->environment; ++entry) {
    length += (size_t)snprintf(seen->environment + length, sizeof seen->environment - length,
                               "%s\n", *entry);
  }
  seen->descriptors = open_descriptors();
  seen->threads = living_threads();
}

static void check_same(const struct process* before, const struct process* after) {
  int number;
  for (number = 1; number < 65; ++number) {
    const struct sigaction *a = &before->actions[number], *b = &after->actions[number];
    CHECK(a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags);
  }
  CHECK(memcmp(&before->mask, &after->mask, sizeof before->mask) == 0);
  CHECK(before->umask == after->umask);
  CHECK(memcmp(&before->files, &after->files, sizeof before->files) == 0);
  CHECK(memcmp(&before->core, &after->core, sizeof before->core) == 0);
  CHECK(strcmp(before->directory, after->directory) == 0);
  CHECK(strcmp(before->locale, after->locale) == 0);
  CHECK(strcmp(before->environment, after->environment) == 0);
}

static heim_proxy* start_sidecar(void) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  options.sidecar = 1;
  return start_proxy(port, "[proxy]\nlisten_address = []\nworkers = 2\n", &options);
}

/* A client of the sidecar's socket that leaves at once, amid its login. */
static void connect_and_leave(heim_proxy* proxy) {
  struct sockaddr_un address;
  const char* dsn = NULL;
  heim_error error;
  char* end;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  OK(heim_proxy_dsn(proxy, NULL, NULL, &dsn, &error));
  CHECK(fd >= 0 && strncmp(dsn, "host='", 6) == 0);
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  end = strchr(dsn + 6, '\'');
  CHECK(end);
  snprintf(address.sun_path, sizeof address.sun_path, "%.*s/.s.PGSQL.%s", (int)(end - dsn - 6),
           dsn + 6, strstr(dsn, "port=") + 5);
  address.sun_path[strcspn(address.sun_path, " ")] = '\0';
  CHECK(connect(fd, (const struct sockaddr*)&address, sizeof address) == 0);
  CHECK(write(fd, "\0\0\0\10\4\322\26/", 8) == 8); /* asks for TLS */
  close(fd);
}

/* Its server goes away beneath it: what is written then must not raise SIGPIPE. */
static void lose_server(heim_proxy* proxy) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session *session = open_session(proxy), *root = NULL;
  heim_error error;
  heim_status status;
  options.user = "postgres";
  OK(heim_session_open(proxy, &options, &root, &error));
  OK(heim_session_begin(session, NULL, &error));
  ask(session, "SELECT 1");
  ask(root, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
  do {
    status = heim_session_query(session, "SELECT 1", NULL, &error);
  } while (status == HEIM_OK);
  CHECK_STATUS(status, HEIM_CLOSED, &error);
  heim_session_close(session);
  heim_session_close(root);
}

static void one_life(void) {
  heim_proxy* proxy = start_sidecar();
  heim_session* session = open_session(proxy);
  heim_error error;
  CHECK(whole(ask(session, "SELECT 1"), 0, 0) == 1);
  CHECK_STATUS(heim_session_query(session, "SELECT nonsense", NULL, &error), HEIM_SERVER, &error);
  connect_and_leave(proxy);
  heim_session_close(session);
  heim_proxy_close(proxy);
}

/* Where standard output and error go meanwhile, nothing comes. */
static void test_process(void) {
  struct process before, during, after;
  FILE* said = tmpfile();
  const int out = dup(1), err = dup(2);
  heim_proxy* proxy;
  CHECK(said && out >= 0 && err >= 0);
  fflush(stdout);
  look(&before);
  CHECK(dup2(fileno(said), 1) == 1 && dup2(fileno(said), 2) == 2);
  proxy = start_sidecar();
  look(&during);
  lose_server(proxy);
  connect_and_leave(proxy);
  heim_proxy_close(proxy);
  one_life();
  look(&after);
  CHECK(dup2(out, 1) == 1 && dup2(err, 2) == 2);
  CHECK(lseek(fileno(said), 0, SEEK_END) == 0);
  close(out);
  close(err);
  fclose(said);
  check_same(&before, &during);
  check_same(&before, &after);
  CHECK(before.descriptors + 2 == after.descriptors); /* libuv makes a pipe, once a process */
  CHECK(before.threads == after.threads);
}

/* Every thread has the signal mask of the one that started the proxy: a program that blocks a
 * signal everywhere to take it in one place can rely on that. */
static void test_masks(void) {
  sigset_t blocked, old;
  heim_proxy* proxy;
  char path[100], line[200];
  DIR* tasks;
  struct dirent* task;
  int threads = 0;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &old) == 0);
  proxy = start_sidecar();
  tasks = opendir("/proc/self/task");
  CHECK(tasks);
  while ((task = readdir(tasks))) {
    FILE* status;
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task->d_name);
    status = fopen(path, "r");
    if (!status) continue; /* a joined one, reaped by now */
    while (fgets(line, sizeof line, status)) {
      if (strncmp(line, "SigBlk:", 7) != 0) continue;
      CHECK(strtoull(line + 7, NULL, 16) & (UINT64_C(1) << (SIGUSR1 - 1)));
      ++threads;
    }
    fclose(status);
  }
  closedir(tasks);
  CHECK(threads > 3);
  heim_proxy_close(proxy);
  CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
}

static int threads_of(const char* config, uint32_t seats) {
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_proxy* proxy;
  int threads;
  options.seats = seats;
  proxy = start_proxy(port, config, &options);
  threads = living_threads();
  heim_proxy_close(proxy);
  return threads;
}

/* One for each worker, and two where there are seats: the steward's and the parser's. */
static void test_threads(void) {
  const char *one = "[proxy]\nlisten_address = []\nworkers = 1\n",
             *three = "[proxy]\nlisten_address = []\nworkers = 3\n";
  const int least = threads_of(one, HEIM_NO_SEATS);
  CHECK(threads_of(three, HEIM_NO_SEATS) == least + 2);
  CHECK(threads_of(one, 1) == least + 2);
  CHECK(threads_of(one, 7) == least + 2);
}

/* Several proxies of a process know nothing of each other. */
static void test_several(void) {
  heim_proxy *one = start_sidecar(), *other = start_sidecar();
  heim_session *of_one = open_session(one), *of_other = open_session(other);
  heim_error error;
  ask(of_one, "SET work_mem = '7MB'");
  CHECK(is_text(ask(of_other, "SHOW work_mem"), 0, 0, "4MB"));
  OK(heim_proxy_stop(one, HEIM_STOP_NOW, &error));
  OK(heim_proxy_wait(one, HEIM_FOREVER, &error));
  CHECK_STATUS(heim_session_query(of_one, "SELECT 1", NULL, &error), HEIM_CLOSED, &error);
  CHECK(whole(ask(of_other, "SELECT 2"), 0, 0) == 2);
  heim_proxy_close(one);
  CHECK(whole(ask(of_other, "SELECT 3"), 0, 0) == 3);
  heim_session_close(of_one);
  heim_session_close(of_other);
  heim_proxy_close(other);
}

/* In bytes; 0 under a sanitizer, which finds leaks by itself. */
static size_t memory_in_use(void) {
#ifdef HEIM_SANITIZED
  return 0;
#else
  const struct mallinfo2 all = mallinfo2();
  return all.uordblks + all.hblkhd;
#endif
}

static void test_lives(int lives) {
  int descriptors, threads, i;
  size_t memory;
  for (i = 0; i < 10; ++i) one_life(); /* what is made once for a process */
  descriptors = open_descriptors();
  threads = living_threads();
  memory = memory_in_use();
  for (i = 0; i < lives; ++i) one_life();
  CHECK(open_descriptors() == descriptors);
  CHECK(living_threads() == threads);
  printf("%d lives: %ld bytes more in use\n", lives, (long)memory_in_use() - (long)memory);
  CHECK(memory_in_use() < memory + (size_t)lives * 500);
}

static void* nothing(void* unused) { return unused; }

int main(int argc, char** argv) {
  pthread_t thread;
  CHECK(argc > 1);
  port = (int)strtol(argv[argc - 1], NULL, 10);
  /* With the first one a sanitizer starts a thread of its own. */
  CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
  test_process();
  test_masks();
  test_threads();
  test_several();
  test_lives(100);
  return 0;
}
