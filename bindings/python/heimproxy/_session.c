/* Sessions. Whoever calls one holds its Connection's lock: a handle is one thread's at a time. */
#include "_native.h"

static int session_init(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"proxy",    "user", "database", "password", "application_name",
                          "settings", NULL};
  Session* self = (Session*)object;
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  PyObject *proxy = NULL, *settings = NULL;
  heim_session* session = NULL;
  heim_proxy* entered = NULL;
  const char** items;
  heim_error error;
  heim_status status;
  Py_ssize_t i, count;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!szzzO!", names, &ProxyType, &proxy,
                                   &options.user, &options.database, &options.password,
                                   &options.application_name, &PyList_Type, &settings))
    return -1;
  if (self->canceled) {
    PyErr_SetString(PyExc_ValueError, "a session is opened once");
    return -1;
  }
  self->canceled = PyThread_allocate_lock();
  if (!self->canceled) {
    PyErr_NoMemory();
    return -1;
  }
  count = PyList_GET_SIZE(settings);
  items = PyMem_Calloc((size_t)count + 1, sizeof *items);
  for (i = 0; items && i < count; ++i) {
    items[i] = PyUnicode_AsUTF8(PyList_GET_ITEM(settings, i));
    if (!items[i]) break;
  }
  if (items && i == count) entered = enter_proxy((Proxy*)proxy);
  if (!entered) {
    PyMem_Free(items);
    if (!PyErr_Occurred()) PyErr_NoMemory();
    return -1;
  }
  options.settings = items;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_open(entered, &options, &session, &error);
  Py_END_ALLOW_THREADS;
  leave_proxy((Proxy*)proxy);
  PyMem_Free(items);
  if (status != HEIM_OK) {
    raise_error(&error, NULL);
    return -1;
  }
  self->session = session;
  Py_INCREF(proxy);
  self->proxy = (Proxy*)proxy;
  return 0;
}

static PyObject* session_close(PyObject* object, PyObject* unused) {
  Session* self = (Session*)object;
  heim_session* session;
  (void)unused;
  if (!self->session) Py_RETURN_NONE;
  take_lock(self->canceled);
  session = self->session;
  self->session = NULL;
  PyThread_release_lock(self->canceled);
  Py_BEGIN_ALLOW_THREADS;
  heim_session_close(session);
  Py_END_ALLOW_THREADS;
  Py_CLEAR(self->proxy);
  Py_RETURN_NONE;
}

static void session_dealloc(PyObject* object) {
  PyObject* done = session_close(object, NULL);
  Py_XDECREF(done);
  if (((Session*)object)->canceled) PyThread_free_lock(((Session*)object)->canceled);
  Py_TYPE(object)->tp_free(object);
}

static heim_session* opened(PyObject* object) {
  heim_session* session = ((Session*)object)->session;
  if (!session) PyErr_SetString(PyExc_ValueError, "the session was closed");
  return session;
}

