/* core.h -- the engine for programs with a loop of their own: no thread, no socket, no clock.
 *
 * The program has the connections, of clients and to servers, and the time. It tells the core what
 * came, and does what the core asks for:
 *
 *   heim_action action = HEIM_ACTION_INIT;
 *   for (;;) {
 *     wait(sockets, heim_core_deadline_ns(core));
 *     heim_core_advance(core, now_ns(), &error);
 *     // a client came:        heim_core_accept(core, &peer, &connection, &error);
 *     // a socket is readable: heim_core_received(core, connection, bytes, length, &error);
 *     // its peer has gone:    heim_core_ended(core, connection, NULL, &error);
 *     // it has room again:    heim_core_unsent(), send(), heim_core_sent()
 *     while (heim_core_next_action(core, &action, &error) == HEIM_OK && action.kind)
 *       carry_out(&action);
 *   }
 *
 * Sessions, pools, limits, modes, routing, the cache, prepared statements and cancel requests are
 * those of the daemon. The console, listening addresses, watching the cluster and discovery are not
 * here: what is known of nodes, the program tells. Databases' catalogs the core reads by its own
 * servers.
 *
 * What is said in heimproxy.h of handles, errors, text and growth holds here, too. Besides:
 *
 * Connections  Known by numbers from 1 on, each given once only. One is there from accept or
 *              CONNECT until its CLOSE is taken. What it is told while its CLOSE is not taken yet
 *              does no harm; afterwards it is INVALID_ARGUMENT. STATE: it is not the moment for
 *              that. Either changes nothing, and both are possible in every call below that names
 *              a connection.
 * Actions      Events make them. Take them after each event, or after the events of a turn.
 * Threads      A core belongs to one thread at a time, and several cores know nothing of each
 *              other: each has pools, and limits, of its own. No call waits, but for the parser.
 * Stack        The thread that gives it bytes parses, unless there is `parser_thread`: that takes
 *              up to 8 MiB of stack, and each thread that ever does it costs the process one of
 *              some 1,000 pthread keys for good.
 * Memory       NO_MEMORY in the midst of an event or an action breaks the core: every call fails
 *              with STATE then, and there are no actions any more. Close the connections and free
 *              it; what it held is not released, as it cannot be trusted. */
#ifndef HEIMPROXY_CORE_H
#define HEIMPROXY_CORE_H

#include "heimproxy/parts.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heim_core heim_core;

/* Start from HEIM_CORE_OPTIONS_INIT. */
typedef struct heim_core_options {
  uint32_t struct_size;
  heim_log_level log_level; /* of LOG; what is below it is left out */
  uint32_t parser_thread;   /* not 0: statements are parsed on a thread of the core's own */
  /* Not 0: the program does TLS when START_TLS says so, where [client_tls] and [server_tls] ask for
   * it. 0: clients are told that there is none, and servers are not asked for it. */
  uint32_t tls;
  /* Of the certificate that clients are shown, the hash by RFC 5929 (tls-server-end-point), for
   * SCRAM with channel binding; NULL: none. */
  const void* endpoint_hash;
  size_t endpoint_hash_length;
  uint64_t unix_time_ns; /* the time of day now, for VALID UNTIL; 0: the system's */
  /* The fields above are there since 0.1. */
} heim_core_options;
#define HEIM_CORE_OPTIONS_INIT \
  { sizeof(heim_core_options), HEIM_LOG_CONFIGURED, 0, 0, NULL, 0, 0 }

/* Reads the files that the configuration names. `options` may be NULL. `now_ns` is any clock of the
 * program's that never goes back. The configuration may be freed afterwards.
 * STATE: nothing is loaded. CONFIG: a file is missing or wrong; a node is a backend; TLS is a must
 * and `tls` is 0. SYSTEM: there is no thread. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_core_new(const heim_config* config,
                                                 const heim_core_options* options, uint64_t now_ns,
                                                 heim_core** out, heim_error* error);

/* What connections there are, the program closes. */
HEIM_API void heim_core_free(heim_core* core);

/* ---- Time -------------------------------------------------------------------------------- */

/* It is `now_ns`: what is due is done. All that is told later happens then: once in each turn of
 * the program's loop. INVALID_ARGUMENT: it was later already. */
HEIM_API HEIM_MUST_USE heim_status heim_core_advance(heim_core* core, uint64_t now_ns,
                                                     heim_error* error);

