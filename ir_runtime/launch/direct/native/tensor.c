// Which tensors can a plan take as they lie?
#include "launcher.h"

const char *const refusal_words[REFUSALS] = {
    [ACCEPTED] = "accepted",
    [REFUSED_COUNT] = "number of arguments",
    [REFUSED_KIND] = "kind of argument",
    [REFUSED_VALUE] = "value",
    [REFUSED_SUBCLASS] = "subclass",
    [REFUSED_UNREADABLE] = "no plain memory",
    [REFUSED_DEVICE] = "device",
    [REFUSED_DTYPE] = "dtype",
    [REFUSED_SHAPE] = "shape",
    [REFUSED_STRIDES] = "strides",
    [REFUSED_ALIGNMENT] = "alignment",
    [REFUSED_NULL] = "null data",
    [REFUSED_SIZE] = "size",
    [REFUSED_STORAGE] = "storage",
    [REFUSED_GRAD] = "requires grad",
    [REFUSED_TANGENT] = "forward-mode gradients",
    [REFUSED_CONJ] = "conj",
    [REFUSED_NEG] = "neg",
    [REFUSED_MODE] = "active mode",
    [REFUSED_TRACING] = "tracing",
    [REFUSED_AUTOCAST] = "autocast",
    [REFUSED_KEYSET] = "dispatch keys",
    [REFUSED_DEVICE_SET] = "current device",
    [REFUSED_PROFILER] = "profiler",
    [REFUSED_OVERLAP] = "overlap",
    [REFUSED_UNKNOWN] = "unknown arguments",
};

enum { DL_COMPLEX = 5 };

static PyTypeObject *tensor_type, *parameter_type;
static PyTypeObject *constant_types[3];
static const dl_exchange *exchange;
static PyObject *is_neg, *is_conj, *wants_grad, *on_cpu;
static const PyGetSetDef *grad_getter, *cpu_getter;

static bool find_constant_types(PyObject *torch) {
  static const char *const names[] = {"dtype", "layout", "memory_format"};
  for (int i = 0; i < 3; i++) {
    constant_types[i] = (PyTypeObject *)PyObject_GetAttrString(torch, names[i]);
    if (constant_types[i] == NULL) return false;
  }
  return true;
}

static bool find_types(void) {
  PyObject *torch = PyImport_ImportModule("torch");
  PyObject *nn = PyImport_ImportModule("torch.nn");
  PyObject *tensor = torch == NULL ? NULL : PyObject_GetAttrString(torch, "Tensor");
  PyObject *parameter = nn == NULL ? NULL : PyObject_GetAttrString(nn, "Parameter");
  bool found = parameter != NULL && tensor != NULL && find_constant_types(torch) &&
               prepare_storages(torch);
  Py_XDECREF(torch);
  Py_XDECREF(nn);
  tensor_type = (PyTypeObject *)tensor;  // kept: the module lives as long as the process
  parameter_type = (PyTypeObject *)parameter;
  return found;
}

static bool find_exchange(void) {
  PyObject *capsule = PyObject_GetAttrString((PyObject *)tensor_type, "__dlpack_c_exchange_api__");
  if (capsule == NULL) {
    PyErr_SetString(PyExc_ImportError, "this torch gives C no view of its tensors "
                                       "(no Tensor.__dlpack_c_exchange_api__)");
    return false;
  }
  exchange = PyCapsule_GetPointer(capsule, DLPACK_EXCHANGE_CAPSULE);
  Py_DECREF(capsule);
  if (exchange == NULL) return false;
  if (exchange->major == DLPACK_MAJOR && exchange->describe != NULL) return true;
  PyErr_Format(PyExc_ImportError,
               "this torch speaks DLPack %u.%u, must be %d.x and describe tensors",
               exchange->major, exchange->minor, DLPACK_MAJOR);
  return false;
}

// Looking for an attribute takes longer than reading it, and each call does it for each tensor.
// Returns what reads one; NULL if it is to be found by name.
static const PyGetSetDef *find_getter(PyObject *name) {
  PyObject *found = PyObject_GetAttr((PyObject *)tensor_type, name);
  bool plain = found != NULL && Py_IS_TYPE(found, &PyGetSetDescr_Type);
  const PyGetSetDef *getter = plain ? ((PyGetSetDescrObject *)found)->d_getset : NULL;
  Py_XDECREF(found);  // its type stays
  PyErr_Clear();
  return getter == NULL || getter->get == NULL ? NULL : getter;
}

