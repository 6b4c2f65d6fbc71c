/* What the files of the extension share. */
#ifndef HEIMPROXY_PYTHON_NATIVE_H
#define HEIMPROXY_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "heimproxy/heimproxy.h"

typedef struct {
  PyObject_HEAD heim_proxy* proxy; /* NULL: closed */
  size_t users;                    /* who is within a call of it; as `proxy`, under the GIL */
  PyThread_type_lock used;         /* taken while there are any */
  PyThread_type_lock lent;         /* for texts that the next call makes invalid */
  int log_socket; /* its own; each line is a message, its first byte the level's digit; -1: none */
} Proxy;

typedef struct {
  PyObject_HEAD heim_session* session; /* NULL: closed */
  Proxy* proxy;                        /* lives as long */
  /* cancel() comes without the Connection's lock: the session is not freed under it. */
  PyThread_type_lock canceled;
  int waits; /* else a call that would wait raises BlockingIOError */
} Session;

/* A call of a session that may wait. */
typedef struct {
  Session* self;
  heim_session* session; /* NULL: it is closed, and there is an exception */
  heim_status status;
  int again;
  uint64_t deadline;
  const heim_result* result;
  heim_error error;
} Call;

extern PyTypeObject ProxyType, SessionType;

/* Without the GIL, which whoever has the lock may wait for. */
void take_lock(PyThread_type_lock lock);

/* To be left again; close waits for that. NULL with an exception: it is closed. */
heim_proxy* enter_proxy(Proxy* self);
void leave_proxy(Proxy* self);

/* NULL with an exception: it is closed. */
heim_session* opened(PyObject* object);
Call begin_call(PyObject* object);
/* Waits on where the call's patience was at its end, and runs signal handlers meanwhile. 0 with an
 * exception. */
int end_call(Call* call);
uint64_t now_ns(void);
/* How long a call with a deadline may go without a look at signals. */
uint64_t time_slice(const Call* call);

int session_init(PyObject* object, PyObject* arguments, PyObject* keywords);
PyObject* session_close(PyObject* object, PyObject* unused);
void session_dealloc(PyObject* object);

/* Raises what `error` says, with the fields that `session` knows of it; `session` may be NULL.
 * Always NULL. */
PyObject* raise_error(const heim_error* error, heim_session* session);

/* (kind, tag, affected, columns, rows). `converters`: from a type's oid to what makes a value of
 * its text. */
PyObject* result_object(const heim_result* result, PyObject* converters);

#endif
