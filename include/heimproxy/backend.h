/* backend.h -- servers that are not PostgreSQL, made by the program that holds the proxy.
 *
 * A node of the configuration names a backend in the place of a host:
 *
 *   [[nodes]]
 *   backend = "lite"
 *   role = "primary"
 *
 * The program adds it to the proxy before it starts it:
 *
 *   heim_query_backend lite = HEIM_QUERY_BACKEND_INIT;
 *   lite.open = lite_open;
 *   lite.execute = lite_execute;
 *   lite.close = lite_close;
 *   if (heim_proxy_add_query_backend(proxy, "lite", &lite, &error) == HEIM_OK &&
 *       heim_proxy_start(proxy, &error) == HEIM_OK) ...
 *
 * and is asked for server connections as a server would be: pools, limits, modes, routing of
 * databases, time limits, the console are the proxy's. At query level it writes rows, and the
 * library speaks the protocol. At message level it gets and gives the protocol's messages.
 *
 * What is said in heimproxy.h of handles, errors, text and growth holds here, too.
 *
 * Connections  Each has a thread of the library's, which takes no signal. Its calls come there,
 *              one after another; they may take their time, and call what they like but
 *              heim_proxy_close(). Only cancel comes on another thread, and close waits for it.
 * Answers      A heim_reply names an answer that somebody waits for. It may be given by any
 *              thread, by several in turn, and after the call that asked for it has returned. What
 *              is said to an answer that is over, or whose connection is gone, fails with CLOSED
 *              and reaches nobody. Not beside heim_proxy_close(), though: threads that may still
 *              speak then are for close to wait for.
 * Waiting      A call that says something waits while the client does not read.
 * Trouble      What never answers is left when the proxy's time limits say so; the client is told.
 *              Its thread is there until its call returns: heim_proxy_close() waits for that. */
#ifndef HEIMPROXY_BACKEND_H
#define HEIMPROXY_BACKEND_H

#include "heimproxy/heimproxy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Passed by value. Its fields are the library's. */
typedef struct heim_reply {
  void* place;
  uint64_t number;
} heim_reply;

/* ---- Rows -------------------------------------------------------------------------------- */

typedef struct heim_statement {
  uint32_t struct_size;
  uint32_t simple; /* not 0: there may be several statements in it, and no parameters */
  const char* sql; /* a zero follows its last byte */
  size_t sql_length;
  /* Parameters $1, $2, ... in text format, with a zero behind each; bytea in binary format, its
   * very bytes; and in binary format as they came those of types that the library does not know. */
  const heim_value* values;
  size_t value_count;
} heim_statement;

/* Start from HEIM_QUERY_BACKEND_INIT. `connection` is what open gave. All but open and execute may
 * be NULL. What calls are given is lent for the call. */
