/* A session's life, and its calls that wait: without the GIL, and until a signal comes, whose
 * handler may raise an exception (Ctrl-C). What the server still does for the call is cancelled
 * then, and the session can be used on. */
#include <time.h>

#include "_native.h"

static const uint64_t second = 1000000000;

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
}

uint64_t time_slice(const Call* call) {
  const uint64_t slice = second / 4, now = now_ns();
  if (call->deadline == HEIM_FOREVER) return HEIM_UNTIL_SIGNAL;
  if (now >= call->deadline) return 0;
  return call->deadline - now < slice ? call->deadline - now : slice;
}

heim_session* opened(PyObject* object) {
  heim_session* session = ((Session*)object)->session;
  heim_error error = {HEIM_STATE, "", "the connection is closed"};
  if (!session) raise_error(&error, NULL);
  return session;
}

Call begin_call(PyObject* object) {
  Call call;
  call.self = (Session*)object;
  call.session = opened(object);
  call.status = HEIM_OK;
  call.again = 0;
  call.deadline = HEIM_FOREVER;
  call.result = NULL;
  return call;
}

/* The exception of a signal's handler stays. A server that does not even answer to this has lost
 * its session. */
static void give_up(Call* call) {
  PyObject *type, *value, *trace, *done;
  heim_status status, ignored;
  PyErr_Fetch(&type, &value, &trace);
  Py_BEGIN_ALLOW_THREADS;
  ignored = heim_session_cancel(call->session, NULL);
  status = heim_session_finish(call->session, 5 * second, NULL, NULL);
  /* What else comes of the statement is nobody's. */
  if (status == HEIM_OK && heim_session_transaction(call->session) == HEIM_TRANSACTION_BUSY)
    ignored = heim_session_query(call->session, "", NULL, NULL);
  Py_END_ALLOW_THREADS;
  (void)ignored;
  if (status == HEIM_TIMED_OUT) {
    done = session_close((PyObject*)call->self, NULL);
    Py_XDECREF(done);
  }
  PyErr_Restore(type, value, trace);
}

int end_call(Call* call) {
  while (call->status == HEIM_TIMED_OUT) {
    if (!call->self->waits) {
      PyErr_SetNone(PyExc_BlockingIOError);
      return 0;
    }
    if (PyErr_CheckSignals() < 0) {
      give_up(call);
      return 0;
    }
    Py_BEGIN_ALLOW_THREADS;
    call->status =
        heim_session_finish(call->session, HEIM_UNTIL_SIGNAL, &call->result, &call->error);
    Py_END_ALLOW_THREADS;
  }
  if (call->status == HEIM_OK) return 1;
  raise_error(&call->error, call->session);
  return 0;
}

/* ---- the life of a session ------------------------------------------------------------------ */

static int open_session(Session* self, Proxy* proxy, heim_session_options* options) {
  heim_session* session = NULL;
  heim_proxy* entered = enter_proxy(proxy);
  heim_error error;
  heim_status status;
  if (!entered) return -1;
  options->deferred = 1;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_session_open(entered, options, &session, &error);
  if (status == HEIM_OK)
    status = heim_session_set_patience(session, self->waits ? HEIM_UNTIL_SIGNAL : 0, &error);
  Py_END_ALLOW_THREADS;
  leave_proxy(proxy);
  if (status != HEIM_OK) {
    raise_error(&error, NULL);
    return -1;
  }
  self->session = session;
  Py_INCREF(proxy);
  self->proxy = proxy;
  return 0;
}

static int await_admission(Session* self) {
  Call call = begin_call((PyObject*)self);
  PyObject* done;
  if (!self->waits) return 0;
  call.status = HEIM_TIMED_OUT;
  if (end_call(&call)) return 0;
  done = session_close((PyObject*)self, NULL);
  Py_XDECREF(done);
  return -1;
}

/* NULL with an exception, or to be freed. */
static const char** take_settings(PyObject* list) {
  const Py_ssize_t count = PyList_GET_SIZE(list);
  const char** items = PyMem_Calloc((size_t)count + 1, sizeof *items);
  Py_ssize_t i;
  if (!items) PyErr_NoMemory();
  for (i = 0; items && i < count; ++i) {
    items[i] = PyUnicode_AsUTF8(PyList_GET_ITEM(list, i));
    if (items[i]) continue;
    PyMem_Free(items);
    return NULL;
  }
  return items;
}

int session_init(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"proxy",    "user",  "database", "password", "application_name",
                          "settings", "waits", NULL};
  Session* self = (Session*)object;
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  PyObject *proxy = NULL, *settings = NULL;
  const char** items;
  int opened_it;
  self->waits = 1;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!szzzO!|p", names, &ProxyType, &proxy,
                                   &options.user, &options.database, &options.password,
                                   &options.application_name, &PyList_Type, &settings,
                                   &self->waits))
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
  items = take_settings(settings);
  if (!items) return -1;
  options.settings = items;
  opened_it = open_session(self, (Proxy*)proxy, &options);
  PyMem_Free(items);
  return opened_it < 0 ? -1 : await_admission(self);
}

PyObject* session_close(PyObject* object, PyObject* unused) {
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

void session_dealloc(PyObject* object) {
  PyObject* done = session_close(object, NULL);
  Py_XDECREF(done);
  if (((Session*)object)->canceled) PyThread_free_lock(((Session*)object)->canceled);
  Py_TYPE(object)->tp_free(object);
}
