/* heimproxy.h -- the whole stable API. What is not in this file is not API.
 *
 * A program loads a configuration, opens a proxy from it, starts it and waits:
 *
 *   heim_config *config = NULL;
 *   heim_proxy *proxy = NULL;
 *   heim_error error;
 *   if (heim_config_new(&config, &error) == HEIM_OK &&
 *       heim_config_load_file(config, "heimproxy.toml", &error) == HEIM_OK &&
 *       heim_proxy_open(config, NULL, &proxy, &error) == HEIM_OK &&
 *       heim_proxy_start(proxy, &error) == HEIM_OK)
 *     (void)heim_proxy_wait(proxy, HEIM_FOREVER, &error);
 *   heim_proxy_close(proxy);
 *   heim_config_free(config);
 *
 * Conventions
 * Handles    Opaque. *_new and *_open make one, *_free and *_close end it; NULL is a no-op there.
 * Errors     A call that can fail returns heim_status: 0 is success, below 0 is not. An output is
 *            untouched on failure. `error` is last and may be NULL; success does not touch it.
 * Text       In: UTF-8, copied before return; zero-terminated unless a length comes with it.
 *            Out: UTF-8, zero-terminated, lent; each declaration says until when.
 * Threads    A handle belongs to one thread at a time, except in calls marked [any thread]: those
 *            may run beside any other call on the handle but the one that ends it.
 * Callbacks  user_data comes last. A callback must not call a function of the handle that it was
 *            given to, and must not throw.
 * Forks      A started proxy does not survive fork().
 * Growth     Enums, and structs with struct_size, grow at the end only. An enum's MAX_ is no value
 *            of it: it makes the type as wide as int everywhere. */
#ifndef HEIMPROXY_HEIMPROXY_H
#define HEIMPROXY_HEIMPROXY_H

#include <stddef.h>
#include <stdint.h>

#include "heimproxy/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status and errors ------------------------------------------------------------------- */

/* One list makes the enum, the texts and the bindings' exceptions. */
#define HEIM_STATUS_MAP(X)                                                   \
  X(OK, 0, "success")                                                        \
  X(INVALID_ARGUMENT, -1, "an argument broke the documented contract")       \
  X(NO_MEMORY, -2, "out of memory")                                          \
  X(CONFIG, -3, "the configuration, or a file that it names, is wrong")      \
  X(SYSTEM, -4, "the operating system refused a file, an address, a thread") \
  X(STATE, -5, "the call is not allowed in the current state")               \
  X(TIMED_OUT, -6, "the time limit passed first")                            \
  X(INTERNAL, -7, "a defect in the library")

typedef enum heim_status {
#define HEIM_STATUS_ENTRY(name, code, text) HEIM_##name = code,
  HEIM_STATUS_MAP(HEIM_STATUS_ENTRY)
#undef HEIM_STATUS_ENTRY
      HEIM_STATUS_MAX_ = 0x7fffffff
} heim_status;

/* The caller's own: no allocation, nothing to free. Filled by a call that fails. */
typedef struct heim_error {
  heim_status status;
  char sqlstate[6];  /* what a client would be told; "" if there is none */
  char message[502]; /* cut where it is longer, between characters */
} heim_error;

/* A static text; "unknown status" for a number not listed. [any thread] */
HEIM_API const char* heim_status_text(heim_status status);

/* "0.1.0", static. [any thread] */
HEIM_API const char* heim_version_string(void);

/* ---- Configuration ----------------------------------------------------------------------- */

/* A configuration, once loaded. It is not changed by what is opened from it. */
typedef struct heim_config heim_config;

typedef enum heim_config_format {
  HEIM_CONFIG_DETECT = 0, /* JSON if the first character is '{', else TOML */
  HEIM_CONFIG_TOML = 1,
  HEIM_CONFIG_JSON = 2,
  HEIM_CONFIG_FORMAT_MAX_ = 0x7fffffff
} heim_config_format;

/* An empty configuration to load into. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_config_new(heim_config** out, heim_error* error);

/* Reads a file: JSON if its name ends in .json, TOML if it ends in .toml, else by its content.
 * A proxy opened from it reads the same path again on reload. ${VAR} is taken from the process's
 * environment, which no other thread may change meanwhile.
 * Replaces what was loaded before; on failure the configuration is empty again.
 * SYSTEM: the file cannot be read. CONFIG: it is wrong; `error` has the first thing that is,
 * heim_config_diagnostics() all. */
HEIM_API HEIM_MUST_USE heim_status heim_config_load_file(heim_config* config, const char* path,
                                                         heim_error* error);

/* The same from memory: `length` bytes. A reload reads the files again that it names, not it. */
HEIM_API HEIM_MUST_USE heim_status heim_config_load_text(heim_config* config, const char* text,
                                                         size_t length, heim_config_format format,
                                                         heim_error* error);

/* What the last load found wrong, one line each: "heimproxy.toml:2:1: proxy.pool_sise: unknown
 * key; did you mean pool_size?". "" if it found nothing, or without one. Holds no secret.
 * Lent until the next load or free. */
