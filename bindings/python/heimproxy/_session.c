/* Sessions. Whoever calls one holds its Connection's lock: a handle is one thread's at a time. */
#include "_native.h"

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

/* NULL with an exception, or to be freed. */
static heim_value* take_values(PyObject* list) {
  const Py_ssize_t count = PyList_GET_SIZE(list);
  heim_value* taken = PyMem_Calloc((size_t)count + 1, sizeof *taken);
  Py_ssize_t i;
  if (!taken) PyErr_NoMemory();
  for (i = 0; taken && i < count; ++i) {
    if (take_value(PyList_GET_ITEM(list, i), &taken[i]) == 0) continue;
    PyMem_Free(taken);
    return NULL;
  }
  return taken;
}

static PyObject* query(PyObject* object, PyObject* arguments) {
  Call call = begin_call(object);
  const char* sql = NULL;
  PyObject* converters = NULL;
  if (!call.session || !PyArg_ParseTuple(arguments, "sO!", &sql, &PyDict_Type, &converters))
    return NULL;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_query(call.session, sql, &call.result, &call.error);
  Py_END_ALLOW_THREADS;
  return end_call(&call) ? result_object(call.result, converters) : NULL;
}

static PyObject* run(PyObject* object, PyObject* arguments) {
  Call call = begin_call(object);
  heim_request request = HEIM_REQUEST_INIT;
  PyObject *values = NULL, *converters = NULL;
  heim_value* taken;
  int streamed = 0;
  if (!call.session || !PyArg_ParseTuple(arguments, "sO!pO!", &request.sql, &PyList_Type, &values,
                                         &streamed, &PyDict_Type, &converters))
    return NULL;
  taken = take_values(values);
  if (!taken) return NULL;
  request.values = taken;
  request.value_count = (size_t)PyList_GET_SIZE(values);
  request.streamed = (uint32_t)streamed;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_run(call.session, &request, &call.result, &call.error);
  Py_END_ALLOW_THREADS;
  PyMem_Free(taken);
  return end_call(&call) ? result_object(call.result, converters) : NULL;
}

static PyObject* result_or_none(Call* call, PyObject* converters) {
  if (!end_call(call)) return NULL;
  if (!call->result) Py_RETURN_NONE;
  return result_object(call->result, converters);
}

static PyObject* next(PyObject* object, PyObject* converters) {
  Call call = begin_call(object);
  if (!call.session) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_next(call.session, &call.result, &call.error);
  Py_END_ALLOW_THREADS;
  return result_or_none(&call, converters);
}

static PyObject* finish(PyObject* object, PyObject* converters) {
  Call call = begin_call(object);
  if (!call.session) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_finish(call.session, 0, &call.result, &call.error);
  Py_END_ALLOW_THREADS;
  return result_or_none(&call, converters);
}

static PyObject* copy_write(PyObject* object, PyObject* arguments) {
  Call call = begin_call(object);
  Py_buffer data;
  if (!call.session || !PyArg_ParseTuple(arguments, "y*", &data)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_copy_write(call.session, data.buf, (size_t)data.len, &call.error);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&data);
  if (!end_call(&call)) return NULL;
  Py_RETURN_NONE;
}

static PyObject* copy_end(PyObject* object, PyObject* arguments) {
  Call call = begin_call(object);
  const char* reason = NULL;
  PyObject* none = NULL;
  if (!call.session || !PyArg_ParseTuple(arguments, "zO!", &reason, &PyDict_Type, &none))
    return NULL;
  Py_BEGIN_ALLOW_THREADS;
  call.status = heim_session_copy_end(call.session, reason, &call.result, &call.error);
  Py_END_ALLOW_THREADS;
  return end_call(&call) ? result_object(call.result, none) : NULL;
}

static PyObject* copy_read(PyObject* object, PyObject* unused) {
  Call call = begin_call(object);
  const void* data = NULL;
  size_t length = 0;
  (void)unused;
  if (!call.session) return NULL;
  do {
    Py_BEGIN_ALLOW_THREADS;
    call.status = heim_session_copy_read(call.session, &data, &length, &call.error);
    Py_END_ALLOW_THREADS;
    call.again = call.status == HEIM_TIMED_OUT;
    if (!end_call(&call)) return NULL;
  } while (call.again);
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
  Call call = begin_call(object);
  const double most = 1e10; /* seconds; as nanoseconds they fit */
  double seconds = 0;
  heim_notification told;
  told.struct_size = sizeof told;
  if (!call.session || !PyArg_ParseTuple(arguments, "d", &seconds)) return NULL;
  if (seconds != seconds) {
    PyErr_SetString(PyExc_ValueError, "a timeout is a number");
    return NULL;
  }
  call.deadline =
      seconds < 0 || seconds > most ? HEIM_FOREVER : now_ns() + (uint64_t)(seconds * 1e9);
  do {
    const uint64_t limit = time_slice(&call);
    Py_BEGIN_ALLOW_THREADS;
    call.status = heim_session_notification(call.session, limit, &told, &call.error);
    Py_END_ALLOW_THREADS;
    if (call.status == HEIM_TIMED_OUT && PyErr_CheckSignals() < 0) return NULL;
  } while (call.status == HEIM_TIMED_OUT && now_ns() < call.deadline);
  if (call.status == HEIM_TIMED_OUT) Py_RETURN_NONE;
  if (call.status != HEIM_OK) return raise_error(&call.error, call.session);
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

static PyObject* descriptor(PyObject* object, PyObject* unused) {
  heim_session* session = opened(object);
  heim_error error;
  heim_status status;
  int fd = -1;
  (void)unused;
  if (!session) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_descriptor(session, &fd, &error);
  Py_END_ALLOW_THREADS;
  return status == HEIM_OK ? PyLong_FromLong(fd) : raise_error(&error, session);
}

static PyMethodDef methods[] = {
    {"close", session_close, METH_NOARGS, "Rolls back what is open."},
    {"query", query, METH_VARARGS, "query(sql, converters)"},
    {"run", run, METH_VARARGS, "run(sql, [(value, oid), ...], streamed, converters)"},
    {"next", next, METH_O, "next(converters): the next result, or portion; or None"},
    {"finish", finish, METH_O, "finish(converters): what came of a call that would have waited"},
    {"copy_write", copy_write, METH_VARARGS, "copy_write(data)"},
    {"copy_end", copy_end, METH_VARARGS, "copy_end(reason, converters): the COPY's result"},
    {"copy_read", copy_read, METH_NOARGS, "The next piece, or None."},
    {"cancel", cancel, METH_NOARGS, "From any thread."},
    {"notification", notification, METH_VARARGS, "notification(seconds): below 0 for ever"},
    {"parameter", parameter, METH_VARARGS, "parameter(name)"},
    {"explain_route", explain_route, METH_VARARGS, "explain_route(sql): as JSON"},
    {"transaction", transaction, METH_NOARGS, "As heim_transaction has it."},
    {"descriptor", descriptor, METH_NOARGS, "Readable when finish() has something to tell."},
    {NULL, NULL, 0, NULL}};

PyTypeObject SessionType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heimproxy._native.Session",
    .tp_basicsize = sizeof(Session),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc =
        "Session(proxy, user, database, password, application_name, settings, waits)\n"
        "Without `waits` a call that would wait raises BlockingIOError, and finish() goes on.",
    .tp_new = PyType_GenericNew,
    .tp_init = session_init,
    .tp_dealloc = session_dealloc,
    .tp_methods = methods,
};
