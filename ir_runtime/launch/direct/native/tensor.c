// Decides which tensors a plan can use in place.
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

static bool find_types(launcher *own) {
  PyObject *torch = PyImport_ImportModule("torch");
  PyObject *nn = torch == NULL ? NULL : PyImport_ImportModule("torch.nn");
  bool found = nn != NULL &&
               (own->tensor_type = PyObject_GetAttrString(torch, "Tensor")) != NULL &&
               (own->parameter_type = PyObject_GetAttrString(nn, "Parameter")) != NULL &&
               (own->dtype_type = PyObject_GetAttrString(torch, "dtype")) != NULL &&
               (own->layout_type = PyObject_GetAttrString(torch, "layout")) != NULL &&
               (own->format_type = PyObject_GetAttrString(torch, "memory_format")) != NULL &&
               (own->thread_count = PyObject_GetAttrString(torch, "get_num_threads")) != NULL &&
               prepare_storages(own, torch);
  Py_XDECREF(torch);
  Py_XDECREF(nn);
  return found;
}

static bool find_exchange(launcher *own) {
  own->exchange_capsule = PyObject_GetAttrString(own->tensor_type, "__dlpack_c_exchange_api__");
  if (own->exchange_capsule == NULL) {
    PyErr_SetString(PyExc_ImportError, "this torch gives C no view of its tensors "
                                       "(no Tensor.__dlpack_c_exchange_api__)");
    return false;
  }
  own->exchange = PyCapsule_GetPointer(own->exchange_capsule, DLPACK_EXCHANGE_CAPSULE);
  if (own->exchange == NULL) return false;
  if (own->exchange->major == DLPACK_MAJOR && own->exchange->describe != NULL) return true;
  PyErr_Format(PyExc_ImportError,
               "this torch speaks DLPack %u.%u, must be %d.x and describe tensors",
               own->exchange->major, own->exchange->minor, DLPACK_MAJOR);
  return false;
}

// Looking for an attribute takes longer than reading it, and each call does it for each tensor.
// Returns what reads one; NULL if it is to be found by name. The descriptor is kept with it.
static const PyGetSetDef *find_getter(const launcher *own, PyObject *name, PyObject **descriptor) {
  *descriptor = PyObject_GetAttr(own->tensor_type, name);
  bool plain = *descriptor != NULL && Py_IS_TYPE(*descriptor, &PyGetSetDescr_Type);
  const PyGetSetDef *getter = plain ? ((PyGetSetDescrObject *)*descriptor)->d_getset : NULL;
  PyErr_Clear();
  return getter == NULL || getter->get == NULL ? NULL : getter;
}

static PyObject *attribute(PyObject *tensor, const PyGetSetDef *getter, PyObject *name) {
  return getter == NULL ? PyObject_GetAttr(tensor, name) : getter->get(tensor, getter->closure);
}

bool prepare_tensors(launcher *own) {
  own->is_neg = PyUnicode_InternFromString("is_neg");
  own->is_conj = PyUnicode_InternFromString("is_conj");
  own->wants_grad = PyUnicode_InternFromString("requires_grad");
  own->on_cpu = PyUnicode_InternFromString("is_cpu");
  own->is_inference = PyUnicode_InternFromString("is_inference");
  if (own->is_inference == NULL || own->is_neg == NULL || own->is_conj == NULL || own->wants_grad == NULL ||
      own->on_cpu == NULL || !find_types(own) || !find_exchange(own))
    return false;
  own->grad_getter = find_getter(own, own->wants_grad, &own->grad_descriptor);
  own->cpu_getter = find_getter(own, own->on_cpu, &own->cpu_descriptor);
  prepare_peek(own);
  return true;
}

bool is_tensor(const launcher *own, PyObject *object) {
  PyObject *type = (PyObject *)Py_TYPE(object);
  return type == own->tensor_type || type == own->parameter_type;
}

bool is_any_tensor(const launcher *own, PyObject *object) {
  return PyObject_TypeCheck(object, (PyTypeObject *)own->tensor_type);
}

bool is_torch_constant(const launcher *own, PyObject *object) {
  PyObject *type = (PyObject *)Py_TYPE(object);
  return type == own->dtype_type || type == own->layout_type || type == own->format_type;
}

refusal view_tensor(const launcher *own, PyObject *object, int32_t device_type, dl_tensor *out) {
  if (!is_tensor(own, object))
    return is_any_tensor(own, object) ? REFUSED_SUBCLASS : REFUSED_KIND;
  if (own->exchange->describe(object, out) != 0) {
    PyErr_Clear();
    return REFUSED_UNREADABLE;
  }
  return out->device_type == device_type ? ACCEPTED : REFUSED_DEVICE;
}

refusal describe_tensor(const launcher *own, PyObject *object, int32_t device_type, fact *out) {
  dl_tensor view;
  refusal why = view_tensor(own, object, device_type, &view);
  if (why != ACCEPTED) return why;
  int64_t *sizes = out->sizes.few;
  if (view.rank > FEW_DIMS) {
    sizes = out->sizes.many = PyMem_Malloc(2 * (size_t)view.rank * sizeof *sizes);
    if (sizes == NULL) return REFUSED_COUNT;
  }
  for (int32_t i = 0; i < view.rank; i++) {
    sizes[i] = view.shape[i];
    sizes[view.rank + i] = view.strides[i];
  }
  out->tensor = Py_NewRef(object);
  out->start = (char *)view.data + view.byte_offset;
  out->bytes = count_bytes(view.dtype, view.rank, view.shape);
  out->dtype = view.dtype;
  out->device = view.device_id;
  out->rank = view.rank;
  out->layout = check_layout(&view);
  return ACCEPTED;
}

void forget_fact(fact *self) {
  if (self->rank > FEW_DIMS) PyMem_Free(self->sizes.many);
  Py_DECREF(self->tensor);
}

// What cannot be answered is taken for a yes: it sends the call the long way.
static bool is_yes(PyObject *answer) {
  bool yes = answer != Py_False;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  return yes;
}

bool requires_grad(const launcher *own, PyObject *tensor) {
  if (has_no_gradient(own, tensor)) return false;
  return is_yes(attribute(tensor, own->grad_getter, own->wants_grad));
}

bool is_plain_tensor(const launcher *own, PyObject *object) {
  if (!is_tensor(own, object)) return false;
  if (is_peekable(own, object)) return true;
  PyObject *answer = attribute(object, own->cpu_getter, own->on_cpu);
  bool cpu = answer == Py_True;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  return cpu;
}

refusal check_bits(const launcher *own, const fact *seen) {
  PyObject *tensor = seen->tensor;
  bool complex = seen->dtype.code == DL_COMPLEX;
  if (complex && is_yes(PyObject_CallMethodNoArgs(tensor, own->is_conj))) return REFUSED_CONJ;
  return is_yes(PyObject_CallMethodNoArgs(tensor, own->is_neg)) ? REFUSED_NEG : ACCEPTED;
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
  uintptr_t beyond = ((uintptr_t)tensor->data + tensor->byte_offset) % ALIGNMENT;
  if (beyond == 0) return ACCEPTED;
  bool fits = tensor->device_type != DLPACK_CPU && beyond % GPU_ALIGNMENT == 0;
  return fits ? ACCEPTED : REFUSED_ALIGNMENT;
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
