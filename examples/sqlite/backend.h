/* SQLite as a backend of heimproxy: one sqlite3 handle for each server connection. */
#ifndef HEIM_EXAMPLES_SQLITE_BACKEND_H
#define HEIM_EXAMPLES_SQLITE_BACKEND_H

#include <heimproxy/backend.h>
#include <sqlite3.h>

/* A server connection. */
typedef struct connection {
  sqlite3* db;
  int in_block;  /* the client has begun a transaction */
  int is_failed; /* something in it failed: only its end is run */
  int implicit;  /* a text of several statements is one transaction */
} connection;

/* The backend for a file; `path` outlives the proxy. */
heim_query_backend sqlite_backend(const char* path);

/* statement.c: what is asked of a connection. */
void sqlite_execute(void* self, const heim_statement* statement, heim_reply reply, void* user_data);
void sqlite_describe(void* self, const heim_statement* statement, heim_reply reply,
                     void* user_data);

/* Numbers of pg_type. */
enum {
  type_bool = 16,
  type_bytea = 17,
  type_int8 = 20,
  type_int2 = 21,
  type_int4 = 23,
  type_text = 25,
  type_oid = 26,
  type_float4 = 700,
  type_float8 = 701,
  type_numeric = 1700
};

/* values.c: values and their types, both ways. */
typedef struct columns {
  size_t count;
  const char** names;
  uint32_t* types;
  heim_value* row;
  unsigned char (*numbers)[8]; /* of the row, in binary */
} columns;
/* Of a statement that is on its first row, or has none. 0: no memory. */
int columns_open(columns* self, sqlite3_stmt* statement);
void columns_close(columns* self);
/* The row that the statement is on. The column that holds what its type cannot; else -1. */
int columns_read(columns* self, sqlite3_stmt* statement);
int bind_values(sqlite3_stmt* statement, const heim_value* values, size_t count);
size_t parameter_count(sqlite3_stmt* statement);

/* errors.c */
void reply_failure(heim_reply reply, sqlite3* db);

#endif
