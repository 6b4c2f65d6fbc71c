/* SQLite gives types to values, PostgreSQL to columns: a column has the type that its declaration
 * says, an expression that of its first row. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend.h"

static int has(const char* declared, const char* part) {
  const size_t size = strlen(part);
  for (; *declared; ++declared) {
    if (strncasecmp(declared, part, size) == 0) return 1;
  }
  return 0;
}

/* As SQLite finds a column's affinity, and BOOLEAN beside. */
static uint32_t declared_type(const char* declared) {
  if (has(declared, "BOOL")) return type_bool;
  if (has(declared, "INT")) return type_int8;
  if (has(declared, "CHAR") || has(declared, "CLOB") || has(declared, "TEXT")) return type_text;
  if (has(declared, "BLOB")) return type_bytea;
  if (has(declared, "REAL") || has(declared, "FLOA") || has(declared, "DOUB")) return type_float8;
  if (has(declared, "NUMERIC") || has(declared, "DECIMAL")) return type_numeric;
  return type_text;
}

static uint32_t type_of_value(int value_type) {
  switch (value_type) {
    case SQLITE_INTEGER:
      return type_int8;
    case SQLITE_FLOAT:
      return type_float8;
    case SQLITE_BLOB:
      return type_bytea;
    default:
      return type_text;
  }
}

int columns_open(columns* self, sqlite3_stmt* statement) {
  size_t i;
  memset(self, 0, sizeof *self);
  self->count = (size_t)sqlite3_column_count(statement);
  self->names = calloc(self->count + 1, sizeof *self->names);
  self->types = calloc(self->count + 1, sizeof *self->types);
  self->row = calloc(self->count + 1, sizeof *self->row);
  self->numbers = calloc(self->count + 1, sizeof *self->numbers);
  if (!self->names || !self->types || !self->row || !self->numbers) return 0;
  for (i = 0; i < self->count; ++i) {
    const char* declared = sqlite3_column_decltype(statement, (int)i);
    self->names[i] = sqlite3_column_name(statement, (int)i);
    if (!self->names[i]) return 0;
    self->types[i] =
        declared ? declared_type(declared) : type_of_value(sqlite3_column_type(statement, (int)i));
  }
  return 1;
}

void columns_close(columns* self) {
  free(self->names);
  free(self->types);
  free(self->row);
  free(self->numbers);
}

static void put_be64(unsigned char* to, uint64_t value) {
  int i;
  for (i = 7; i >= 0; --i, value >>= 8) to[i] = (unsigned char)value;
}

/* In binary: SQLite's own text of a number has 15 digits. */
static void put_double(heim_value* value, unsigned char* number, double real) {
  uint64_t bits;
  memcpy(&bits, &real, sizeof bits);
  put_be64(number, bits);
  value->data = number;
  value->length = 8;
  value->format = HEIM_FORMAT_BINARY;
}

static void put_text(heim_value* value, sqlite3_stmt* statement, int column) {
  value->data = sqlite3_column_text(statement, column);
  value->length = (size_t)sqlite3_column_bytes(statement, column);
  value->format = HEIM_FORMAT_TEXT;
  if (!value->data) value->data = "";
}

static void put_bytes(heim_value* value, sqlite3_stmt* statement, int column) {
  value->data = sqlite3_column_blob(statement, column);
  value->length = (size_t)sqlite3_column_bytes(statement, column);
  value->format = HEIM_FORMAT_BINARY;
  if (!value->data) value->data = ""; /* it is empty, not NULL */
}

/* 0: it is none of its column's type. */
static int read_value(columns* self, sqlite3_stmt* statement, int column) {
  const int is = sqlite3_column_type(statement, column);
  heim_value* value = &self->row[column];
  memset(value, 0, sizeof *value);
  if (is == SQLITE_NULL) return 1;
  switch (self->types[column]) {
    case type_bool:
      if (is != SQLITE_INTEGER) return 0;
      value->data = sqlite3_column_int64(statement, column) ? "t" : "f";
      value->length = 1;
      return 1;
    case type_int8:
      if (is != SQLITE_INTEGER) return 0;
      put_text(value, statement, column);
      return 1;
    case type_float8:
      if (is != SQLITE_INTEGER && is != SQLITE_FLOAT) return 0;
      put_double(value, self->numbers[column], sqlite3_column_double(statement, column));
      return 1;
    case type_numeric:
      if (is != SQLITE_INTEGER && is != SQLITE_FLOAT) return 0;
      put_text(value, statement, column);
      return 1;
    case type_bytea:
      put_bytes(value, statement, column);
      return 1;
    default:
      put_text(value, statement, column);
      return 1;
  }
}

int columns_read(columns* self, sqlite3_stmt* statement) {
  size_t i;
  for (i = 0; i < self->count; ++i) {
    if (!read_value(self, statement, (int)i)) return (int)i;
  }
  return -1;
}

/* ---- parameters ------------------------------------------------------------------------------ */

/* Which of the values: $7 is the seventh wherever it stands. */
static size_t number_of(sqlite3_stmt* statement, int index) {
  const char* name = sqlite3_bind_parameter_name(statement, index);
  const unsigned long number = name && name[0] == '$' ? strtoul(name + 1, NULL, 10) : 0;
  return number > 0 && number <= 65535 ? (size_t)number : (size_t)index;
}

size_t parameter_count(sqlite3_stmt* statement) {
  const int count = sqlite3_bind_parameter_count(statement);
  size_t most = 0;
  int i;
  for (i = 1; i <= count; ++i) {
    if (number_of(statement, i) > most) most = number_of(statement, i);
  }
  return most;
}

static int bind_one(sqlite3_stmt* statement, int index, const heim_value* value) {
  const char* text = value->data; /* numbers are text here, and a zero follows */
  if (!text) return sqlite3_bind_null(statement, index);
  switch (value->type) {
    case type_bool:
      return sqlite3_bind_int64(statement, index, text[0] == 't' || text[0] == '1');
    case type_int2:
    case type_int4:
    case type_int8:
    case type_oid:
      return sqlite3_bind_int64(statement, index, strtoll(text, NULL, 10));
    case type_float4:
    case type_float8:
      return sqlite3_bind_double(statement, index, strtod(text, NULL));
    case type_bytea:
      return sqlite3_bind_blob64(statement, index, text, value->length, SQLITE_TRANSIENT);
    default:
      return sqlite3_bind_text64(statement, index, text, value->length, SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
  }
}

int bind_values(sqlite3_stmt* statement, const heim_value* values, size_t count) {
  const int wanted = sqlite3_bind_parameter_count(statement);
  int i;
  for (i = 1; i <= wanted; ++i) {
    const size_t number = number_of(statement, i);
    const int code = number <= count ? bind_one(statement, i, &values[number - 1]) : SQLITE_RANGE;
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}
