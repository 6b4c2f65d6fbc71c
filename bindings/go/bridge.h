/* What Go calls: one call for much, since each costs, and nothing that calls Go. A notice or a line
 * of the log is put where Go fetches it: no thread of the library waits for Go's scheduler, and no
 * lock of the library is held meanwhile. */
#ifndef HEIM_BINDINGS_GO_BRIDGE_H
#define HEIM_BINDINGS_GO_BRIDGE_H

#include "heimproxy/heimproxy.h"

/* ---- Proxy --------------------------------------------------------------------------------- */

typedef struct heimgo_settings {
  heim_log_level log_level;
  int log_socket; /* where each line is a message, its first byte the level's digit; -1: no log */
  uint32_t seats;
  uint32_t sidecar;
} heimgo_settings;

/* Loads `file`, or `length` bytes of `text` if it is NULL; opens and starts the proxy. What is
 * wrong with the configuration is in `*diagnostics`, which is to be freed. */
heim_status heimgo_open(const char* file, const char* text, size_t length,
                        const heimgo_settings* settings, heim_proxy** out, char** diagnostics,
                        heim_error* error);

/* ---- Session ------------------------------------------------------------------------------- */

typedef struct heimgo_cell {
  const unsigned char* data; /* NULL: NULL */
  size_t length;
} heimgo_cell;

typedef struct heimgo_notices heimgo_notices;

typedef struct heimgo_session {
  heim_session* session;
  heim_error error; /* the last call's, if it failed */
  heimgo_notices* notices;
  int has_notices;
  const heim_result* result; /* the last call's; NULL: there is no more */
  heim_kind kind;            /* what follows is about it */
  const char* tag;
  uint64_t affected;
  size_t rows, columns;
  heim_column* column_list; /* heimgo_columns() */
  heimgo_cell* cells;       /* heimgo_cells() */
  size_t column_room, cell_room;
} heimgo_session;

/* `texts`: user, database, password, application_name, then `settings` names and values, each ended
 * by a zero. An empty one of the first four is none. */
heim_status heimgo_session_open(heim_proxy* proxy, const char* texts, size_t settings,
                                size_t result_bytes_max, int wants_notices, heimgo_session** out,
                                heim_error* error);
void heimgo_session_close(heimgo_session* s);

#define HEIMGO_NULL SIZE_MAX

/* A parameter in a request's text. */
typedef struct heimgo_value {
  size_t at, length; /* length HEIMGO_NULL: NULL */
  uint32_t format;
} heimgo_value;

enum { HEIMGO_STATEMENT = 1, HEIMGO_START = 2 };

/* Runs the SQL that `text` begins with, or with HEIMGO_STATEMENT the statement of that name; rows
 * come in portions. With HEIMGO_START it does not wait. */
heim_status heimgo_run(heimgo_session* s, const char* text, const heimgo_value* values,
                       size_t count, int flags);
heim_status heimgo_finish(heimgo_session* s);
heim_status heimgo_query(heimgo_session* s, const char* sql);
heim_status heimgo_next(heimgo_session* s);
heim_status heimgo_prepare(heimgo_session* s, const char* name, const char* sql);
heim_status heimgo_deallocate(heimgo_session* s, const char* name);
heim_status heimgo_rollback(heimgo_session* s);
heim_status heimgo_copy_write(heimgo_session* s, const void* data, size_t length);
heim_status heimgo_copy_end(heimgo_session* s, const char* reason);
heim_status heimgo_copy_read(heimgo_session* s, const void** data, size_t* length);
/* TIMED_OUT: there is none. */
heim_status heimgo_notification(heimgo_session* s, heim_notification* out);

/* Fill column_list, or cells with the values of `count` rows from `first` on. 0: out of memory. */
int heimgo_columns(heimgo_session* s);
int heimgo_cells(heimgo_session* s, size_t first, size_t count);

/* The notices since the last call, oldest first; each is to be freed. Its texts are fields, each a
 * letter and a text ended by a zero; a zero ends them. */
typedef struct heimgo_notice {
  struct heimgo_notice* next;
  char fields[1];
} heimgo_notice;
heimgo_notice* heimgo_take_notices(heimgo_session* s);

/* Between bridge.c and notices.c. */
heimgo_notices* heimgo_notices_new(void);
void heimgo_notices_free(heimgo_notices* notices);
void heimgo_note(const heim_notice* notice, void* user_data);
int heimgo_notices_waiting(heimgo_notices* notices);

/* Whether the descriptor is, without waiting. */
int heimgo_readable(int descriptor);

#endif
