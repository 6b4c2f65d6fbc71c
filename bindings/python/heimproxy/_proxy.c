/* Proxies. What waits does so without the GIL. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "_native.h"

void take_lock(PyThread_type_lock lock) {
  Py_BEGIN_ALLOW_THREADS;
  PyThread_acquire_lock(lock, WAIT_LOCK);
  Py_END_ALLOW_THREADS;
}

heim_proxy* enter_proxy(Proxy* self) {
  if (!self->proxy) {
    PyErr_SetString(PyExc_ValueError, "the proxy was closed");
    return NULL;
  }
  /* Nobody waits here: it is free where there are no users and nobody closes. */
  if (self->users++ == 0) PyThread_acquire_lock(self->used, WAIT_LOCK);
  return self->proxy;
}

void leave_proxy(Proxy* self) {
  if (--self->users == 0) PyThread_release_lock(self->used);
}

/* A reader that is slow loses lines, and holds nobody up; who writes need not wait for the GIL. */
static void log_line(const heim_log_line* line, void* log_socket) {
  char digit = (char)('0' + line->level);
  struct iovec parts[2] = {{&digit, 1}, {(void*)line->text, line->length}};
  struct msghdr message = {0};
  ssize_t ignored;
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ignored = sendmsg((int)(intptr_t)log_socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)ignored;
}

/* Whoever reads it sees its end. */
static void close_log(Proxy* self) {
  if (self->log_socket >= 0) close(self->log_socket);
  self->log_socket = -1;
}

static heim_status open_config(const char* path, const char* text, Py_ssize_t length,
                               const heim_proxy_options* options, heim_proxy** out,
                               heim_error* error) {
  heim_config* config = NULL;
  heim_status status = heim_config_new(&config, error);
  if (status == HEIM_OK) {
    status = path ? heim_config_load_file(config, path, error)
                  : heim_config_load_text(config, text, (size_t)length, HEIM_CONFIG_DETECT, error);
  }
  if (status == HEIM_OK) status = heim_proxy_open(config, options, out, error);
  heim_config_free(config);
  return status;
}

static int proxy_init(PyObject* object, PyObject* arguments, PyObject* keywords) {
  static char* names[] = {"path", "text", "seats", "sidecar", "log_socket", NULL};
  Proxy* self = (Proxy*)object;
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  const char *path = NULL, *text = NULL;
  Py_ssize_t length = 0;
  unsigned int seats = 0;
  int sidecar = 0, log_socket = -1;
  heim_proxy* proxy = NULL;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "zz#|Ipi", names, &path, &text, &length,
                                   &seats, &sidecar, &log_socket))
    return -1;
  if (self->used || !path == !text) {
    PyErr_SetString(PyExc_ValueError, "a proxy is opened once, from a path or from a text");
    return -1;
  }
  self->used = PyThread_allocate_lock();
  self->lent = PyThread_allocate_lock();
  if (!self->used || !self->lent) {
    PyErr_NoMemory();
    return -1;
  }
  self->log_socket = log_socket < 0 ? -1 : fcntl(log_socket, F_DUPFD_CLOEXEC, 0);
  if (log_socket >= 0 && self->log_socket < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  options.seats = seats;
  options.sidecar = (uint32_t)sidecar;
  options.log = log_socket < 0 ? NULL : log_line;
  options.user_data = (void*)(intptr_t)self->log_socket;
  Py_BEGIN_ALLOW_THREADS;
  status = open_config(path, text, length, &options, &proxy, &error);
  if (status == HEIM_OK) status = heim_proxy_start(proxy, &error);
  if (status != HEIM_OK) heim_proxy_close(proxy);
  Py_END_ALLOW_THREADS;
  if (status == HEIM_OK) {
    self->proxy = proxy;
    return 0;
  }
  close_log(self);
  raise_error(&error, NULL);
  return -1;
}

static PyObject* proxy_close(PyObject* object, PyObject* unused) {
  Proxy* self = (Proxy*)object;
  heim_proxy* proxy = self->proxy;
  heim_error error;
  heim_status ignored;
  (void)unused;
  if (!proxy) Py_RETURN_NONE;
  self->proxy = NULL; /* from here on nobody enters */
  Py_BEGIN_ALLOW_THREADS;
  /* So that those who are within do not stay. */
  ignored = heim_proxy_stop(proxy, HEIM_STOP_NOW, &error);
  (void)ignored;
  PyThread_acquire_lock(self->used, WAIT_LOCK);
  PyThread_release_lock(self->used);
  heim_proxy_close(proxy);
  Py_END_ALLOW_THREADS;
  close_log(self);
  Py_RETURN_NONE;
}

