// The Python module `_launcher`: its types, functions and state.
#include "gpu/gpu.h"
#include "launcher.h"

static PyObject *set_parallel_bytes(PyObject *module, PyObject *size) {
  launcher *own = PyModule_GetState(module);
  uint64_t bytes;
  if (!read_number(size, INT64_MAX, &bytes, "the size of parallel work")) return NULL;
  uint64_t before = own->parallel_bytes;
  own->parallel_bytes = bytes;
  return PyLong_FromUnsignedLongLong(before);
}

static PyObject *get_transient_bytes(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyLong_FromSize_t(transient_bytes());
}

static PyObject *take_copies(PyObject *module, PyObject *unused) {
  (void)unused;
  launcher *own = PyModule_GetState(module);
  PyObject *copies = PyLong_FromUnsignedLongLong(own->copies);
  if (copies != NULL) own->copies = 0;
  return copies;
}

static PyObject *has_pool(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyBool_FromLong(pool.parallel != NULL);
}

static PyObject *needs_grad(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  const launcher *own = PyModule_GetState(module);
  if (!check_usable(own)) return NULL;
  return PyBool_FromLong(any_requires_grad(own, values, count) && grad_enabled(own));
}

// For tests, which have no GPU: another view of tensors, and another allocator.
static PyObject *use_gpu_memory(PyObject *module, PyObject *args) {
  launcher *own = PyModule_GetState(module);
  PyObject *capsule, *allocate;
  if (!PyArg_ParseTuple(args, "OO:use_gpu_memory", &capsule, &allocate)) return NULL;
  const dl_exchange *exchange = PyCapsule_GetPointer(capsule, DLPACK_EXCHANGE_CAPSULE);
  if (exchange == NULL) return NULL;
  PyObject *before = PyTuple_Pack(2, own->exchange_capsule, own->empty_on_gpu);
  if (before == NULL) return NULL;
  own->exchange = exchange;
  Py_SETREF(own->exchange_capsule, Py_NewRef(capsule));
  Py_SETREF(own->empty_on_gpu, Py_NewRef(allocate));
  return before;
}

static PyMethodDef functions[] = {
    {"needs_grad", (PyCFunction)(void (*)(void))needs_grad, METH_FASTCALL,
     "needs_grad(*values)\n--\n\nTell whether a tensor among the values, or in a list among them, "
     "has a gradient to be recorded."},
    {"set_parallel_bytes", set_parallel_bytes, METH_O,
     "set_parallel_bytes(size)\n--\n\nSet from how many touched bytes on a plan runs on torch's "
     "threads; returns the old one."},
    {"transient_bytes", get_transient_bytes, METH_NOARGS,
     "transient_bytes()\n--\n\nReturn how much memory all threads keep for transients."},
    {"take_copies", take_copies, METH_NOARGS,
     "take_copies()\n--\n\nReturn how many changed arguments plans computed aside and copied since "
     "the last call."},
    {"use_gpu_memory", use_gpu_memory, METH_VARARGS,
     "use_gpu_memory(exchange, allocate)\n--\n\nView tensors by another table, and allocate those "
     "on GPUs otherwise, for tests; returns what was used before."},
    {"has_pool", has_pool, METH_NOARGS,
     "has_pool()\n--\n\nTell whether torch's threads were found."},
    {NULL, NULL, 0, NULL},
};

// --- the module's own objects ---

launcher *launcher_of(PyTypeObject *type) {
  launcher *own = PyType_GetModuleState(type);
  if (own != NULL) Py_INCREF(own->module);
  return own;
}

void release_launcher(launcher *self) {
  if (self != NULL) Py_DECREF(self->module);
}

bool check_usable(const launcher *self) {
  if (!self->usable) PyErr_SetString(PyExc_RuntimeError, "launcher: its module is gone");
  return self->usable;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  launcher *own = PyModule_GetState(module);
#define VISIT(name) Py_VISIT(own->name);
  EACH_KEPT_OBJECT(VISIT)
#undef VISIT
  return 0;
}

static int clear(PyObject *module) {
  launcher *own = PyModule_GetState(module);
  own->usable = false;
#define CLEAR(name) Py_CLEAR(own->name);
  EACH_KEPT_OBJECT(CLEAR)
#undef CLEAR
  return 0;
}

static void free_module(void *module) { clear(module); }

// --- initialisation ---

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

// From 3.12 on Python itself refuses, but not to interpreters that share the main one's GIL.
static bool in_main_interpreter(void) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return true;
  PyErr_SetString(PyExc_ImportError,
                  "the C launcher runs in the main interpreter only, as torch does");
  return false;
}

static int fill_module(PyObject *module) {
  if (!in_main_interpreter()) return -1;  // first of all: to import torch there would crash
  launcher *own = PyModule_GetState(module);
  own->module = module;
  own->parallel_bytes = 64 << 10;
  own->usable = prepare_tensors(own) && prepare_gates(own) && prepare_results(own) &&
                prepare_arenas() && find_pool(torch_has_openmp()) && prepare_gpu(own) &&
                add_executable_type(own) && add_gpu_driver_type(own) &&
                add_gpu_executable_type(own) &&
                add_plan_type(own) && add_remembered_type(own) && add_call_type(own) &&
                add_bound_call_type(own) && add_choice_type(own) && add_refusals(module);
  return own->usable ? 0 : -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill_module},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ir_runtime.launch.direct.native._launcher",
    .m_doc = "Runs compiled executables on torch tensors, without IREE's VM and HAL.",
    .m_size = sizeof(launcher),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__launcher(void) { return PyModuleDef_Init(&definition); }
