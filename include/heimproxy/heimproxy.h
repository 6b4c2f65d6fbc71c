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
 *       heim_proxy_start(proxy, &error) == HEIM_OK &&
 *       heim_proxy_wait(proxy, HEIM_FOREVER, &error) == HEIM_OK)
 *     puts("it has ended");
 *   heim_proxy_close(proxy);
 *   heim_config_free(config);
 *
 * Or it talks to its databases itself, through sessions of the started proxy:
 *
 *   heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
 *   heim_session *session = NULL;
 *   const heim_result *result;
 *   int64_t answer;
 *   options.user = "app";
 *   options.database = "orders";
 *   if (heim_session_open(proxy, &options, &session, &error) == HEIM_OK &&
 *       heim_session_query(session, "SELECT 42", &result, &error) == HEIM_OK &&
 *       heim_result_int64(result, 0, 0, &answer, &error) == HEIM_OK)
 *     use(answer);
 *   heim_session_close(session);
 *
 * Conventions
 * Handles    Opaque. *_new and *_open make one, *_free and *_close end it; NULL is a no-op there.
 * Errors     A call that can fail returns heim_status: 0 is success, below 0 is not. An output is
 *            untouched on failure. `error` is last and may be NULL; success does not touch it.
 * Text       In: UTF-8, copied before return; zero-terminated unless a length comes with it.
 *            Out: UTF-8, zero-terminated, lent; each declaration says until when.
 * Threads    A handle belongs to one thread at a time, except in calls marked [any thread]: those
 *            may run beside any other call on the handle but the one that ends it.
 * Callbacks  user_data comes last. A callback must not throw, and must not call any function of a
 *            proxy or a session, whichever: it may run with locks of the library. Those that read
 *            what it is given (heim_notice_field()) are for it.
 * Forks      A started proxy does not survive fork(). In the child, calls fail with STATE, and
 *            what is closed there stays as it is in the parent.
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
  X(INTERNAL, -7, "a defect in the library")                                 \
  X(SERVER, -8, "the server, or the proxy in its place, refused it")         \
  X(CLOSED, -9, "the session has ended, and can only be closed")             \
  X(VALUE, -10, "the value is NULL, or not of the type that was asked for")

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

/* A callback that is ready: a line, in one write, for people or for programs as its `format` asks:
 *   2026-11-21 12:00:00.123 UTC [4711] INFO message
 *   {"ts":"2026-11-21T12:00:00.123Z","level":"info","msg":"message"}
 * `descriptor`: an int's address, where it goes to; NULL: stderr. What cannot be written is lost.
 * Also for lines of the program's own, with any text in them. [any thread] */
HEIM_API void heim_log_write(const heim_log_line* line, void* descriptor);

/* ---- Proxy ------------------------------------------------------------------------------- */

/* The ready-made runtime: listeners, workers, pools. */
typedef struct heim_proxy heim_proxy;

/* Start from HEIM_PROXY_OPTIONS_INIT. */
typedef struct heim_proxy_options {
  uint32_t struct_size;
  heim_log_level log_level; /* lines below it are left out */
  heim_log_callback log;    /* may be NULL: no log */
  void* user_data;          /* outlives the proxy */
  /* How many places there are for sessions of this process: the calls of those that share one take
   * turns. 0: as many as suit this machine. HEIM_NO_SEATS: none, as for a mere listener. */
  uint32_t seats;
  /* Not 0: listens on a unix socket of this process, in a directory that no other user can enter.
   * heim_proxy_dsn() says where. */
  uint32_t sidecar;
  /* The fields above are there since 0.1. */
} heim_proxy_options;
#define HEIM_NO_SEATS UINT32_MAX
#define HEIM_PROXY_OPTIONS_INIT \
  { sizeof(heim_proxy_options), HEIM_LOG_CONFIGURED, NULL, NULL, 0, 0 }

#define HEIM_FOREVER UINT64_MAX
/* Of a session's call: for ever, but no longer than until a signal comes to the thread that waits;
 * or, since it may have come just before, for a second. */
#define HEIM_UNTIL_SIGNAL (UINT64_MAX - 1)

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