HEIM_API const char* heim_config_diagnostics(const heim_config* config);

/* What the last load found doubtful, in the same form. */
HEIM_API const char* heim_config_warnings(const heim_config* config);

/* Every effective value and where it came from, as TOML with comments; secrets are masked.
 * Lent until the next load, print or free. STATE: nothing is loaded. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_config_print(heim_config* config, const char** out,
                                                     heim_error* error);

/* The effective value of a key of a section that stands once: "log.format". As a file has it,
 * without quotes; lists with ", "; secrets are masked. Lent until the next load, get or free.
 * INVALID_ARGUMENT: no such key. STATE: nothing is loaded. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_config_get(heim_config* config, const char* key,
                                                   const char** out, heim_error* error);

HEIM_API void heim_config_free(heim_config* config);

/* ---- Log --------------------------------------------------------------------------------- */

typedef enum heim_log_level {
  HEIM_LOG_CONFIGURED = 0, /* as an option only: what the configuration in force says */
  HEIM_LOG_DEBUG = 1,
  HEIM_LOG_INFO = 2,
  HEIM_LOG_WARNING = 3,
  HEIM_LOG_ERROR = 4,
  HEIM_LOG_LEVEL_MAX_ = 0x7fffffff
} heim_log_level;

typedef enum heim_log_format {
  HEIM_LOG_TEXT = 0,
  HEIM_LOG_JSON = 1,
  HEIM_LOG_FORMAT_MAX_ = 0x7fffffff
} heim_log_format;

/* One message. */
typedef struct heim_log_line {
  uint32_t struct_size;
  heim_log_level level;
  heim_log_format format; /* what the configuration in force asks of those who write lines */
  const char* text;       /* one line without a line end: UTF-8, control characters are escaped */
  size_t length;
} heim_log_line;

/* Called on any of the proxy's threads, and on those that call it, one line at a time; `line` is
 * lent for the call. The proxy waits for it: it should be quick. Lines of one kind that come too
 * often are counted instead, and the next one says how many were left out. */
typedef void (*heim_log_callback)(const heim_log_line* line, void* user_data);

/* ---- Proxy ------------------------------------------------------------------------------- */

/* The ready-made runtime: listeners, workers, pools. */
typedef struct heim_proxy heim_proxy;

/* Start from HEIM_PROXY_OPTIONS_INIT. */
typedef struct heim_proxy_options {
  uint32_t struct_size;
  heim_log_level log_level; /* lines below it are left out */
  heim_log_callback log;    /* may be NULL: no log */
  void* user_data;          /* outlives the proxy */
  /* The fields above are there since 0.1. */
} heim_proxy_options;
#define HEIM_PROXY_OPTIONS_INIT \
  { sizeof(heim_proxy_options), HEIM_LOG_CONFIGURED, NULL, NULL }

#define HEIM_FOREVER UINT64_MAX

typedef enum heim_stop {
  HEIM_STOP_WAIT_FOR_CLIENTS = 0, /* take no new clients; end when the last one has left */
  HEIM_STOP_WAIT_FOR_SERVERS = 1, /* end each client when it holds no server connection */
  HEIM_STOP_NOW = 2,              /* end every client with 57P01 */
  HEIM_STOP_MAX_ = 0x7fffffff
} heim_stop;

/* Reads the files that the configuration names; binds nothing yet. `options` may be NULL. The
 * configuration may be freed afterwards. The warnings of the load go to the log.
 * STATE: nothing is loaded. CONFIG: a file is missing or wrong. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_open(const heim_config* config,
                                                   const heim_proxy_options* options,
                                                   heim_proxy** out, heim_error* error);

/* Binds every address and starts the threads, whose signal mask is the caller's. Once only; after
 * a failure the proxy can only be closed. SYSTEM: an address is taken, a thread refused. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_start(heim_proxy* proxy, heim_error* error);

/* The addresses that are bound, one a line. Before the start: "".
 * Lent until the next call of it or close. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_addresses(heim_proxy* proxy, const char** out,
                                                        heim_error* error);

/* Blocks until the proxy has ended: by heim_proxy_stop() or by SHUTDOWN on its console.
 * TIMED_OUT: `timeout_ns` passed first. STATE: it was not started. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_wait(heim_proxy* proxy, uint64_t timeout_ns,
                                                   heim_error* error);

/* Begins to end it and returns; wait for the end with heim_proxy_wait(). May be called again for
 * a sharper way. STATE: it was not started. Not for signal handlers. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_stop(heim_proxy* proxy, heim_stop how,
                                                   heim_error* error);

/* Reads the configuration again, and the files that it names. All or nothing: CONFIG says what is
 * wrong, as does the log, and everything goes on as before. STATE: not started. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_reload(heim_proxy* proxy, heim_error* error);

/* Stops it now if it runs, waits for its threads and frees it. */
HEIM_API void heim_proxy_close(heim_proxy* proxy);

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_HEIMPROXY_H */