static PyObject* query(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  const char* sql = NULL;
  PyObject* converters = NULL;
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  if (!session || !PyArg_ParseTuple(arguments, "sO!", &sql, &PyDict_Type, &converters)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_query(session, sql, &result, &error);
  Py_END_ALLOW_THREADS;
  return status == HEIM_OK ? result_object(result, converters) : raise_error(&error, session);
}

/* (text or bytes or None, oid), lent. */
static int take_value(PyObject* item, heim_value* to) {
  PyObject* data;
  unsigned int type = 0;
  Py_ssize_t length = 0;
  if (!PyArg_ParseTuple(item, "OI", &data, &type)) return -1;
  to->type = type;
  to->format = HEIM_FORMAT_TEXT;
  if (data == Py_None) {
    to->data = NULL;
  } else if (PyBytes_Check(data)) {
    to->data = PyBytes_AS_STRING(data);
    length = PyBytes_GET_SIZE(data);
    to->format = HEIM_FORMAT_BINARY;
  } else {
    to->data = PyUnicode_AsUTF8AndSize(data, &length);
    if (!to->data) return -1;
  }
  to->length = (size_t)length;
  return 0;
}

static PyObject* run(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  heim_request request = HEIM_REQUEST_INIT;
  PyObject *values = NULL, *converters = NULL;
  const heim_result* result = NULL;
  heim_value* taken;
  heim_error error;
  heim_status status;
  int streamed = 0;
  Py_ssize_t i;
  if (!session || !PyArg_ParseTuple(arguments, "sO!pO!", &request.sql, &PyList_Type, &values,
                                    &streamed, &PyDict_Type, &converters))
    return NULL;
  request.value_count = (size_t)PyList_GET_SIZE(values);
  taken = PyMem_Calloc(request.value_count + 1, sizeof *taken);
  if (!taken) return PyErr_NoMemory();
  for (i = 0; i < PyList_GET_SIZE(values); ++i) {
    if (take_value(PyList_GET_ITEM(values, i), &taken[i]) == 0) continue;
    PyMem_Free(taken);
    return NULL;
  }
  request.values = taken;
  request.streamed = (uint32_t)streamed;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_run(session, &request, &result, &error);
  Py_END_ALLOW_THREADS;
  PyMem_Free(taken);
  return status == HEIM_OK ? result_object(result, converters) : raise_error(&error, session);
}

static PyObject* next(PyObject* object, PyObject* converters) {
  heim_session* session = opened(object);
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  if (!session) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_next(session, &result, &error);
  Py_END_ALLOW_THREADS;
  if (status != HEIM_OK) return raise_error(&error, session);
  if (!result) Py_RETURN_NONE;
  return result_object(result, converters);
}

static PyObject* copy_write(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  Py_buffer data;
  heim_error error;
  heim_status status;
  if (!session || !PyArg_ParseTuple(arguments, "y*", &data)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_copy_write(session, data.buf, (size_t)data.len, &error);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&data);
  if (status != HEIM_OK) return raise_error(&error, session);
  Py_RETURN_NONE;
}

static PyObject* copy_end(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  const char* reason = NULL;
  const heim_result* result = NULL;
  heim_error error;
  heim_status status;
  if (!session || !PyArg_ParseTuple(arguments, "z", &reason)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_copy_end(session, reason, &result, &error);
  Py_END_ALLOW_THREADS;
  if (status != HEIM_OK) return raise_error(&error, session);
  return PyLong_FromUnsignedLongLong(heim_result_affected(result));
}

static PyObject* copy_read(PyObject* object, PyObject* unused) {
  heim_session* session = opened(object);
  const void* data = NULL;
  size_t length = 0;
  heim_error error;
  heim_status status;
  (void)unused;
  if (!session) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_copy_read(session, &data, &length, &error);
  Py_END_ALLOW_THREADS;
  if (status != HEIM_OK) return raise_error(&error, session);
  if (!data) Py_RETURN_NONE;
  return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
}

static PyObject* cancel(PyObject* object, PyObject* unused) {
  Session* self = (Session*)object;
  heim_session* session;
  heim_error error;
  heim_status status = HEIM_OK;
  (void)unused;
  if (!opened(object)) return NULL;
  take_lock(self->canceled);
  session = opened(object); /* it may have been closed meanwhile */
  Py_BEGIN_ALLOW_THREADS;
  if (session) status = heim_session_cancel(session, &error);
  Py_END_ALLOW_THREADS;
  PyThread_release_lock(self->canceled);
  if (!session) return NULL;
  if (status != HEIM_OK) return raise_error(&error, NULL);
  Py_RETURN_NONE;
}

static PyObject* notification(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  const double most = 1e10; /* seconds; as nanoseconds they fit */
  double seconds = 0;
  uint64_t limit;
  heim_notification told;
  heim_error error;
  heim_status status;
  told.struct_size = sizeof told;
  if (!session || !PyArg_ParseTuple(arguments, "d", &seconds)) return NULL;
  if (seconds != seconds) {
    PyErr_SetString(PyExc_ValueError, "a timeout is a number");
    return NULL;
  }
  limit = seconds < 0 || seconds > most ? HEIM_FOREVER : (uint64_t)(seconds * 1e9);
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_notification(session, limit, &told, &error);
  Py_END_ALLOW_THREADS;
  if (status == HEIM_TIMED_OUT) Py_RETURN_NONE;
  if (status != HEIM_OK) return raise_error(&error, session);
  return Py_BuildValue("(Iss)", (unsigned)told.pid, told.channel, told.payload);
}

static PyObject* parameter(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  const char *name = NULL, *value;
  if (!session || !PyArg_ParseTuple(arguments, "s", &name)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  value = heim_session_parameter(session, name);
  Py_END_ALLOW_THREADS;
  if (!value) Py_RETURN_NONE;
  return PyUnicode_FromString(value);
}

static PyObject* explain_route(PyObject* object, PyObject* arguments) {
  heim_session* session = opened(object);
  const char *sql = NULL, *text = NULL;
  heim_error error;
  heim_status status;
  if (!session || !PyArg_ParseTuple(arguments, "s", &sql)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_route_explain(session, sql, &text, &error);
  Py_END_ALLOW_THREADS;
  return status == HEIM_OK ? PyUnicode_FromString(text) : raise_error(&error, session);
}

static PyObject* transaction(PyObject* object, PyObject* unused) {
  heim_session* session = ((Session*)object)->session;
  heim_transaction state;
  (void)unused;
  Py_BEGIN_ALLOW_THREADS;
  state = heim_session_transaction(session);
  Py_END_ALLOW_THREADS;
  return PyLong_FromLong(state);
}

static PyMethodDef methods[] = {
    {"close", session_close, METH_NOARGS, "Rolls back what is open."},
    {"query", query, METH_VARARGS, "query(sql, converters)"},
    {"run", run, METH_VARARGS, "run(sql, [(value, oid), ...], streamed, converters)"},
    {"next", next, METH_O, "next(converters): the next result, or portion; or None"},
    {"copy_write", copy_write, METH_VARARGS, "copy_write(data)"},
    {"copy_end", copy_end, METH_VARARGS, "copy_end(reason): how many rows"},
    {"copy_read", copy_read, METH_NOARGS, "The next piece, or None."},
    {"cancel", cancel, METH_NOARGS, "From any thread."},
    {"notification", notification, METH_VARARGS, "notification(seconds): below 0 for ever"},
    {"parameter", parameter, METH_VARARGS, "parameter(name)"},
    {"explain_route", explain_route, METH_VARARGS, "explain_route(sql): as JSON"},
    {"transaction", transaction, METH_NOARGS, "As heim_transaction has it."},
    {NULL, NULL, 0, NULL}};

PyTypeObject SessionType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heimproxy._native.Session",
    .tp_basicsize = sizeof(Session),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Session(proxy, user, database, password, application_name, settings)",
    .tp_new = PyType_GenericNew,
    .tp_init = session_init,
    .tp_dealloc = session_dealloc,
    .tp_methods = methods,
};
