#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { word_max = 24 };

static const char* skip_blank(const char* at) {
  for (;;) {
    while (isspace((unsigned char)*at) || *at == ';') ++at;
    if (at[0] == '-' && at[1] == '-') {
      at += strcspn(at, "\n");
    } else if (at[0] == '/' && at[1] == '*') {
      const char* end = strstr(at + 2, "*/");
      at = end ? end + 2 : at + strlen(at);
    } else {
      return at;
    }
  }
}

/* The next word, in capitals; returns what is behind it. */
static const char* next_word(const char* at, char* to) {
  size_t size = 0;
  for (at = skip_blank(at); isalpha((unsigned char)*at); ++at) {
    if (size + 1 < word_max) to[size++] = (char)toupper((unsigned char)*at);
  }
  to[size] = '\0';
  return at;
}

static int is(const char* word, const char* other) { return strcmp(word, other) == 0; }

control control_of(const char* sql, int* to_savepoint) {
  char word[word_max], next[word_max];
  const char* rest = next_word(sql, word);
  *to_savepoint = 0;
  if (is(word, "BEGIN") || is(word, "START")) return CONTROL_BEGIN;
  if (is(word, "COMMIT") || is(word, "END")) return CONTROL_COMMIT;
  if (is(word, "ABORT")) return CONTROL_ROLLBACK;
  if (!is(word, "ROLLBACK")) return CONTROL_NONE;
  rest = next_word(rest, next);
  if (is(next, "TRANSACTION") || is(next, "WORK")) next_word(rest, next);
  *to_savepoint = is(next, "TO");
  return *to_savepoint ? CONTROL_NONE : CONTROL_ROLLBACK;
}

void tag_of(const char* sql, long long changes, char* to, unsigned long size) {
  char word[word_max], next[word_max];
  const char* rest = next_word(sql, word);
  if (is(word, "INSERT") || is(word, "REPLACE") || is(word, "WITH")) {
    snprintf(to, size, "INSERT 0 %lld", changes);
  } else if (is(word, "UPDATE") || is(word, "DELETE")) {
    snprintf(to, size, "%s %lld", word, changes);
  } else if (is(word, "CREATE") || is(word, "DROP") || is(word, "ALTER")) {
    next_word(rest, next);
    snprintf(to, size, "%s %s", word, next);
  } else {
    snprintf(to, size, "%s", word);
  }
}
