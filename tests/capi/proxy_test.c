/* heim_proxy from C99: a life from open to close, and every misuse that the header names. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "heimproxy/heimproxy.h"

/* A configuration that listens on `port` (and on `other`, if that is not 0), after `more`. Lent
 * until the next call. */
static const char* listening(const char* more, int port, int other) {
  static char text[400];
  char second[40] = "";
  if (other) snprintf(second, sizeof second, ", \"127.0.0.1:%d\"", other);
  snprintf(text, sizeof text,
           "%s[proxy]\nlisten_address = [\"127.0.0.1:%d\"%s]\n"
           "[[nodes]]\nhost = \"127.0.0.1\"\nport = 1\n",
           more, port, second);
  return text;
}

/* What the log callback saw. The library calls it one line at a time. */
struct seen {
  pthread_mutex_t mutex;
  char text[20000];
  heim_log_format format;
  int lines;
};

static void on_line(const heim_log_line* line, void* user_data) {
  struct seen* seen = user_data;
  size_t used;
  CHECK(line->struct_size >= sizeof(heim_log_line));
  CHECK(line->level >= HEIM_LOG_DEBUG && line->level <= HEIM_LOG_ERROR);
  CHECK(strlen(line->text) == line->length && !strchr(line->text, '\n'));
  pthread_mutex_lock(&seen->mutex);
  used = strlen(seen->text);
  CHECK(used + line->length + 2 < sizeof seen->text);
  memcpy(seen->text + used, line->text, line->length);
  memcpy(seen->text + used + line->length, "\n", 2);
  seen->format = line->format;
  ++seen->lines;
  pthread_mutex_unlock(&seen->mutex);
}

static void forget(struct seen* seen) {
  memset(seen, 0, sizeof *seen);
  CHECK(pthread_mutex_init(&seen->mutex, NULL) == 0);
}

static heim_config* loaded(const char* text) {
  heim_config* config = NULL;
  heim_error error;
  CHECK_STATUS(heim_config_new(&config, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_DETECT, &error),
               HEIM_OK, &error);
  return config;
}

static heim_proxy* opened(const char* text, struct seen* seen) {
  heim_config* config = loaded(text);
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_proxy* proxy = NULL;
  heim_error error;
  options.log = seen ? on_line : NULL;
  options.user_data = seen;
  CHECK_STATUS(heim_proxy_open(config, &options, &proxy, &error), HEIM_OK, &error);
  heim_config_free(config);
  return proxy;
}

