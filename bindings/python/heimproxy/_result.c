/* From a result, where it lies, to Python's values. */
#include "_native.h"

/* pg_type's numbers, which never change. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_OID = 26 };
enum { OID_FLOAT4 = 700, OID_FLOAT8 = 701 };

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* "\x00ff" */
static PyObject* bytes_object(const char* text, size_t length) {
  PyObject* bytes;
  char* to;
  size_t i;
  if (length < 2 || text[0] != '\\' || text[1] != 'x') {
    PyErr_SetString(PyExc_ValueError, "bytea_output is not hex");
    return NULL;
  }
  bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(length - 2) / 2);
  if (!bytes) return NULL;
  to = PyBytes_AS_STRING(bytes);
  for (i = 2; i + 1 < length; i += 2)
    *to++ = (char)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
  return bytes;
}

static PyObject* text_object(const char* text, size_t length) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, NULL);
}

static PyObject* converted(PyObject* converter, const char* text, size_t length) {
  PyObject *value = text_object(text, length), *made;
  if (!value) return NULL;
  made = PyObject_CallOneArg(converter, value);
  Py_DECREF(value);
  return made;
}

/* One value that is not NULL. */
static PyObject* value_object(const heim_result* result, size_t row, size_t column, uint32_t type,
                              PyObject* converter) {
  size_t length = 0;
  const char* text = heim_result_value(result, row, column, &length);
  heim_error error;
  int64_t whole;
  double real;
  switch (type) {
    case OID_BOOL:
      return PyBool_FromLong(length == 1 && text[0] == 't');
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
      if (heim_result_int64(result, row, column, &whole, &error) != HEIM_OK)
        return raise_error(&error, NULL);
      return PyLong_FromLongLong(whole);
    case OID_FLOAT4:
    case OID_FLOAT8:
      if (heim_result_double(result, row, column, &real, &error) != HEIM_OK)
        return raise_error(&error, NULL);
      return PyFloat_FromDouble(real);
    case OID_BYTEA:
      return bytes_object(text, length);
    default:
      return converter ? converted(converter, text, length) : text_object(text, length);
  }
}

static PyObject* column_object(const heim_result* result, size_t index, uint32_t* type) {
  heim_column column;
  heim_error error;
  column.struct_size = sizeof column;
  if (heim_result_column(result, index, &column, &error) != HEIM_OK)
    return raise_error(&error, NULL);
  *type = column.type;
  return Py_BuildValue("(sIii)", column.name, (unsigned)column.type, (int)column.type_size,
                       (int)column.modifier);
}

struct shape {
  size_t columns;
  uint32_t* types;
  PyObject** converters; /* borrowed; NULL: none */
};

static PyObject* columns_object(const heim_result* result, PyObject* converters,
                                struct shape* shape) {
  PyObject* list = PyList_New((Py_ssize_t)shape->columns);
  size_t i;
  for (i = 0; list && i < shape->columns; ++i) {
    PyObject *column = column_object(result, i, &shape->types[i]), *key;
    if (!column) {
      Py_CLEAR(list);
      break;
    }
    PyList_SET_ITEM(list, (Py_ssize_t)i, column);
    key = PyLong_FromUnsignedLong(shape->types[i]);
    shape->converters[i] = key ? PyDict_GetItem(converters, key) : NULL;
    Py_XDECREF(key);
  }
  return list;
}

static PyObject* row_object(const heim_result* result, size_t row, const struct shape* shape) {
  PyObject* tuple = PyTuple_New((Py_ssize_t)shape->columns);
  size_t i;
  for (i = 0; tuple && i < shape->columns; ++i) {
    PyObject* value;
    if (heim_result_is_null(result, row, i)) {
      Py_INCREF(Py_None);
      value = Py_None;
    } else {
      value = value_object(result, row, i, shape->types[i], shape->converters[i]);
    }
    if (!value) {
      Py_CLEAR(tuple);
      break;
    }
    PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, value);
  }
  return tuple;
}

static PyObject* rows_object(const heim_result* result, const struct shape* shape) {
  const size_t count = heim_result_rows(result);
  PyObject* list = PyList_New((Py_ssize_t)count);
  size_t i;
  for (i = 0; list && i < count; ++i) {
    PyObject* row = row_object(result, i, shape);
    if (!row) {
      Py_CLEAR(list);
      break;
    }
    PyList_SET_ITEM(list, (Py_ssize_t)i, row);
  }
  return list;
}

PyObject* result_object(const heim_result* result, PyObject* converters) {
  struct shape shape;
  PyObject *columns = NULL, *rows = NULL, *made = NULL;
  shape.columns = heim_result_columns(result);
  shape.types = PyMem_Calloc(shape.columns + 1, sizeof *shape.types);
  shape.converters = PyMem_Calloc(shape.columns + 1, sizeof *shape.converters);
  if (!shape.types || !shape.converters) {
    PyErr_NoMemory();
  } else {
    columns = columns_object(result, converters, &shape);
    if (columns)
      rows =
          heim_result_kind(result) == HEIM_KIND_ROWS ? rows_object(result, &shape) : PyList_New(0);
    if (rows)
      made = Py_BuildValue("(isKOO)", (int)heim_result_kind(result), heim_result_tag(result),
                           (unsigned long long)heim_result_affected(result), columns, rows);
  }
  Py_XDECREF(columns);
  Py_XDECREF(rows);
  PyMem_Free(shape.types);
  PyMem_Free(shape.converters);
  return made;
}
