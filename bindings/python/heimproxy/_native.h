/* What the files of the extension share. */
#ifndef HEIMPROXY_PYTHON_NATIVE_H
#define HEIMPROXY_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "heimproxy/heimproxy.h"

typedef struct {
  PyObject_HEAD
  heim_proxy* proxy; /* NULL: closed */
} Proxy;

typedef struct {
  PyObject_HEAD
  heim_session* session; /* NULL: closed */
  Proxy* proxy;          /* lives as long */
} Session;

extern PyTypeObject ProxyType, SessionType;

/* Raises what `error` says, with the fields that `session` knows of it; `session` may be NULL.
 * Always NULL. */
PyObject* raise_error(const heim_error* error, heim_session* session);

/* (kind, tag, affected, columns, rows). `converters`: from a type's oid to what makes a value of
 * its text. */
PyObject* result_object(const heim_result* result, PyObject* converters);

#endif
