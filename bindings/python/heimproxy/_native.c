/* The extension module: proxies, and the way of errors. What waits does so without the GIL. */
#include "_native.h"

static PyObject* make_error; /* called as make_error(status, sqlstate, message, fields) */

static int add_field(PyObject* fields, heim_session* session, char letter) {
  const char* text = heim_session_error_field(session, letter);
  PyObject *key, *value;
  int failed;
  if (!text) return 0;
  key = PyUnicode_FromStringAndSize(&letter, 1);
  value = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  failed = !key || !value || PyDict_SetItem(fields, key, value) < 0;
  Py_XDECREF(key);
  Py_XDECREF(value);
  return failed ? -1 : 0;
}

PyObject* raise_error(const heim_error* error, heim_session* session) {
  const int of_server = error->status == HEIM_SERVER || error->status == HEIM_CLOSED;
  const char* letter;
  PyObject *fields = PyDict_New(), *made;
  if (!fields) return NULL;
  for (letter = "SVCMDHPWstcdn"; session && of_server && *letter; ++letter) {
    if (add_field(fields, session, *letter) < 0) {
      Py_DECREF(fields);
      return NULL;
    }
  }
  if (!make_error) {
    PyErr_SetString(PyExc_RuntimeError, error->message);
    Py_DECREF(fields);
    return NULL;
  }
  made = PyObject_CallFunction(make_error, "issO", (int)error->status, error->sqlstate,
                               error->message, fields);
  Py_DECREF(fields);
  if (!made) return NULL;
  PyErr_SetObject((PyObject*)Py_TYPE(made), made);
  Py_DECREF(made);
  return NULL;
}

/* ---- Proxy --------------------------------------------------------------------------------- */

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
  static char* names[] = {"path", "text", "seats", "sidecar", NULL};
  Proxy* self = (Proxy*)object;
  heim_proxy_options options = HEIM_PROXY_OPTIONS_INIT;
  const char *path = NULL, *text = NULL;
  Py_ssize_t length = 0;
  unsigned int seats = 0;
  int sidecar = 0;
  heim_proxy* proxy = NULL;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "zz#|Ip", names, &path, &text, &length,
                                   &seats, &sidecar))
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
  options.seats = seats;
  options.sidecar = (uint32_t)sidecar;
  Py_BEGIN_ALLOW_THREADS;
  status = open_config(path, text, length, &options, &proxy, &error);
  if (status == HEIM_OK) status = heim_proxy_start(proxy, &error);
  if (status != HEIM_OK) heim_proxy_close(proxy);
  Py_END_ALLOW_THREADS;
  if (status == HEIM_OK) {
    self->proxy = proxy;
    return 0;
  }
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

static PyObject* proxy_dsn(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  const char *database = NULL, *user = NULL, *text = NULL;
  heim_proxy* proxy;
  PyObject* made = NULL;
  heim_error error;
  if (!PyArg_ParseTuple(arguments, "zz", &database, &user)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  take_lock(self->lent);
  if (heim_proxy_dsn(proxy, database, user, &text, &error) == HEIM_OK)
    made = PyUnicode_FromString(text);
  else
    raise_error(&error, NULL);
  PyThread_release_lock(self->lent);
  leave_proxy(self);
  return made;
}

static PyObject* proxy_show(PyObject* object, PyObject* arguments) {
  Proxy* self = (Proxy*)object;
  const char *what = NULL, *text = NULL;
  heim_proxy* proxy;
  PyObject* made = NULL;
  heim_error error;
  heim_status status;
  if (!PyArg_ParseTuple(arguments, "s", &what)) return NULL;
  proxy = enter_proxy(self);
  if (!proxy) return NULL;
  take_lock(self->lent);
  Py_BEGIN_ALLOW_THREADS;
  status = heim_proxy_show(proxy, what, &text, &error);
  Py_END_ALLOW_THREADS;
  if (status == HEIM_OK)
    made = PyUnicode_FromString(text);
  else
    raise_error(&error, NULL);
  PyThread_release_lock(self->lent);
  leave_proxy(self);
  return made;
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
  if (status != HEIM_OK) return raise_error(&error, NULL);
  Py_RETURN_NONE;
}

static PyMethodDef proxy_methods[] = {
    {"close", proxy_close, METH_NOARGS, "Stops it now, and ends its sessions."},
    {"dsn", proxy_dsn, METH_VARARGS, "dsn(database, user): for a driver of this process."},
    {"show", proxy_show, METH_VARARGS, "show(what): what the console shows, as JSON."},
    {"reload", proxy_reload, METH_NOARGS, "Reads the configuration again."},
    {NULL, NULL, 0, NULL}};

PyTypeObject ProxyType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heimproxy._native.Proxy",
    .tp_basicsize = sizeof(Proxy),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Proxy(path, text, seats=0, sidecar=False): opened and started.",
    .tp_new = PyType_GenericNew,
    .tp_init = proxy_init,
    .tp_dealloc = proxy_dealloc,
    .tp_methods = proxy_methods,
};

/* ---- the module ---------------------------------------------------------------------------- */

static PyObject* set_error_maker(PyObject* module, PyObject* maker) {
  (void)module;
  Py_INCREF(maker);
  Py_XSETREF(make_error, maker);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_error_maker", set_error_maker, METH_O, "Who makes exceptions of errors."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1,
                                        .m_methods = functions};

static int add_type(PyObject* module, const char* name, PyTypeObject* type) {
  if (PyType_Ready(type) < 0) return -1;
  Py_INCREF(type);
  if (PyModule_AddObject(module, name, (PyObject*)type) == 0) return 0;
  Py_DECREF(type);
  return -1;
}

PyMODINIT_FUNC PyInit__native(void) {
  PyObject* module = PyModule_Create(&definition);
  if (!module) return NULL;
  if (add_type(module, "Proxy", &ProxyType) < 0 || add_type(module, "Session", &SessionType) < 0 ||
      PyModule_AddStringConstant(module, "version", heim_version_string()) < 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