static PyObject *attribute(PyObject *tensor, const PyGetSetDef *getter, PyObject *name) {
  return getter == NULL ? PyObject_GetAttr(tensor, name) : getter->get(tensor, getter->closure);
}

bool prepare_tensors(void) {
  is_neg = PyUnicode_InternFromString("is_neg");
  is_conj = PyUnicode_InternFromString("is_conj");
  wants_grad = PyUnicode_InternFromString("requires_grad");
  on_cpu = PyUnicode_InternFromString("is_cpu");
  if (on_cpu == NULL || wants_grad == NULL || is_neg == NULL || is_conj == NULL) return false;
  if (!find_types() || !find_exchange()) return false;
  grad_getter = find_getter(wants_grad);
  cpu_getter = find_getter(on_cpu);
  return true;
}

bool is_tensor(PyObject *object) {
  return Py_IS_TYPE(object, tensor_type) || Py_IS_TYPE(object, parameter_type);
}

bool is_any_tensor(PyObject *object) { return PyObject_TypeCheck(object, tensor_type); }

bool is_torch_constant(PyObject *object) {
  return Py_IS_TYPE(object, constant_types[0]) || Py_IS_TYPE(object, constant_types[1]) ||
         Py_IS_TYPE(object, constant_types[2]);
}

refusal describe_tensor(PyObject *object, dl_tensor *out) {
  if (!is_tensor(object)) return is_any_tensor(object) ? REFUSED_SUBCLASS : REFUSED_KIND;
  if (exchange->describe(object, out) != 0) {
    PyErr_Clear();
    return REFUSED_UNREADABLE;
  }
  if (out->device_type != DLPACK_CPU) return REFUSED_DEVICE;
  return check_storage(object, out);
}

// What cannot be answered is taken for a yes: it sends the call the long way.
static bool is_yes(PyObject *answer) {
  bool yes = answer != Py_False;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  return yes;
}

bool requires_grad(PyObject *tensor) { return is_yes(attribute(tensor, grad_getter, wants_grad)); }

bool is_plain_tensor(PyObject *object) {
  if (!is_tensor(object)) return false;
  PyObject *answer = attribute(object, cpu_getter, on_cpu);
  bool cpu = answer == Py_True;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  return cpu;
}

refusal check_bits(PyObject *object, const dl_tensor *tensor) {
  bool complex = tensor->dtype.code == DL_COMPLEX;
  if (complex && is_yes(PyObject_CallMethodNoArgs(object, is_conj))) return REFUSED_CONJ;
  return is_yes(PyObject_CallMethodNoArgs(object, is_neg)) ? REFUSED_NEG : ACCEPTED;
}

static bool is_empty(const dl_tensor *tensor) {
  for (int32_t i = 0; i < tensor->rank; i++)
    if (tensor->shape[i] == 0) return true;
  return false;
}

refusal check_layout(const dl_tensor *tensor) {
  int64_t expected = 1;
  if (is_empty(tensor)) return ACCEPTED;
  for (int32_t i = tensor->rank - 1; i >= 0; i--) {
    if (tensor->shape[i] != 1 && tensor->strides[i] != expected) return REFUSED_STRIDES;
    expected *= tensor->shape[i];
  }
  if (tensor->data == NULL) return REFUSED_NULL;
  return ((uintptr_t)tensor->data + tensor->byte_offset) % ALIGNMENT ? REFUSED_ALIGNMENT : ACCEPTED;
}

uint64_t tensor_bytes(const dl_tensor *tensor) {
  uint64_t count = 1;
  for (int32_t i = 0; i < tensor->rank; i++) count *= (uint64_t)tensor->shape[i];
  return count * (((uint64_t)tensor->dtype.bits * tensor->dtype.lanes + 7) / 8);
}

PyObject *refusal_table(void) {
  PyObject *table = PyDict_New();
  for (long i = ACCEPTED + 1; table != NULL && i < REFUSALS; i++) {
    PyObject *code = PyLong_FromLong(i), *word = PyUnicode_FromString(refusal_words[i]);
    if (code == NULL || word == NULL || PyDict_SetItem(table, code, word) != 0) Py_CLEAR(table);
    Py_XDECREF(code);
    Py_XDECREF(word);
  }
  return table;
}