/* What a driver of this process is to connect to, as libpq has it: "host=... port=... dbname=...
 * user=...". `database` and `user` may be NULL: left out. Lent until the next call of it or close.
 * STATE: it was not started with `sidecar`. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_dsn(heim_proxy* proxy, const char* database,
                                                  const char* user, const char** out,
                                                  heim_error* error);

/* Somebody has written past the proxy: no answer that its cache has of a table is given any more,
 * nor what was asked before this call kept later. To be called after that commit. As with a write
 * through the proxy, what triggers and cascades reach is meant, too, and standbys have to catch up
 * first. `database`: as sessions name it; NULL: each that has such a table. `table`: as the catalog
 * has it, of any schema; NULL: all of the database, or of all. SERVER: no such database (3D000), no
 * such table (42P01). STATE: the proxy was not started, or has no seats. What the cache has,
 * heim_proxy_show() tells: "CACHE", "CACHE QUERIES", "CACHE TABLES". [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_invalidate(heim_proxy* proxy, const char* database,
                                                         const char* table, heim_error* error);

/* The same of all tables whose names are like `pattern`, as LIKE of SQL has it: % is any run of
 * characters, _ is one. SERVER: no such database, or no table is called so (42P01). [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_invalidate_like(heim_proxy* proxy,
                                                              const char* database,
                                                              const char* pattern,
                                                              heim_error* error);

/* The same of one statement, whatever its values, in all databases: `sql` is it, or its fingerprint
 * as SHOW CACHE QUERIES has it. SERVER: it is neither (42601). [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_invalidate_query(heim_proxy* proxy, const char* sql,
                                                               heim_error* error);

/* What SHOW says on the console, as JSON: [{"column": "value", ...}, ...]; NULL is null. `what`:
 * "POOLS", "NODES", "STATS", "CLIENTS", "CACHE". Lent until the next call of it or close. SERVER:
 * there is no such command. STATE: the proxy was not started, or has no seats. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_show(heim_proxy* proxy, const char* what,
                                                   const char** out, heim_error* error);

/* Stops it now if it runs, waits for its threads and frees it. Sessions that are open end, and can
 * only be closed then, before or after this. */
HEIM_API void heim_proxy_close(heim_proxy* proxy);

/* ---- Sessions ---------------------------------------------------------------------------- */

/* A session with a database, as a client of the proxy has one: pooled, routed and looked after in
 * the same way. Waiting, a call sleeps in the kernel, on the thread that called.
 * Errors: SERVER is what the server answered, with its SQLSTATE and message; the session goes on.
 * CLOSED: it has ended, by the SQLSTATE's reason if there is one. */
typedef struct heim_session heim_session;

/* A notice of the server: its message's fields are read by heim_notice_field(). Called on any
 * thread that is in a call of the library; lent for the call. */
typedef struct heim_notice heim_notice;
typedef void (*heim_notice_callback)(const heim_notice* notice, void* user_data);

/* A field of a notice by its letter in the protocol ('S' severity, 'C' SQLSTATE, 'M' message, 'D'
 * detail, 'H' hint, ...); NULL if it has none. */
HEIM_API const char* heim_notice_field(const heim_notice* notice, char field);

/* Start from HEIM_SESSION_OPTIONS_INIT. All is copied. */
typedef struct heim_session_options {
  uint32_t struct_size;
  const char* user;     /* whom the proxy takes the session for, without asking for a password */
  const char* database; /* NULL: named as the user */
  /* For the servers, where neither the configuration nor a login before has the user's secret;
   * NULL: none. */
  const char* password;
  const char* application_name; /* NULL: none */
  /* Names and values in turn, then NULL; or NULL. client_encoding is UTF8 unless named. */
  const char* const* settings;
  /* What is larger must be streamed; 0: 1 GiB. A statement that exceeds it has run nevertheless,
   * and fails with SERVER and 54000. */
  size_t result_bytes_max;
  heim_notice_callback notice; /* NULL: notices are dropped */
  void* user_data;             /* outlives the session */
  /* Not 0: the opening is not waited for; heim_session_finish() tells what came of it. */
  uint32_t deferred;
  /* The fields above are there since 0.1. */
} heim_session_options;
#define HEIM_SESSION_OPTIONS_INIT \
  { sizeof(heim_session_options), NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 0 }