/* When to call heim_core_advance() at the latest: where there are connections, that is up to ten
 * times a second. HEIM_FOREVER: nothing is due. */
HEIM_API uint64_t heim_core_deadline_ns(const heim_core* core);

/* ---- Actions ----------------------------------------------------------------------------- */

typedef enum heim_action_kind {
  HEIM_ACTION_NONE = 0, /* there is none: wait for events, or the deadline */
  /* Connect to `host` (a name, an address, or the directory of a unix socket) and `port` of `node`,
   * as `connection`. Then heim_core_connected() or heim_core_ended(). */
  HEIM_ACTION_CONNECT = 1,
  /* There are bytes for it, where there were none: `data`, all of them. Send what goes, and say how
   * much by heim_core_sent(). */
  HEIM_ACTION_SEND = 2,
  /* Read it no more, until RESUME: whoever its bytes are for is full. */
  HEIM_ACTION_PAUSE = 3,
  HEIM_ACTION_RESUME = 4,
  /* Begin TLS: all before it is sent. As the server where `as_server` is not 0; else as the client
   * of `host`, whose certificate is verified as `verify` says. `data` came from it already. Then
   * heim_core_secured() or heim_core_ended(); what comes and goes later is plain text. */
  HEIM_ACTION_START_TLS = 5,
  /* Close it. All is sent, or cannot be. To close a socket with bytes unread takes back what was
   * sent last: end the sending first, and read what is there. */
  HEIM_ACTION_CLOSE = 6,
  /* Ask the primary (`node`, if it is known) where its WAL ends: heim_core_sample_begin(). Only
   * where there are several nodes. */
  HEIM_ACTION_SAMPLE = 7,
  /* A line for the log: `level`, `text`. */
  HEIM_ACTION_LOG = 8,
  HEIM_ACTION_KIND_MAX_ = 0x7fffffff
} heim_action_kind;

/* As libpq's sslmode has it. */
typedef enum heim_tls_verify {
  HEIM_TLS_ANY = 0, /* whoever it is */
  HEIM_TLS_CA = 1,
  HEIM_TLS_FULL = 2, /* and its name is `host` */
  HEIM_TLS_VERIFY_MAX_ = 0x7fffffff
} heim_tls_verify;

/* Start from HEIM_ACTION_INIT. What an action has no use for is 0, "" or NULL. */
typedef struct heim_action {
  uint32_t struct_size;
  heim_action_kind kind;
  uint64_t connection;
  const void* data;
  size_t length;
  const char* node;
  const char* host;
  uint32_t port;
  uint32_t as_server;
  heim_tls_verify verify;
  heim_log_level level;
  const char* text; /* one line: UTF-8, control characters are escaped */
  /* The fields above are there since 0.1. */
} heim_action;
#define HEIM_ACTION_INIT                                                           \
  {                                                                                \
    sizeof(heim_action), HEIM_ACTION_NONE, 0, NULL, 0, "", "", 0, 0, HEIM_TLS_ANY, \
        HEIM_LOG_CONFIGURED, ""                                                    \
  }

/* The next thing to do, which counts as done; or NONE. What it lends is lent until the next call on
 * the core. */
HEIM_API HEIM_MUST_USE heim_status heim_core_next_action(heim_core* core, heim_action* out,
                                                         heim_error* error);

/* ---- Connections ------------------------------------------------------------------------- */

/* Who is at the other end. Start from HEIM_PEER_INIT. */
typedef struct heim_peer {
  uint32_t struct_size;
  const char* address; /* "192.0.2.1:5432", "[2001:db8::1]:5432"; NULL: a unix socket */
  const char* user;    /* of the system, at the other end of a unix socket; NULL: not known */
  /* The fields above are there since 0.1. */
} heim_peer;
#define HEIM_PEER_INIT \
  { sizeof(heim_peer), NULL, NULL }

/* A client came. What it is called is in `*connection`.
 * INVALID_ARGUMENT: the address is none. NO_MEMORY. */
HEIM_API HEIM_MUST_USE heim_status heim_core_accept(heim_core* core, const heim_peer* peer,
                                                    uint64_t* connection, heim_error* error);

/* CONNECT went well. `peer` may be NULL: its address is what `host` was. */
HEIM_API HEIM_MUST_USE heim_status heim_core_connected(heim_core* core, uint64_t connection,
                                                       const heim_peer* peer, heim_error* error);

