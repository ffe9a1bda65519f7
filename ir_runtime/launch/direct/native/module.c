// What does Python see of the launcher?
#include "launcher.h"

static PyObject *set_parallel_bytes(PyObject *module, PyObject *size) {
  (void)module;
  uint64_t bytes;
  if (!read_number(size, INT64_MAX, &bytes, "the size of parallel work")) return NULL;
  uint64_t before = parallel_bytes;
  parallel_bytes = bytes;
  return PyLong_FromUnsignedLongLong(before);
}

static PyObject *get_transient_bytes(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyLong_FromSize_t(transient_bytes());
}

static PyObject *has_pool(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyBool_FromLong(pool.parallel != NULL);
}

static PyObject *is_plain(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  (void)module;
  bool plain = check_tangents() == ACCEPTED;
  for (Py_ssize_t i = 0; plain && i < count; i++) plain = is_plain_tensor(values[i]);
  plain = plain && check_grad(values, count) == ACCEPTED && check_transforms() == ACCEPTED;
  return PyBool_FromLong(plain);
}

static PyMethodDef functions[] = {
    {"is_plain", (PyCFunction)(void (*)(void))is_plain, METH_FASTCALL,
     "is_plain(*tensors)\n--\n\nTell whether all are tensors of torch's own types on the CPU, and "
     "nothing is to be recorded or transformed."},
    {"set_parallel_bytes", set_parallel_bytes, METH_O,
     "set_parallel_bytes(size)\n--\n\nSet from how many touched bytes on a plan runs on torch's "
     "threads; returns the old one."},
    {"transient_bytes", get_transient_bytes, METH_NOARGS,
     "transient_bytes()\n--\n\nReturn how much memory all threads keep for transients."},
    {"has_pool", has_pool, METH_NOARGS,
     "has_pool()\n--\n\nTell whether torch's threads were found."},
    {NULL, NULL, 0, NULL},
};

static bool torch_has_openmp(void) {
  PyObject *torch = PyImport_ImportModule("torch._C");
  PyObject *has = torch == NULL ? NULL : PyObject_GetAttrString(torch, "has_openmp");
  bool yes = has == Py_True;
  Py_XDECREF(torch);
  Py_XDECREF(has);
  PyErr_Clear();
  return yes;
}

static bool add_refusals(PyObject *module) {
  PyObject *table = refusal_table();
  bool added = table != NULL && PyModule_AddObjectRef(module, "REFUSALS", table) == 0;
  Py_XDECREF(table);
  return added;
}

static int fill_module(PyObject *module) {
  bool filled = prepare_tensors() && prepare_gates() && prepare_results() && prepare_arenas() &&
                find_pool(torch_has_openmp()) &&
                add_executable_type(module) && add_plan_type(module) &&
                add_call_type(module) && add_bound_call_type(module) && add_refusals(module);
  return filled ? 0 : -1;
}

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ir_runtime.launch.direct.native._launcher",
    .m_doc = "Runs compiled executables on torch tensors, without IREE's VM and HAL.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__launcher(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module != NULL && fill_module(module) != 0) Py_CLEAR(module);
  return module;
}