static void proxy_dealloc(PyObject* object) {
  Proxy* self = (Proxy*)object;
  PyObject* done = proxy_close(object, NULL);
  Py_XDECREF(done);
  if (self->used) PyThread_free_lock(self->used);
  if (self->lent) PyThread_free_lock(self->lent);
  Py_TYPE(object)->tp_free(object);
}

/* What the library lends until its next call; or the error. */
static PyObject* lent_text(heim_status status, const char* text, const heim_error* error) {
  return status == HEIM_OK ? PyUnicode_FromString(text) : raise_error(error, NULL);
}

static PyObject* proxy_dsn(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  const char *database = NULL, *user = NULL, *text = NULL;
  heim_proxy* proxy;
  PyObject* made;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "zz", &database, &user)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  take_lock(self->lent);
  status = heim_proxy_dsn(proxy, database, user, &text, &error);
  made = lent_text(status, text, &error);
  PyThread_release_lock(self->lent);
  leave_proxy(self);
  return made;
}

static PyObject* proxy_show(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  const char *what = NULL, *text = NULL;
  heim_proxy* proxy;
  PyObject* made;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "s", &what)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  take_lock(self->lent);
  Py_BEGIN_ALLOW_THREADS;
  status = heim_proxy_show(proxy, what, &text, &error);
  Py_END_ALLOW_THREADS;
  made = lent_text(status, text, &error);
  PyThread_release_lock(self->lent);
  leave_proxy(self);
  return made;
}

/* What a call came to that answers nothing. */
static PyObject* none_or(heim_status status, const heim_error* error) {
  if (status != HEIM_OK) return raise_error(error, NULL);
  Py_RETURN_NONE;
}

static PyObject* proxy_invalidate(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  const char *database = NULL, *table = NULL, *like = NULL, *sql = NULL;
  heim_proxy* proxy;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "zzzz", &database, &table, &like, &sql)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = sql    ? heim_proxy_invalidate_query(proxy, sql, &error)
           : like ? heim_proxy_invalidate_like(proxy, database, like, &error)
                  : heim_proxy_invalidate(proxy, database, table, &error);
  Py_END_ALLOW_THREADS;
  leave_proxy(self);
  return none_or(status, &error);
}

static PyObject* proxy_reload(PyObject* object, PyObject* unused) {
  Proxy* self = (Proxy*)object;
  heim_proxy* proxy = enter_proxy(self);
  heim_error error;
  heim_status status;
  (void)unused;
  if (!proxy) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_proxy_reload(proxy, &error);
  Py_END_ALLOW_THREADS;
  leave_proxy(self);
  return none_or(status, &error);
}

static PyObject* proxy_stop(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  int how = HEIM_STOP_NOW;
  heim_proxy* proxy;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "i", &how)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_proxy_stop(proxy, (heim_stop)how, &error);
  Py_END_ALLOW_THREADS;
  leave_proxy(self);
  return none_or(status, &error);
}

static PyObject* proxy_wait(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  double seconds = 0;
  heim_proxy* proxy;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "d", &seconds)) return NULL;
  if (!self->proxy) Py_RETURN_TRUE; /* what was closed has ended */
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = heim_proxy_wait(proxy, (uint64_t)(seconds * 1e9), &error);
  Py_END_ALLOW_THREADS;
  leave_proxy(self);
  if (status == HEIM_TIMED_OUT) Py_RETURN_FALSE;
  if (status != HEIM_OK) return raise_error(&error, NULL);
  Py_RETURN_TRUE;
}

static PyMethodDef proxy_methods[] = {
    {"close", proxy_close, METH_NOARGS, "Stops it now, and ends its sessions."},
    {"dsn", proxy_dsn, METH_VARARGS, "dsn(database, user): for a driver of this process."},
    {"show", proxy_show, METH_VARARGS, "show(what): what the console shows, as JSON."},
    {"invalidate", proxy_invalidate, METH_VARARGS,
     "invalidate(database, table, like, sql): answers of before are not given any more."},
    {"reload", proxy_reload, METH_NOARGS, "Reads the configuration again."},
    {"stop", proxy_stop, METH_VARARGS, "stop(how): begins to end it; `how` is a heim_stop."},
    {"wait", proxy_wait, METH_VARARGS, "wait(seconds): whether it has ended."},
    {NULL, NULL, 0, NULL}};

PyTypeObject ProxyType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heimproxy._native.Proxy",
    .tp_basicsize = sizeof(Proxy),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Proxy(path, text, seats=0, sidecar=False, log_socket=-1): opened and started.",
    .tp_new = PyType_GenericNew,
    .tp_init = proxy_init,
    .tp_dealloc = proxy_dealloc,
    .tp_methods = proxy_methods,
};
