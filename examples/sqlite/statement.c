/* Statements: each is prepared, stepped through and told, by PostgreSQL's rules for transactions.
 * What is said to an answer that nobody waits for any more fails, and may do so. */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "words.h"

static void reply_text(heim_reply reply, const char* sqlstate, const char* message) {
  (void)heim_reply_error(reply, sqlstate, message, NULL, NULL);
}

static int run_plain(connection* self, const char* sql, heim_reply reply) {
  if (sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK) return 1;
  reply_failure(reply, self->db);
  return 0;
}

/* ---- one statement -------------------------------------------- */

static int reply_row(columns* all, sqlite3_stmt* statement, heim_reply reply) {
  const int bad = columns_read(all, statement);
  if (bad < 0) return heim_reply_row(reply, all->row, all->count, NULL) == HEIM_OK;
  (void)heim_reply_error(reply, "22P02", "a value is not of its column's type", all->names[bad],
                         NULL);
  return 0;
}

/* It is on its first row, or at its end: `code` says which. */
static int reply_rows(connection* self, sqlite3_stmt* statement, int code, heim_reply reply) {
  columns all;
  int goes_on = columns_open(&all, statement) &&
                heim_reply_columns(reply, all.names, all.types, all.count, NULL) == HEIM_OK;
  while (goes_on && code == SQLITE_ROW) {
    goes_on = reply_row(&all, statement, reply);
    if (goes_on) code = sqlite3_step(statement);
  }
  columns_close(&all);
  if (!goes_on) return 0;
  if (code == SQLITE_DONE) return 1;
  reply_failure(reply, self->db);
  return 0;
}

/* What comes in binary is bytes; but for types that the library could not turn into text. */
static int is_known(const heim_statement* given) {
  size_t i;
  for (i = 0; i < given->value_count; ++i) {
    const heim_value* value = &given->values[i];
    if (value->data && value->format == HEIM_FORMAT_BINARY && value->type != type_bytea) return 0;
  }
  return 1;
}

/* 0: it failed, and that was said. */
static int run(connection* self, sqlite3_stmt* statement, const heim_statement* given,
               heim_reply reply) {
  const char* sql = sqlite3_sql(statement);
  const int has_rows = sqlite3_column_count(statement) > 0;
  char tag[64];
  int code;
  if (parameter_count(statement) > given->value_count) {
    reply_text(reply, "42P02", "there are fewer values than parameters");
    return 0;
  }
  if (!is_known(given)) {
    reply_text(reply, "0A000", "a value has a type that is not taken in binary format");
    return 0;
  }
  code = bind_values(statement, given->values, given->value_count);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    reply_failure(reply, self->db);
    return 0;
  }
  if (has_rows && !reply_rows(self, statement, code, reply)) return 0;
  tag_of(sql, sqlite3_changes64(self->db), tag, sizeof tag);
  (void)heim_reply_complete(reply, has_rows && sqlite3_stmt_readonly(statement) ? NULL : tag, NULL);
  return 1;
}

/* ---- transactions -------------------------------------------- */

static int begin(connection* self, heim_reply reply) {
  if (self->in_block) {
    reply_text(reply, "25001", "there is already a transaction in progress");
    return 0;
  }
  if (self->implicit) {
    self->implicit = 0; /* what the text did before belongs to it */
  } else if (!run_plain(self, "BEGIN", reply)) {
    return 0;
  }
  self->in_block = 1;
  (void)heim_reply_complete(reply, "BEGIN", NULL);
  return 1;
}

/* Some failures have ended SQLite's transaction before the client does. */
static int end(connection* self, control how, heim_reply reply) {
  const int commits = how == CONTROL_COMMIT && !self->is_failed;
  const int is_open = !sqlite3_get_autocommit(self->db);
  if (is_open && !run_plain(self, commits ? "COMMIT" : "ROLLBACK", reply)) return 0;
  self->in_block = self->is_failed = self->implicit = 0;
  (void)heim_reply_complete(reply, commits ? "COMMIT" : "ROLLBACK", NULL);
  return 1;
}

static int run_one(connection* self, sqlite3_stmt* statement, const heim_statement* given,
                   heim_reply reply) {
  int to_savepoint;
  const control how = control_of(sqlite3_sql(statement), &to_savepoint);
  if (self->is_failed && how != CONTROL_COMMIT && how != CONTROL_ROLLBACK && !to_savepoint) {
    reply_text(reply, "25P02",
               "current transaction is aborted, commands ignored until end of transaction block");
    return 0;
  }
  if (how == CONTROL_BEGIN) return begin(self, reply);
  if (how != CONTROL_NONE) return end(self, how, reply);
  if (!run(self, statement, given, reply)) return 0;
  if (to_savepoint) self->is_failed = 0;
  return 1;
}