/* Blocks until the session is admitted, within the proxy's client_login_timeout.
 * CLOSED: it is not, by the SQLSTATE's reason. STATE: the proxy was not started, or has no seats.
 * [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_session_open(heim_proxy* proxy,
                                                     const heim_session_options* options,
                                                     heim_session** out, heim_error* error);

/* A transaction that is open is rolled back. */
HEIM_API void heim_session_close(heim_session* session);

/* What a statement answered. Lent until the next call on the session that asks for something;
 * heim_session_notification(), _parameter(), _transaction(), _error_field(), _cancel() and
 * heim_route_explain() do not.
 */
typedef struct heim_result heim_result;

typedef enum heim_format {
  HEIM_FORMAT_TEXT = 0,
  HEIM_FORMAT_BINARY = 1,
  HEIM_FORMAT_MAX_ = 0x7fffffff
} heim_format;

/* A parameter: `data` NULL is NULL. Lent for the call. */
typedef struct heim_value {
  const void* data;
  size_t length;
  uint32_t type; /* pg_type's oid; 0: the server decides. Not looked at for prepared statements */
  heim_format format;
} heim_value;

/* A statement with its parameters $1, $2, ... Start from HEIM_REQUEST_INIT. Lent for the call. */
typedef struct heim_request {
  uint32_t struct_size;
  const char* sql;       /* one statement; NULL: */
  const char* statement; /* the name of one that was prepared */
  const heim_value* values;
  size_t value_count;
  heim_format result_format;
  uint32_t streamed; /* not 0: rows come in portions, by heim_session_next() */
  /* The fields above are there since 0.1. */
} heim_request;
#define HEIM_REQUEST_INIT \
  { sizeof(heim_request), NULL, NULL, NULL, 0, HEIM_FORMAT_TEXT, 0 }

/* Runs the statements of a text and waits for all of them; `out` gets the first one's result,
 * heim_session_next() has the others. `out` may be NULL. SERVER: one of them failed.
 * A call that asks for something first reads away what is left of the one before, and if that
 * failed, says so and asks for nothing (but for heim_session_rollback()). */
HEIM_API HEIM_MUST_USE heim_status heim_session_query(heim_session* session, const char* sql,
                                                      const heim_result** out, heim_error* error);

/* Runs one statement with parameters. `out` may be NULL. */
HEIM_API HEIM_MUST_USE heim_status heim_session_run(heim_session* session,
                                                    const heim_request* request,
                                                    const heim_result** out, heim_error* error);

/* The next result; of a streamed statement the next rows: at least one, but the last time, when the
 * result has its command tag. NULL: there is no more. A statement has succeeded when this has said
 * so, or the result has its tag. While nobody asks for rows, the server is not read: memory stays
 * bounded. */
HEIM_API HEIM_MUST_USE heim_status heim_session_next(heim_session* session, const heim_result** out,
                                                     heim_error* error);

/* Prepares a statement under a name. `types` may be NULL: the server decides; so it does for those
 * that are 0. The result has the types of its parameters and its columns. `out` may be NULL. */
HEIM_API HEIM_MUST_USE heim_status heim_session_prepare(heim_session* session, const char* name,
                                                        const char* sql, const uint32_t* types,
                                                        size_t type_count, const heim_result** out,
                                                        heim_error* error);

/* No error if there is none of that name. */
HEIM_API HEIM_MUST_USE heim_status heim_session_deallocate(heim_session* session, const char* name,
                                                           heim_error* error);

/* `modes` as in SQL: "ISOLATION LEVEL SERIALIZABLE, READ ONLY"; or NULL. */
HEIM_API HEIM_MUST_USE heim_status heim_session_begin(heim_session* session, const char* modes,
                                                      heim_error* error);

/* SERVER with 40000: a statement in it had failed, so that it was rolled back. */
HEIM_API HEIM_MUST_USE heim_status heim_session_commit(heim_session* session, heim_error* error);
/* Whatever became of the statement before: its failure is not told, and an open COPY fails. */
HEIM_API HEIM_MUST_USE heim_status heim_session_rollback(heim_session* session, heim_error* error);

