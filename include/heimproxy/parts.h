/* parts.h -- parts of the engine for programs that have no proxy: the router, the cache.
 *
 * A router is given what is known of a cluster, and says of a statement what it does and where it
 * would go:
 *
 *   heim_router *router = NULL;
 *   heim_node_state state = HEIM_NODE_STATE_INIT;
 *   heim_route_request request = HEIM_ROUTE_REQUEST_INIT;
 *   const char *json;
 *   state.lsn = end_of_wal;
 *   request.sql = "SELECT name FROM items WHERE id = $1";
 *   if (heim_router_new(config, "shop", &router, &error) == HEIM_OK &&
 *       heim_router_set_catalog(router, rows, length, &error) == HEIM_OK &&
 *       heim_router_set_node(router, "db-primary", &state, &error) == HEIM_OK &&
 *       heim_router_route(router, &request, &json, &error) == HEIM_OK)
 *     puts(json);
 *   heim_router_free(router);
 *
 * A cache keeps results by statement and parameters, until one of their tables is written:
 *
 *   heim_cache_query query = HEIM_CACHE_QUERY_INIT;
 *   heim_cache_entry *entry;
 *   heim_cache_fill *fill;
 *   static const char *const tables[] = {"items"};
 *   query.statement = "SELECT name FROM items WHERE id = 7";
 *   query.tables = tables;
 *   query.table_count = 1;
 *   if (heim_cache_find(cache, &query, &entry, &fill, &error) == HEIM_OK && entry) {
 *     const void *data = heim_cache_entry_data(entry, &length);
 *     use(data, length);
 *     heim_cache_entry_free(entry);
 *   } else if (fill && ask_the_database(&data, &length)) {
 *     heim_cache_fill_store(fill, data, length, NULL, &error);
 *   }
 *
 * What is said in heimproxy.h of handles, errors, text and growth holds here, too. */
#ifndef HEIMPROXY_PARTS_H
#define HEIMPROXY_PARTS_H

#include "heimproxy/heimproxy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heim_router heim_router;

/* For one database of the configuration: its nodes with their roles, [routing], [[rules]], and what
 * [[databases]] and [[users]] say. Starts a thread, which parses. STATE: nothing is loaded. CONFIG:
 * a rule is wrong, or there are more than 256 nodes. SYSTEM: there is no
 * thread. */
HEIM_API HEIM_MUST_USE heim_status heim_router_new(const heim_config* config, const char* database,
                                                   heim_router** out, heim_error* error);
HEIM_API void heim_router_free(heim_router* router);

/* What the database's objects are: the rows that heim_router_catalog_query() has, three columns
 * with tabs between them, a line each. Until it is told, a table may be a view with side effects,
 * and only the primary will do. INVALID_ARGUMENT: a line is no such row. */
HEIM_API HEIM_MUST_USE heim_status heim_router_set_catalog(heim_router* router, const char* rows,
                                                           size_t length, heim_error* error);
/* Static. To be asked with search_path = pg_catalog. NULL: no memory for it. [any thread] */
HEIM_API const char* heim_router_catalog_query(void);

typedef enum heim_role {
  HEIM_ROLE_CONFIGURED = 0, /* as the configuration says */
  HEIM_ROLE_PRIMARY = 1,
  HEIM_ROLE_STANDBY = 2,
  HEIM_ROLE_MAX_ = 0x7fffffff
} heim_role;

/* Start from HEIM_NODE_STATE_INIT. */
typedef struct heim_node_state {
  uint32_t struct_size;
  heim_role role;
  uint32_t is_down; /* not 0: nothing new goes there */
  /* Of the primary: where its WAL ended, asked after the commits that were noted; of a standby: up
   * to where it has replayed. 0: not known. */
  uint64_t lsn;
  int64_t lag_ns; /* of a standby, behind the primary; below 0: not known */
  /* The fields above are there since 0.1. */
} heim_node_state;
#define HEIM_NODE_STATE_INIT \
  { sizeof(heim_node_state), HEIM_ROLE_CONFIGURED, 0, 0, -1 }

/* What is known of a node now. INVALID_ARGUMENT: the configuration has none of that name. */
HEIM_API HEIM_MUST_USE heim_status heim_router_set_node(heim_router* router, const char* name,
                                                        const heim_node_state* state,
                                                        heim_error* error);

/* A statement was committed on the primary: what it writes is read there, until the primary's
 * position is told anew, and from standbys that have replayed that. */
HEIM_API HEIM_MUST_USE heim_status heim_router_note_commit(heim_router* router, const char* sql,
                                                           heim_error* error);

/* Start from HEIM_ROUTE_REQUEST_INIT. */
typedef struct heim_route_request {
  uint32_t struct_size;
  const char* sql;
  const char* user;             /* may be NULL, as those that follow: for rules, and [[users]] */
  const char* application_name; /* for rules */
  const char* client_address;   /* for rules */
  /* The fields above are there since 0.1. */
} heim_route_request;
#define HEIM_ROUTE_REQUEST_INIT \
  { sizeof(heim_route_request), NULL, NULL, NULL, NULL }

