/* Connections: opened, canceled, closed. */
#include "backend.h"

#include <stdio.h>
#include <stdlib.h>

/* How long one that writes waits for another. */
enum { busy_timeout_ms = 2000 };

static heim_status sqlite_open(const char* user, const char* database, void** out,
                               heim_error* error, void* user_data) {
  const char* path = user_data;
  connection* self = calloc(1, sizeof *self);
  (void)user, (void)database; /* one file for all */
  if (!self) return HEIM_NO_MEMORY;
  if (sqlite3_open(path, &self->db) != SQLITE_OK ||
      sqlite3_exec(self->db, "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON", NULL, NULL,
                   NULL) != SQLITE_OK) {
    snprintf(error->sqlstate, sizeof error->sqlstate, "58030");
    snprintf(error->message, sizeof error->message, "%s: %s", path, sqlite3_errmsg(self->db));
    sqlite3_close(self->db);
    free(self);
    return HEIM_SYSTEM;
  }
  sqlite3_busy_timeout(self->db, busy_timeout_ms);
  *out = self;
  return HEIM_OK;
}

/* A client that leaves amid a transaction has it rolled back by this. */
static void sqlite_close(void* connection_, void* user_data) {
  connection* self = connection_;
  (void)user_data;
  sqlite3_close(self->db);
  free(self);
}

static void sqlite_cancel(void* connection_, void* user_data) {
  connection* self = connection_;
  (void)user_data;
  sqlite3_interrupt(self->db);
}

/* There is no reset: temporary tables and pragmas go with the handle, and a file is opened soon. */
heim_query_backend sqlite_backend(const char* path) {
  heim_query_backend backend = HEIM_QUERY_BACKEND_INIT;
  backend.open = sqlite_open;
  backend.execute = sqlite_execute;
  backend.describe = sqlite_describe;
  backend.cancel = sqlite_cancel;
  backend.close = sqlite_close;
  backend.user_data = (void*)path;
  return backend;
}