/* Data for a COPY FROM STDIN that a result says is under way, in pieces of any length. Waits while
 * the server has enough of it. SERVER: the server gave it up. STATE: none awaits data. */
HEIM_API HEIM_MUST_USE heim_status heim_session_copy_write(heim_session* session, const void* data,
                                                           size_t length, heim_error* error);

/* The end of that data. `reason`: why it is of no use, and the COPY shall fail; NULL: it is
 * complete. `out`, which may be NULL, gets the result with its tag. */
HEIM_API HEIM_MUST_USE heim_status heim_session_copy_end(heim_session* session, const char* reason,
                                                         const heim_result** out,
                                                         heim_error* error);

/* The next piece of a COPY TO STDOUT: a line. NULL: that was all. Lent as results are. */
HEIM_API HEIM_MUST_USE heim_status heim_session_copy_read(heim_session* session, const void** data,
                                                          size_t* length, heim_error* error);

/* Asks the server to cancel what the session runs, and returns: the call that waits for it fails
 * with SERVER and 57014, if the request comes in time. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_session_cancel(heim_session* session, heim_error* error);

/* ---- Without waiting --------------------------------------------------------------------- */

/* Called once, on any thread that is in a call of the library, or on one of the library's; also
 * within heim_session_start() and heim_session_finish() of the same session, on the thread that
 * calls them: that one must hold no lock then that the callback takes. It wakes somebody, who calls
 * heim_session_finish(). */
typedef void (*heim_done_callback)(void* user_data);

/* Begins heim_session_run(), and returns. The session can be asked for nothing else until
 * heim_session_finish() has told its outcome. `done` is called when that will not wait; it may be
 * NULL. */
HEIM_API HEIM_MUST_USE heim_status heim_session_start(heim_session* session,
                                                      const heim_request* request,
                                                      heim_done_callback done, void* user_data,
                                                      heim_error* error);

/* How long calls on the session wait that ask for something; at first, and for
 * heim_session_finish() always, as long as it takes. One that would wait longer fails with
 * TIMED_OUT and goes on as what was started does: heim_session_finish() has its outcome. What is
 * left of the call before is read away first, however long that takes. Of heim_session_copy_write()
 * all data is taken over then. heim_session_copy_read() is called again when heim_session_finish()
 * has succeeded. Whether heim_session_commit() was a rollback, the result's tag says. */
HEIM_API HEIM_MUST_USE heim_status heim_session_set_patience(heim_session* session,
                                                             uint64_t timeout_ns,
                                                             heim_error* error);

/* The outcome of what was started, as the call tells it that asks for it and waits; `out` gets NULL
 * where that has none. TIMED_OUT: it is not there within `timeout_ns`, and may be asked for again.
 * STATE: nothing was started. */
HEIM_API HEIM_MUST_USE heim_status heim_session_finish(heim_session* session, uint64_t timeout_ns,
                                                       const heim_result** out, heim_error* error);

/* A descriptor for poll(), select() and the like: readable when heim_session_finish() will not
 * wait, a notification is there, or the session has ended. Not to be read or closed. */
HEIM_API HEIM_MUST_USE heim_status heim_session_descriptor(heim_session* session, int* out,
                                                           heim_error* error);

/* ---- About a session --------------------------------------------------------------------- */

typedef struct heim_notification {
  uint32_t struct_size;
  uint32_t pid; /* whose server notified */
  const char* channel;
  const char* payload;
} heim_notification;

/* The next notification of a channel that the session listens on. Its texts are lent until the next
 * call of it. TIMED_OUT: none within `timeout_ns`. SERVER with 54000: some were lost, since too
 * many waited. STATE: the last statement is not over. `out` has its struct_size set. */
HEIM_API HEIM_MUST_USE heim_status heim_session_notification(heim_session* session,
                                                             uint64_t timeout_ns,
                                                             heim_notification* out,
                                                             heim_error* error);

/* What the server reported of a parameter ("server_version", "TimeZone"); NULL if nothing. Lent
 * until the next call of it. */
HEIM_API const char* heim_session_parameter(heim_session* session, const char* name);

