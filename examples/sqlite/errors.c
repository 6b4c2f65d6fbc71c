/* SQLite's errors by PostgreSQL's SQLSTATEs, by which drivers tell them apart. */
#include <string.h>

#include "backend.h"

typedef struct by_code {
  int code;
  const char* sqlstate;
} by_code;

/* Extended codes first: the low byte of each is the code it belongs to. */
static const by_code codes[] = {
    {SQLITE_CONSTRAINT_UNIQUE, "23505"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, "23505"},
    {SQLITE_CONSTRAINT_ROWID, "23505"},
    {SQLITE_CONSTRAINT_NOTNULL, "23502"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, "23503"},
    {SQLITE_CONSTRAINT_CHECK, "23514"},
    {SQLITE_BUSY_SNAPSHOT, "40001"}, /* what it read has changed: begin anew */
    {SQLITE_CONSTRAINT, "23000"},
    {SQLITE_BUSY, "55P03"},
    {SQLITE_LOCKED, "55P03"},
    {SQLITE_INTERRUPT, "57014"},
    {SQLITE_READONLY, "25006"},
    {SQLITE_NOMEM, "53200"},
    {SQLITE_FULL, "53100"},
    {SQLITE_IOERR, "58030"},
    {SQLITE_CORRUPT, "XX001"},
    {SQLITE_NOTADB, "XX001"},
    {SQLITE_TOOBIG, "54000"},
    {SQLITE_MISMATCH, "42804"},
    {SQLITE_AUTH, "42501"},
    {SQLITE_RANGE, "08P01"},
};

typedef struct by_text {
  const char* part;
  const char* sqlstate;
} by_text;

/* What is wrong with a statement, SQLite says in words only. */
static const by_text texts[] = {
    {"no such table", "42P01"},      {"no such column", "42703"}, {"no such function", "42883"},
    {"already exists", "42P07"},     {"syntax error", "42601"},   {"incomplete input", "42601"},
    {"unrecognized token", "42601"},
};

static const char* sqlstate_of(int code, const char* message) {
  size_t i;
  for (i = 0; i < sizeof codes / sizeof *codes; ++i) {
    if (codes[i].code == code) return codes[i].sqlstate;
  }
  for (i = 0; i < sizeof codes / sizeof *codes; ++i) {
    if (codes[i].code == (code & 0xff)) return codes[i].sqlstate;
  }
  for (i = 0; i < sizeof texts / sizeof *texts; ++i) {
    if (strstr(message, texts[i].part)) return texts[i].sqlstate;
  }
  return "42000";
}

void reply_failure(heim_reply reply, sqlite3* db) {
  const char* message = sqlite3_errmsg(db);
  (void)heim_reply_error(reply, sqlstate_of(sqlite3_extended_errcode(db), message), message, NULL,
                         NULL);
}