/* ---- texts -------------------------------------------- */

/* PostgreSQL's forms of BEGIN have words that SQLite does not know: they are run as its own. */
static int prepare(connection* self, const char* sql, sqlite3_stmt** out, const char** rest) {
  int to_savepoint;
  const control how = control_of(sql, &to_savepoint);
  const char* end = sql + strcspn(sql, ";");
  if (how != CONTROL_BEGIN && how != CONTROL_ROLLBACK && how != CONTROL_COMMIT) {
    return sqlite3_prepare_v2(self->db, sql, -1, out, rest);
  }
  *rest = *end ? end + 1 : end;
  return sqlite3_prepare_v2(self->db,
                            how == CONTROL_BEGIN    ? "BEGIN"
                            : how == CONTROL_COMMIT ? "COMMIT"
                                                    : "ROLLBACK",
                            -1, out, NULL);
}

/* Whether there is another statement. One that cannot be prepared yet is one. */
static int has_more(connection* self, const char* rest) {
  sqlite3_stmt* next = NULL;
  const char* behind;
  const int code = *rest ? prepare(self, rest, &next, &behind) : SQLITE_OK;
  const int more = code != SQLITE_OK || next != NULL;
  sqlite3_finalize(next);
  return more;
}

/* Before the first statement of a text, with `rest` behind it. 0: it must not be run. */
static int may_begin(connection* self, const heim_statement* given, const char* rest,
                     heim_reply reply) {
  if (!has_more(self, rest)) return 1;
  if (!given->simple) {
    reply_text(reply, "42601", "cannot insert multiple commands into a prepared statement");
    return 0;
  }
  if (!self->in_block) self->implicit = run_plain(self, "BEGIN", reply);
  return self->in_block || self->implicit;
}

static int run_text(connection* self, const heim_statement* given, heim_reply reply) {
  const char* sql = given->sql;
  int is_first = 1, goes_on = 1;
  while (goes_on && *sql) {
    sqlite3_stmt* statement = NULL;
    const char* rest = sql;
    goes_on = prepare(self, sql, &statement, &rest) == SQLITE_OK;
    if (!goes_on) reply_failure(reply, self->db);
    if (statement && is_first) goes_on = may_begin(self, given, rest, reply);
    if (statement && goes_on) goes_on = run_one(self, statement, given, reply);
    is_first &= !statement;
    sqlite3_finalize(statement);
    sql = rest;
  }
  return goes_on;
}

static heim_transaction state_of(const connection* self) {
  if (!self->in_block) return HEIM_TRANSACTION_NONE;
  return self->is_failed ? HEIM_TRANSACTION_FAILED : HEIM_TRANSACTION_OPEN;
}

void sqlite_execute(void* connection_, const heim_statement* statement, heim_reply reply,
                    void* user_data) {
  connection* self = connection_;
  int done = run_text(self, statement, reply);
  (void)user_data;
  if (self->implicit) {
    if (done) done = run_plain(self, "COMMIT", reply);
    if (!done) (void)sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    self->implicit = 0;
  }
  if (!done && self->in_block) self->is_failed = 1;
  (void)heim_reply_end(reply, state_of(self), NULL);
}

/* ---- descriptions -------------------------------------------- */

/* Reads may be begun to see what they give: the types of expressions are those of the first row. */
static void describe(connection* self, sqlite3_stmt* statement, const heim_statement* given,
                     heim_reply reply) {
  const size_t count = parameter_count(statement);
  uint32_t* types = calloc(count + 1, sizeof *types);
  columns all;
  if (types) (void)heim_reply_parameters(reply, types, count, NULL);
  free(types);
  if (sqlite3_column_count(statement) == 0) return;
  if (sqlite3_stmt_readonly(statement) && !self->is_failed && given->value_count >= count &&
      bind_values(statement, given->values, given->value_count) == SQLITE_OK) {
    (void)sqlite3_step(statement); /* what fails now fails when it is run */
  }
  if (columns_open(&all, statement)) {
    (void)heim_reply_columns(reply, all.names, all.types, all.count, NULL);
  }
  columns_close(&all);
}

void sqlite_describe(void* connection_, const heim_statement* statement, heim_reply reply,
                     void* user_data) {
  connection* self = connection_;
  sqlite3_stmt* made = NULL;
  const char* rest;
  (void)user_data;
  if (prepare(self, statement->sql, &made, &rest) != SQLITE_OK) {
    reply_failure(reply, self->db);
  } else if (made) {
    describe(self, made, statement, reply);
  }
  sqlite3_finalize(made);
  (void)heim_reply_end(reply, HEIM_TRANSACTION_NONE, NULL);
}
