/* parts.h -- parts of the engine for programs that have no proxy: the router.
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
 * a rule is wrong. SYSTEM: there is no thread. */
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

#ifdef __cplusplus
}
#endif
#endif /* HEIMPROXY_PARTS_H */