static int port_of(heim_proxy* proxy) {
  const char* text = NULL;
  heim_error error;
  CHECK_STATUS(heim_proxy_addresses(proxy, &text, &error), HEIM_OK, &error);
  CHECK_HAS(text, "127.0.0.1:");
  return (int)strtol(strrchr(text, ':') + 1, NULL, 10);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int connects(int port) {
  const struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int result;
  CHECK(fd >= 0);
  result = connect(fd, (const struct sockaddr*)&address, sizeof address);
  close(fd);
  return result == 0;
}

/* A port that nobody has, below those that the kernel gives away. */
static int take_port(void) {
  static int next = 0;
  if (!next) next = 21000 + (int)(getpid() % 500) * 20;
  for (;; ++next) {
    const struct sockaddr_in address = loopback(next);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result;
    CHECK(fd >= 0 && next < 32768);
    result = bind(fd, (const struct sockaddr*)&address, sizeof address);
    close(fd);
    if (result == 0) return next++;
  }
}

static void test_life(void) {
  struct seen seen;
  heim_error error;
  heim_proxy* proxy;
  const char* text = NULL;
  int port;
  forget(&seen);
  proxy = opened(listening("", take_port(), 0), &seen);
  CHECK_STATUS(heim_proxy_addresses(proxy, &text, &error), HEIM_OK, &error);
  CHECK(strcmp(text, "") == 0);
  CHECK_STATUS(heim_proxy_wait(proxy, 0, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_proxy_stop(proxy, HEIM_STOP_NOW, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_STATE, &error);

  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_STATE, &error);
  port = port_of(proxy);
  CHECK(port > 0 && connects(port));
  CHECK_HAS(seen.text, "listens on 127.0.0.1:");
  CHECK_STATUS(heim_proxy_wait(proxy, 1000000, &error), HEIM_TIMED_OUT, &error);
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_stop(proxy, (heim_stop)9, &error), HEIM_INVALID_ARGUMENT, &error);

  CHECK_STATUS(heim_proxy_stop(proxy, HEIM_STOP_WAIT_FOR_CLIENTS, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_stop(proxy, HEIM_STOP_NOW, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_wait(proxy, HEIM_FOREVER, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_wait(proxy, 0, &error), HEIM_OK, &error);
  CHECK(!connects(port));
  heim_proxy_close(proxy);
}

static void* stop_it(void* proxy) {
  heim_error error;
  CHECK_STATUS(heim_proxy_stop(proxy, HEIM_STOP_WAIT_FOR_SERVERS, &error), HEIM_OK, &error);
  return NULL;
}

static void test_stop_from_another_thread(void) {
  heim_proxy* proxy = opened(listening("", take_port(), 0), NULL);
  heim_error error;
  pthread_t thread;
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_OK, &error);
  CHECK(pthread_create(&thread, NULL, stop_it, proxy) == 0);
  CHECK_STATUS(heim_proxy_wait(proxy, HEIM_FOREVER, &error), HEIM_OK, &error);
  CHECK(pthread_join(thread, NULL) == 0);
  heim_proxy_close(proxy);
}

static void write_file(const char* path, const char* text) {
  FILE* file = fopen(path, "w");
  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void test_reload(void) {
  char path[] = "heim-reload-XXXXXX";
  int fd = mkstemp(path), port = take_port();
  struct seen seen;
  heim_config* config = NULL;
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_proxy* proxy = NULL;
  heim_error error;
  forget(&seen);
  CHECK(fd >= 0 && close(fd) == 0);
  write_file(path, listening("", port, 0));
  CHECK_STATUS(heim_config_new(&config, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_config_load_file(config, path, &error), HEIM_OK, &error);
  options.log = on_line;
  options.user_data = &seen;
  CHECK_STATUS(heim_proxy_open(config, &options, &proxy, &error), HEIM_OK, &error);
  heim_config_free(config);
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_OK, &error);
  CHECK(seen.format == HEIM_LOG_TEXT);

  write_file(path, "[proxy]\npool_sise = 3\nlisten_port = 0\n[[nodes]]\nhost = \"db\"\n");
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, "pool_sise");
  CHECK_HAS(seen.text, "did you mean pool_size");
  CHECK_HAS(seen.text, "listen_port");
  CHECK(remove(path) == 0);
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, path);
  CHECK(connects(port_of(proxy)));

  /* The log's own settings follow; a level given as an option would not. */
  seen.lines = 0;
  write_file(path, listening("[log]\nformat = \"json\"\n", port, 0));
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_OK, &error);
  CHECK(seen.format == HEIM_LOG_JSON);
  heim_proxy_close(proxy);
  CHECK(remove(path) == 0);
}

static void test_level(void) {
  heim_config* config = loaded(listening("", take_port(), 0));
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_proxy* proxy = NULL;
  heim_error error;
  struct seen seen;
  forget(&seen);
  options.log = on_line;
  options.user_data = &seen;
  options.log_level = HEIM_LOG_ERROR;
  CHECK_STATUS(heim_proxy_open(config, &options, &proxy, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_reload(proxy, &error), HEIM_OK, &error);
  heim_proxy_close(proxy);
  CHECK(seen.lines == 0);
  heim_config_free(config);
}

/* The callback that is ready, with the proxy's lines and with one of our own. */
static void test_log_write(void) {
  static const char nasty[] = "two\nlines";
  heim_log_line mine;
  heim_config* config = loaded(listening("[log]\nformat = \"json\"\n", take_port(), 0));
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  heim_proxy* proxy = NULL;
  heim_error error;
  char text[5000];
  int ends[2];
  ssize_t length;
  CHECK(pipe(ends) == 0);
  options.log = heim_log_write;
  options.user_data = &ends[1];
  CHECK_STATUS(heim_proxy_open(config, &options, &proxy, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_start(proxy, &error), HEIM_OK, &error);
  heim_proxy_close(proxy);
  heim_config_free(config);
  memset(&mine, 0, sizeof mine);
  mine.struct_size = sizeof mine;
  mine.level = HEIM_LOG_WARNING;
  mine.text = nasty;
  mine.length = strlen(nasty);
  heim_log_write(&mine, &ends[1]);
  heim_log_write(NULL, &ends[1]); /* nothing happens */
  length = read(ends[0], text, sizeof text - 1);
  CHECK(length > 0);
  text[length] = '\0';
  CHECK(text[0] == '{');
  CHECK_HAS(text, "Z\",\"level\":\"info\",\"msg\":\"heimproxy ");
  CHECK_HAS(text, "] WARNING two\\x0alines\n");
  close(ends[1]);
  CHECK(read(ends[0], text, 1) == 0);
  close(ends[0]);
}

static void test_taken_address(void) {
  heim_proxy *first = opened(listening("", take_port(), 0), NULL), *second;
  const int free_port = take_port();
  heim_error error;
  char port[16];
  CHECK_STATUS(heim_proxy_start(first, &error), HEIM_OK, &error);
  snprintf(port, sizeof port, ":%d", port_of(first));
  second = opened(listening("", free_port, port_of(first)), NULL);
  CHECK_STATUS(heim_proxy_start(second, &error), HEIM_SYSTEM, &error);
  CHECK_HAS(error.message, port);
  CHECK_STATUS(heim_proxy_start(second, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_proxy_wait(second, 0, &error), HEIM_STATE, &error);
  heim_proxy_close(second);
  CHECK(!connects(free_port)); /* nothing is left bound */
  heim_proxy_close(first);     /* while it runs */
}

static void test_missing_file(void) {
  heim_config* config = loaded(
      "[auth]\ntype = \"md5\"\nfile = \"/nowhere/userlist.txt\"\n[[nodes]]\nhost = \"db\"\n");
  heim_proxy* proxy = NULL;
  heim_error error;
  CHECK_STATUS(heim_proxy_open(config, NULL, &proxy, &error), HEIM_CONFIG, &error);
  CHECK_HAS(error.message, "/nowhere/userlist.txt");
  CHECK(!proxy);
  heim_config_free(config);
}

static void test_options(void) {
  struct {
    heim_proxy_options known;
    void* later;
  } newer = {HEIM_PROXY_OPTIONS_INIT, NULL};
  heim_config* config = loaded(listening("", take_port(), 0));
  heim_proxy* proxy = NULL;
  heim_error error;
  newer.known.struct_size = sizeof newer;
  CHECK_STATUS(heim_proxy_open(config, &newer.known, &proxy, &error), HEIM_OK, &error);
  heim_proxy_close(proxy);
  proxy = NULL;
  newer.later = &error;
  CHECK_STATUS(heim_proxy_open(config, &newer.known, &proxy, &error), HEIM_INVALID_ARGUMENT,
               &error);
  newer.known.struct_size = 0;
  CHECK_STATUS(heim_proxy_open(config, &newer.known, &proxy, &error), HEIM_INVALID_ARGUMENT,
               &error);
  newer.known.struct_size = sizeof newer.known;
  newer.known.log_level = (heim_log_level)99;
  CHECK_STATUS(heim_proxy_open(config, &newer.known, &proxy, &error), HEIM_INVALID_ARGUMENT,
               &error);
  CHECK(!proxy);
  heim_config_free(config);
}

static void test_misuse(void) {
  heim_config *empty = NULL, *config = loaded(listening("", take_port(), 0));
  heim_proxy* proxy = NULL;
  const char* text = NULL;
  heim_error error;
  CHECK_STATUS(heim_config_new(&empty, &error), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_open(empty, NULL, &proxy, &error), HEIM_STATE, &error);
  CHECK_STATUS(heim_proxy_open(NULL, NULL, &proxy, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_open(config, NULL, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_start(NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_wait(NULL, 0, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_stop(NULL, HEIM_STOP_NOW, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_reload(NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_addresses(NULL, &text, &error), HEIM_INVALID_ARGUMENT, &error);
  CHECK_STATUS(heim_proxy_open(config, NULL, &proxy, NULL), HEIM_OK, &error);
  CHECK_STATUS(heim_proxy_addresses(proxy, NULL, &error), HEIM_INVALID_ARGUMENT, &error);
  heim_proxy_close(NULL);
  heim_proxy_close(proxy); /* never started */
  heim_config_free(config);
  heim_config_free(empty);
}

int main(void) {
  test_life();
  test_stop_from_another_thread();
  test_reload();
  test_level();
  test_log_write();
  test_taken_address();
  test_missing_file();
  test_options();
  test_misuse();
  return 0;
}
