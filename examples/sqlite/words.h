/* The words that a statement begins with: what PostgreSQL calls it, and whether it is about a
 * transaction. */
#ifndef HEIM_EXAMPLES_SQLITE_WORDS_H
#define HEIM_EXAMPLES_SQLITE_WORDS_H

typedef enum control { CONTROL_NONE, CONTROL_BEGIN, CONTROL_COMMIT, CONTROL_ROLLBACK } control;

/* ROLLBACK TO a savepoint is no control; it may run where a transaction has failed, as
 * `*to_savepoint` says. */
control control_of(const char* sql, int* to_savepoint);

/* "INSERT 0 3", "CREATE TABLE". */
void tag_of(const char* sql, long long changes, char* to, unsigned long size);

#endif