/* Bytes came. They are taken; what comes in spite of PAUSE is kept, up to 1 MiB (STATE: more). */
HEIM_API HEIM_MUST_USE heim_status heim_core_received(heim_core* core, uint64_t connection,
                                                      const void* data, size_t length,
                                                      heim_error* error);

/* All that is to be sent to it now. Lent until the next call on the core. */
HEIM_API HEIM_MUST_USE heim_status heim_core_unsent(heim_core* core, uint64_t connection,
                                                    const void** data, size_t* length,
                                                    heim_error* error);

/* So many of those bytes went; 0: the socket is full. While some are left there is no other SEND:
 * watch it for room, and ask heim_core_unsent() then. INVALID_ARGUMENT: it was not given as many.
 */
HEIM_API HEIM_MUST_USE heim_status heim_core_sent(heim_core* core, uint64_t connection,
                                                  size_t count, heim_error* error);

/* It can be used no more: its peer ended it (`why` NULL) behind what was given of it, or it failed,
 * by `why`: connecting, TLS, reading or writing. Do not watch it any more; its CLOSE comes. */
HEIM_API HEIM_MUST_USE heim_status heim_core_ended(heim_core* core, uint64_t connection,
                                                   const char* why, heim_error* error);

/* What a TLS handshake told. Start from HEIM_TLS_INIT; what is NULL is not known. */
typedef struct heim_tls {
  uint32_t struct_size;
  const char* version;                 /* "TLSv1.3" */
  const char* cipher;                  /* "TLS_AES_256_GCM_SHA384" */
  const char* alpn;                    /* what was agreed */
  const char* peer_common_name;        /* of a client's certificate that was verified */
  const char* peer_distinguished_name; /* RFC 2253 */
  const void* endpoint_hash;           /* of the server's certificate, by RFC 5929 */
  size_t endpoint_hash_length;
  /* The fields above are there since 0.1. */
} heim_tls;
#define HEIM_TLS_INIT \
  { sizeof(heim_tls), NULL, NULL, NULL, NULL, NULL, NULL, 0 }

/* The handshake that START_TLS asked for went well. */
HEIM_API HEIM_MUST_USE heim_status heim_core_secured(heim_core* core, uint64_t connection,
                                                     const heim_tls* tls, heim_error* error);

/* ---- Nodes ------------------------------------------------------------------------------- */

/* What is known of a node now. `lsn` is a standby's: up to where it has replayed; 0 while it is not
 * on the timeline of the primary. Nodes with role "auto" are what their logins say until they are
 * told. Of a primary that is a new one, all that was told of standbys' positions is forgotten.
 * INVALID_ARGUMENT: there is none of that name; it is a primary, and `lsn` is not 0. */
HEIM_API HEIM_MUST_USE heim_status heim_core_set_node(heim_core* core, const char* name,
                                                      const heim_node_state* state,
                                                      heim_error* error);

/* Before the primary is asked for pg_current_wal_insert_lsn(): what reads from standbys depends on.
 * `*sample` is for heim_core_sample_end(). */
HEIM_API HEIM_MUST_USE heim_status heim_core_sample_begin(heim_core* core, uint64_t* sample,
                                                          heim_error* error);

/* What it answered; 0: nothing. INVALID_ARGUMENT: no such sample has begun, or it has ended. */
HEIM_API HEIM_MUST_USE heim_status heim_core_sample_end(heim_core* core, uint64_t sample,
                                                        uint64_t lsn, heim_error* error);

/* Somebody has written past the core: as heim_proxy_invalidate() has it. */
HEIM_API HEIM_MUST_USE heim_status heim_core_invalidate(heim_core* core, const char* database,
                                                        const char* table, heim_error* error);

/* What SHOW says on a console, as heim_proxy_show() has it: "POOLS", "CLIENTS", "ROUTE FOR SELECT
 * 1". Of nodes it has what is told; of the configuration, nothing. Lent until the next call of it
 * or free. SERVER: there is no such command. */
HEIM_API HEIM_MUST_USE heim_status heim_core_show(heim_core* core, const char* what,
                                                  const char** out, heim_error* error);

/* ---- The end ----------------------------------------------------------------------------- */

/* Begins to end it. When the last client has gone, its servers go: it is over when no connection is
 * left. May be called again for a sharper way. */
HEIM_API HEIM_MUST_USE heim_status heim_core_stop(heim_core* core, heim_stop how,
                                                  heim_error* error);

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_CORE_H */