typedef struct heim_query_backend {
  uint32_t struct_size;
  /* A server connection for this login, which has been judged. What it gives in `*connection` is
   * given to the other calls. Not HEIM_OK: there is none; `error` may say why (it is empty, and its
   * sqlstate counts). */
  heim_status (*open)(const char* user, const char* database, void** connection, heim_error* error,
                      void* user_data);
  /* Columns and rows, or an error, then heim_reply_end(). SET, RESET, SHOW of what was set,
   * DISCARD ALL and DEALLOCATE are the library's, and do not come here. */
  void (*execute)(void* connection, const heim_statement* statement, heim_reply reply,
                  void* user_data);
  /* What columns the statement would have, and what parameters; or an error. Then heim_reply_end().
   * The statement has values if they are known. What is told here counts for the rows.
   * NULL: drivers that ask for it, as most do for statements with parameters, get 0A000. */
  void (*describe)(void* connection, const heim_statement* statement, heim_reply reply,
                   void* user_data);
  /* Another client is next: nothing of the one before may be left. Not HEIM_OK: the connection is
   * not used any more. NULL: it is closed, and another one opened. */
  heim_status (*reset)(void* connection, heim_error* error, void* user_data);
  /* What runs, if anything does, is to end soon. On another thread, at any time until close. */
  void (*cancel)(void* connection, void* user_data);
  void (*close)(void* connection, void* user_data);
  void* user_data; /* outlives the proxy */
  /* The fields above are there since 0.1. */
} heim_query_backend;
#define HEIM_QUERY_BACKEND_INIT \
  { sizeof(heim_query_backend), NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/* Copies `backend`. INVALID_ARGUMENT: the name is taken. STATE: the proxy was started. */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_add_query_backend(heim_proxy* proxy, const char* name,
                                                                const heim_query_backend* backend,
                                                                heim_error* error);

/* The functions below fail with CLOSED where nobody waits for the answer (any more), and with STATE
 * where it is not the moment for it: rows before columns, anything behind an error. Nothing is said
 * then. [any thread] */

/* Of describe: pg_type's oid for each parameter; 0: text. */
HEIM_API heim_status heim_reply_parameters(heim_reply reply, const uint32_t* types, size_t count,
                                           heim_error* error);

/* The columns of the rows that follow. `types`: pg_type's oids; NULL: all are text (25). */
HEIM_API heim_status heim_reply_columns(heim_reply reply, const char* const* names,
                                        const uint32_t* types, size_t count, heim_error* error);

/* One row: as many values as there are columns, in either format; their `type` is not looked at.
 * VALUE: one cannot be told in the format that the client asked for; the statement has failed. */
HEIM_API heim_status heim_reply_row(heim_reply reply, const heim_value* values, size_t count,
                                    heim_error* error);

/* A statement is done: "INSERT 0 3"; NULL: "SELECT n", by the rows that were said. Of a text with
 * several statements, each one. */
HEIM_API heim_status heim_reply_complete(heim_reply reply, const char* tag, heim_error* error);

/* It failed: nothing but the end may follow. `detail` may be NULL. */
HEIM_API heim_status heim_reply_error(heim_reply reply, const char* sqlstate, const char* message,
                                      const char* detail, heim_error* error);

/* The answer is over. `state`: whether the session is in a transaction now (NONE, OPEN, FAILED);
 * a connection is given to nobody else in the middle of one. */
HEIM_API heim_status heim_reply_end(heim_reply reply, heim_transaction state, heim_error* error);

/* ---- Messages ---------------------------------------------------------------------------- */

/* Start from HEIM_BACKEND_INIT. */
typedef struct heim_backend {
  uint32_t struct_size;
  /* As above. The login's messages are the library's. */
  heim_status (*open)(const char* user, const char* database, void** connection, heim_error* error,
                      void* user_data);
  /* A message of the frontend's: its type, and what follows its length. All that comes until the
   * last ReadyForQuery that is owed has one reply; that answers them, with heim_reply_send(). */
  void (*message)(void* connection, char type, const void* body, size_t length, heim_reply reply,
                  void* user_data);
  void (*cancel)(void* connection, void* user_data);
  void (*close)(void* connection, void* user_data);
  void* user_data;
  /* The fields above are there since 0.1. */
} heim_backend;
#define HEIM_BACKEND_INIT \
  { sizeof(heim_backend), NULL, NULL, NULL, NULL, NULL }

/* As heim_proxy_add_query_backend(). */
HEIM_API HEIM_MUST_USE heim_status heim_proxy_add_backend(heim_proxy* proxy, const char* name,
                                                          const heim_backend* backend,
                                                          heim_error* error);

/* Messages of a backend's, one or more, whole. With the last ReadyForQuery that is owed the reply
 * is over. INVALID_ARGUMENT: they are no messages, or not ones that may be said then; nothing of
 * them is passed on, and the connection ends. [any thread] */
HEIM_API heim_status heim_reply_send(heim_reply reply, const void* messages, size_t length,
                                     heim_error* error);

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_BACKEND_H */