/* What the statement does, and where it would go now, as JSON: {"node": "db-standby" or null,
 * "reason": ..., "kinds": ["read"], "reads": ["items"], "writes": [], "reads_everything": false,
 * "writes_everything": false, "volatile": false, "parameters": 1, "fingerprint": ..., "explain":
 * [{"what": ..., "value": ...}, ...]}. "everything": beyond the tables that are named, nobody knows
 * what. Lent until the next call of it or free. */
HEIM_API HEIM_MUST_USE heim_status heim_router_route(heim_router* router,
                                                     const heim_route_request* request,
                                                     const char** out, heim_error* error);

/* ---- The cache --------------------------------------------------------------------------- */

typedef struct heim_cache heim_cache;
/* A result that was found. May outlive the cache. */
typedef struct heim_cache_entry heim_cache_entry;
/* A statement that the caller asks, for the cache. */
typedef struct heim_cache_fill heim_cache_fill;

/* Start from HEIM_CACHE_OPTIONS_INIT. */
typedef struct heim_cache_options {
  uint32_t struct_size;
  uint32_t keep_all;        /* not 0: statements that do not pay are not left out */
  uint64_t max_bytes;       /* of memory, all that belongs to results counted; 0: 64 MiB */
  uint64_t max_entry_bytes; /* of one result; 0: 1 MiB. At most an eighth of a part of the cache */
  uint64_t ttl_ns;          /* 0: an hour */
  /* The fields above are there since 0.1. */
} heim_cache_options;
#define HEIM_CACHE_OPTIONS_INIT \
  { sizeof(heim_cache_options), 0, 0, 0, 0 }

/* `options`: NULL is all defaults. */
HEIM_API HEIM_MUST_USE heim_status heim_cache_new(const heim_cache_options* options,
                                                  heim_cache** out, heim_error* error);
/* Entries and fills that are not freed yet stay good. */
HEIM_API void heim_cache_free(heim_cache* cache);

/* Start from HEIM_CACHE_QUERY_INIT. Everything that the answer hangs on is named: equal statements,
 * contexts and parameters have one result. */
typedef struct heim_cache_query {
  uint32_t struct_size;
  const char* statement;
  const char* context;             /* may be NULL: database, user, settings, format */
  const char* const* parameters;   /* NULL where one is NULL */
  const size_t* parameter_lengths; /* NULL: they end with a zero */
  size_t parameter_count;
  const char* const* tables; /* that it reads, also through views and functions */
  size_t table_count;        /* at most 60 */
  uint64_t wait_ns;          /* as long as another thread asks the same; HEIM_FOREVER */
  /* The fields above are there since 0.1. */
} heim_cache_query;
#define HEIM_CACHE_QUERY_INIT \
  { sizeof(heim_cache_query), NULL, NULL, NULL, NULL, 0, NULL, 0, 0 }

/* The result, in *entry; or the caller is the one to ask the database, and *fill is what the answer
 * is stored with; or neither, and it asks for itself alone: another one asks already, or it does
 * not pay to keep the like. To be called before the database is asked: a write after that is what
 * the result must not miss. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_cache_find(heim_cache* cache, const heim_cache_query* query,
                                                   heim_cache_entry** entry, heim_cache_fill** fill,
                                                   heim_error* error);

/* As it was stored. Lent until the entry is freed. [any thread] */
HEIM_API const void* heim_cache_entry_data(const heim_cache_entry* entry, size_t* length);
HEIM_API void heim_cache_entry_free(heim_cache_entry* entry);

/* Ends the fill, also on failure. *stored (may be NULL) is 0 if it could not be kept: one of its
 * tables was written meanwhile, or it is too large. */
HEIM_API HEIM_MUST_USE heim_status heim_cache_fill_store(heim_cache_fill* fill, const void* data,
                                                         size_t length, int* stored,
                                                         heim_error* error);
/* There is no answer: the next one that waits asks. */
HEIM_API void heim_cache_fill_free(heim_cache_fill* fill);

/* Results that read the table are not served any more, nor is what was asked before this call kept
 * later. To be called after a commit, before anybody is told of it. The cost does not hang on how
 * many there are. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_cache_invalidate_table(heim_cache* cache, const char* table,
                                                               heim_error* error);
/* One result; `query`'s tables do not matter. [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_cache_invalidate(heim_cache* cache,
                                                         const heim_cache_query* query,
                                                         heim_error* error);
/* [any thread] */
HEIM_API void heim_cache_invalidate_all(heim_cache* cache);

/* Set struct_size before it is filled: HEIM_CACHE_STATS_INIT. */
typedef struct heim_cache_stats {
  uint32_t struct_size;
  uint64_t hits, misses;
  uint64_t stored;                    /* answers that were kept */
  uint64_t refused;                   /* answers that were not */
  uint64_t evicted;                   /* to make room */
  uint64_t entries, bytes, max_bytes; /* now */
  /* The fields above are there since 0.1. */
} heim_cache_stats;
#define HEIM_CACHE_STATS_INIT \
  { sizeof(heim_cache_stats), 0, 0, 0, 0, 0, 0, 0, 0 }

/* [any thread] */
HEIM_API HEIM_MUST_USE heim_status heim_cache_get_stats(const heim_cache* cache,
                                                        heim_cache_stats* out, heim_error* error);

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_PARTS_H */
