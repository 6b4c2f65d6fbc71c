/* The extension module, and the way of errors. */
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