typedef enum heim_transaction {
  HEIM_TRANSACTION_NONE = 0,
  HEIM_TRANSACTION_OPEN = 1,
  HEIM_TRANSACTION_FAILED = 2, /* only a rollback ends it */
  HEIM_TRANSACTION_BUSY = 3,   /* a statement is not over */
  HEIM_TRANSACTION_ENDED = 4,  /* the session is */
  HEIM_TRANSACTION_MAX_ = 0x7fffffff
} heim_transaction;

HEIM_API heim_transaction heim_session_transaction(heim_session* session);

/* A field of the last call's SERVER or CLOSED by its letter in the protocol: 'D' detail, 'H' hint,
 * 'P' position, 't' table, 'n' constraint, ...; NULL if it has none. Lent until the next call. */
HEIM_API const char* heim_session_error_field(heim_session* session, char field);

/* Where a statement of the session would go now, and why, as JSON: [{"what": "node", "value": ...},
 * ...]. It is not run. Lent until the next call of it or close. CLOSED: the session has ended. */
HEIM_API HEIM_MUST_USE heim_status heim_route_explain(heim_session* session, const char* sql,
                                                      const char** out, heim_error* error);

/* ---- Results ------------------------------------------------------------------------------ */
/* Rows and columns count from 0. What a call returns is lent as the result is. */

typedef enum heim_kind {
  HEIM_KIND_COMMAND = 0, /* no rows */
  HEIM_KIND_ROWS = 1,
  HEIM_KIND_EMPTY = 2,    /* of an empty text */
  HEIM_KIND_COPY_IN = 3,  /* now heim_session_copy_write() */
  HEIM_KIND_COPY_OUT = 4, /* now heim_session_copy_read() */
  HEIM_KIND_MAX_ = 0x7fffffff
} heim_kind;

HEIM_API heim_kind heim_result_kind(const heim_result* result);

/* "INSERT 0 3"; "" while the statement is not over. */
HEIM_API const char* heim_result_tag(const heim_result* result);

/* The rows that the tag counts; 0 if it counts none. */
HEIM_API uint64_t heim_result_affected(const heim_result* result);

HEIM_API size_t heim_result_rows(const heim_result* result);
HEIM_API size_t heim_result_columns(const heim_result* result);

typedef struct heim_column {
  uint32_t struct_size;
  heim_format format;
  const char* name;
  uint32_t type;      /* pg_type's oid */
  int32_t type_size;  /* below 0: it varies */
  int32_t modifier;   /* pg_attribute's atttypmod; -1: none */
  uint32_t table;     /* pg_class's oid; 0: it is no table's */
  uint32_t attribute; /* its number there */
} heim_column;

/* `out` has its struct_size set. INVALID_ARGUMENT: there is no such column. */
HEIM_API HEIM_MUST_USE heim_status heim_result_column(const heim_result* result, size_t column,
                                                      heim_column* out, heim_error* error);

/* The first column of that name, exactly; SIZE_MAX if there is none. */
HEIM_API size_t heim_result_find(const heim_result* result, const char* name);

/* The bytes of a value, which no zero ends; NULL if it is NULL, or there is none. */
HEIM_API const void* heim_result_value(const heim_result* result, size_t row, size_t column,
                                       size_t* length);
HEIM_API int heim_result_is_null(const heim_result* result, size_t row, size_t column);

/* A value of a type that holds such, in either format. VALUE: it is NULL, of another type, or does
 * not fit. INVALID_ARGUMENT: there is no such row or column. */
HEIM_API HEIM_MUST_USE heim_status heim_result_int64(const heim_result* result, size_t row,
                                                     size_t column, int64_t* out,
                                                     heim_error* error);
HEIM_API HEIM_MUST_USE heim_status heim_result_double(const heim_result* result, size_t row,
                                                      size_t column, double* out,
                                                      heim_error* error);
HEIM_API HEIM_MUST_USE heim_status heim_result_bool(const heim_result* result, size_t row,
                                                    size_t column, int* out, heim_error* error);

/* Of what heim_session_prepare() answered: how many parameters, and the type of each (0: there is
 * no such). */
HEIM_API size_t heim_result_parameters(const heim_result* result);
HEIM_API uint32_t heim_result_parameter(const heim_result* result, size_t parameter);

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_HEIMPROXY_H */
