// Compares a call with the calls that were seen before, by the arguments that a plan depends on.
#include <string.h>

#include "launcher.h"

static expectation *add_expectation(remembered *self, kind what) {
  if (self->expected_count == self->expected_room) {
    size_t room = self->expected_room * 2 + 8;
    expectation *more = PyMem_Realloc(self->expected, room * sizeof *more);
    if (more == NULL) {
      PyErr_NoMemory();
      return NULL;
    }
    self->expected = more;
    self->expected_room = room;
  }
  expectation *added = &self->expected[self->expected_count++];
  memset(added, 0, sizeof *added);
  added->what = what;
  return added;
}

static bool expect_shape(expectation *added, const fact *seen, bool strided) {
  size_t size = (size_t)seen->rank * (strided ? 2 : 1) * sizeof *added->shape;
  if ((added->shape = PyMem_Malloc(size + 1)) == NULL) {
    PyErr_NoMemory();
    return false;
  }
  memcpy(added->shape, sizes_of(seen), size);
  added->strided = strided;
  return true;
}

static bool expect_tensor(remembered *self, PyObject *tensor, detail counts) {
  fact seen;
  int32_t where = self->what == NULL ? DLPACK_CPU : self->what->device_type;
  if (describe_tensor(self->own, tensor, where, &seen) != ACCEPTED) return false;
  expectation *added = add_expectation(self, EXPECT_TENSOR);
  bool expected = added != NULL;
  if (expected) {
    added->dtype = seen.dtype;
    added->device = seen.device;
    added->rank = seen.rank;
  }
  if (counts == COUNTS_KIND)
    self->open = true;
  else
    expected = expected && expect_shape(added, &seen, counts == COUNTS_ALL);
  forget_fact(&seen);
  return expected;
}

static bool expect_object(remembered *self, kind what, PyObject *object) {
  expectation *added = add_expectation(self, what);
  if (added != NULL) added->object = Py_NewRef(object);
  return added != NULL;
}

static bool expect_int(remembered *self, PyObject *object) {
  int overflow;
  int64_t integer = PyLong_AsLongLongAndOverflow(object, &overflow);
  expectation *added = overflow ? NULL : add_expectation(self, EXPECT_INT);
  if (added != NULL) added->integer = integer;
  return added != NULL;
}

// Its number in a call may be any of the range; this one is among them.
static bool expect_range(remembered *self, PyObject *object, PyObject *range) {
  uint64_t lowest, highest;
  if (!read_number(PyTuple_GET_ITEM(range, 1), INT32_MAX, &lowest, "the lowest number of a range") ||
      !read_number(PyTuple_GET_ITEM(range, 2), INT32_MAX, &highest, "the highest number of a range"))
    return false;
  int overflow;
  int64_t own = PyLong_CheckExact(object) ? PyLong_AsLongLongAndOverflow(object, &overflow) : -1;
  if (own < (int64_t)lowest || own > (int64_t)highest)
    return plan_fault("remember: the number %R must be from %llu to %llu", object,
                      (unsigned long long)lowest, (unsigned long long)highest);
  expectation *added = add_expectation(self, EXPECT_RANGE);
  if (added == NULL) return false;
  added->integer = (int64_t)lowest;
  added->highest = (int64_t)highest;
  return true;
}

// NaN equals itself here, and -0.0 differs from 0.0: a kernel may have them compiled in.
static uint64_t bits_of(PyObject *number) {
  double value = PyFloat_AS_DOUBLE(number);
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static bool expect_scalar(remembered *self, PyObject *value, detail counts) {
  if (value == Py_None || PyBool_Check(value) || is_torch_constant(self->own, value))
    return expect_object(self, EXPECT_SAME, value);
  if (is_any_tensor(self->own, value)) return expect_tensor(self, value, counts);
  if (PyLong_CheckExact(value)) return expect_int(self, value);
  if (PyUnicode_CheckExact(value)) return expect_object(self, EXPECT_TEXT, value);
  if (!PyFloat_CheckExact(value)) return false;
  expectation *added = add_expectation(self, EXPECT_FLOAT);
  if (added != NULL) added->bits = bits_of(value);
  return added != NULL;
}

// The items of a list are read from a copy: others may change it while they are looked at.
static bool expect_value(remembered *self, PyObject *value, detail counts) {
  if (counts == COUNTS_NOT) {
    self->open = true;
    return add_expectation(self, EXPECT_ANY) != NULL;
  }
  if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value))
    return expect_scalar(self, value, counts);
  PyObject *items = PySequence_Tuple(value);
  expectation *added = items == NULL ? NULL : add_expectation(self, EXPECT_LIST);
  bool expected = added != NULL;
  if (expected) {
    added->object = Py_NewRef((PyObject *)Py_TYPE(value));
    added->length = PyTuple_GET_SIZE(items);
  }
  for (Py_ssize_t i = 0; expected && i < PyTuple_GET_SIZE(items); i++)
    expected = expect_scalar(self, PyTuple_GET_ITEM(items, i), counts);
  Py_XDECREF(items);
  return expected;
}

// --- comparison ---

// No Python code runs while a call is compared, so that lists keep their items. They may have changed
// since the tensors were described: one that was not is none of the call's.
static refusal compare_tensor(const expectation *expected, PyObject *value, const facts *seen,
                              size_t *tensor) {
  const fact *found = &seen->tensors[*tensor];
  if (*tensor == seen->count || found->tensor != value) return REFUSED_KIND;
  ++*tensor;
  if (memcmp(&found->dtype, &expected->dtype, sizeof found->dtype) != 0) return REFUSED_DTYPE;
  if (found->rank != expected->rank) return REFUSED_SHAPE;
  if (found->device != expected->device) return REFUSED_DEVICE;
  if (expected->shape == NULL) return ACCEPTED;
  const int64_t *sizes = sizes_of(found);
  int32_t count = expected->strided ? 2 * found->rank : found->rank;
  for (int32_t i = 0; i < count; i++)
    if (sizes[i] != expected->shape[i]) return i < found->rank ? REFUSED_SHAPE : REFUSED_STRIDES;
  return ACCEPTED;
}

// Any value is as good as another, but its tensors are passed over.
static refusal compare_nothing(PyObject *value, const facts *seen, size_t *tensor) {
  if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); i++)
      compare_nothing(PySequence_Fast_GET_ITEM(value, i), seen, tensor);
  } else if (*tensor < seen->count && seen->tensors[*tensor].tensor == value) {
    ++*tensor;
  }
  return ACCEPTED;
}

static bool is_int(PyObject *value, int64_t integer) {
  int overflow;
  return PyLong_CheckExact(value) && PyLong_AsLongLongAndOverflow(value, &overflow) == integer &&
         !overflow;
}

static bool is_within(PyObject *value, int64_t lowest, int64_t highest) {
  if (!PyLong_CheckExact(value)) return false;
  int overflow;
  int64_t integer = PyLong_AsLongLongAndOverflow(value, &overflow);
  return !overflow && lowest <= integer && integer <= highest;
}

static refusal compare_scalar(const expectation *expected, PyObject *value, const facts *seen,
                              size_t *tensor) {
  bool same = false;
  switch (expected->what) {
    case EXPECT_TENSOR:
      return compare_tensor(expected, value, seen, tensor);
    case EXPECT_SAME:
      same = value == expected->object;
      break;
    case EXPECT_INT:
      same = is_int(value, expected->integer);
      break;
    case EXPECT_RANGE:
      same = is_within(value, expected->integer, expected->highest);
      break;
    case EXPECT_FLOAT:
      same = PyFloat_CheckExact(value) && bits_of(value) == expected->bits;
      break;
    case EXPECT_TEXT:
      same = value == expected->object ||
             (PyUnicode_CheckExact(value) && PyUnicode_Compare(value, expected->object) == 0);
      break;
    case EXPECT_ANY:
      return compare_nothing(value, seen, tensor);
    case EXPECT_LIST:
      break;
  }
  return same ? ACCEPTED : REFUSED_VALUE;
}

refusal compare_call(const remembered *self, PyObject *const *values, Py_ssize_t count,
                     const facts *seen) {
  const expectation *expected = self->expected;
  size_t tensor = 0;
  refusal why = count == self->value_count ? ACCEPTED : REFUSED_COUNT;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < count; i++) {
    if (expected->what != EXPECT_LIST) {
      why = compare_scalar(expected++, values[i], seen, &tensor);
      continue;
    }
    const expectation *list = expected++;
    if ((PyObject *)Py_TYPE(values[i]) != list->object) return REFUSED_KIND;
    if (PySequence_Fast_GET_SIZE(values[i]) != list->length) return REFUSED_VALUE;
    for (Py_ssize_t j = 0; why == ACCEPTED && j < list->length; j++)
      why = compare_scalar(expected++, PySequence_Fast_GET_ITEM(values[i], j), seen, &tensor);
  }
  return why;
}

// --- making ---

static uint64_t expected_bytes(const expectation *tensor) {
  return count_bytes(tensor->dtype, tensor->rank, tensor->shape);
}

// The tensors of the arguments, lists flattened, are numbered as `describe_values` finds them.
static bool add_operand(remembered *self, uint32_t *used, const expectation *item,
                        uint32_t tensor) {
  if (item->what != EXPECT_TENSOR) return true;
  if (*used >= self->what->operand_count)
    return plan_fault("remember: more operands than the plan has");
  if (expected_bytes(item) < self->what->sizes[*used])
    return plan_fault("remember: operand %u has %llu bytes, must have %llu", *used,
                      (unsigned long long)expected_bytes(item),
                      (unsigned long long)self->what->sizes[*used]);
  self->operands[(*used)++] = tensor;
  return true;
}

static bool add_operands(remembered *self, uint64_t wanted, uint32_t *used) {
  const expectation *item = self->expected;
  uint32_t tensor = 0;
  for (uint64_t value = 0; value < (uint64_t)self->value_count; value++) {
    Py_ssize_t items = 1;
    if (item->what == EXPECT_LIST) items = (item++)->length;
    for (; items > 0; items--, item++) {
      if (value == wanted && !add_operand(self, used, item, tensor)) return false;
      tensor += item->what == EXPECT_TENSOR;
    }
  }
  return true;
}

static bool read_operands(remembered *self, PyObject *operands) {
  uint32_t used = 0;
  self->operands = PyMem_Calloc(self->what->operand_count + 1, sizeof *self->operands);
  if (self->operands == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(operands); i++) {
    uint64_t wanted;
    if (!read_number(PyTuple_GET_ITEM(operands, i), UINT32_MAX, &wanted, "an operand") ||
        !add_operands(self, wanted, &used))
      return false;
  }
  if (used == self->what->operand_count) return true;
  return plan_fault("remember: %u operands, the plan has %u", used, self->what->operand_count);
}

static bool read_values(remembered *self, PyObject *args, const char *details, PyObject *range) {
  self->value_count = PyTuple_GET_SIZE(args);
  for (Py_ssize_t i = 0; i < self->value_count; i++) {
    PyObject *value = PyTuple_GET_ITEM(args, i);
    detail counts = details == NULL ? COUNTS_SIZES : (detail)details[i];
    if (!(i == self->number ? expect_range(self, value, range) : expect_value(self, value, counts)))
      return false;
  }
  return true;
}

static bool read_range(remembered *self, PyObject *args, PyObject *range) {
  uint64_t position;
  if (range == Py_None) return true;
  if (!PyTuple_Check(range) || PyTuple_GET_SIZE(range) != 3)
    return plan_fault("remember: the range %R must be (position, lowest, highest)", range);
  if (!read_number(PyTuple_GET_ITEM(range, 0), INT32_MAX, &position, "the position of a range"))
    return false;
  if (position >= (uint64_t)PyTuple_GET_SIZE(args) || self->what->patched_count == 0)
    return plan_fault("remember: a range for argument %R, must be one that the plan is patched with",
                      PyTuple_GET_ITEM(range, 0));
  self->number = (Py_ssize_t)position;
  return true;
}

static bool read_call(remembered *self, PyObject *args, PyObject *operands, PyObject *results,
                      PyObject *range) {
  return read_range(self, args, range) && read_values(self, args, NULL, range) &&
         read_operands(self, operands) && read_results(self, results);
}

void read_patch(const remembered *self, PyObject *const *values, facts *seen) {
  if (self->number >= 0) seen->number = PyLong_AsLongLong(values[self->number]);
}

// Nobody can find it until it is whole.
static remembered *new_remembered(launcher *own) {
  PyTypeObject *type = (PyTypeObject *)own->remembered_type;
  remembered *self = (remembered *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);
  self->own = own;
  self->number = -1;
  return self;
}

remembered *remember_call(PyObject *args, plan *what, PyObject *operands, PyObject *results,
                          PyObject *range) {
  remembered *self = new_remembered(what->own);
  PyObject *given = NULL, *indices = NULL, *made = NULL;
  if (self == NULL) return NULL;
  self->what = (plan *)Py_NewRef((PyObject *)what);
  if ((given = PySequence_Tuple(args)) == NULL || (indices = PySequence_Tuple(operands)) == NULL ||
      (made = PySequence_Tuple(results)) == NULL || !read_call(self, given, indices, made, range))
    Py_CLEAR(self);
  else
    PyObject_GC_Track(self);
  Py_XDECREF(given);
  Py_XDECREF(indices);
  Py_XDECREF(made);
  return self;
}

remembered *redirect_call(launcher *own, PyObject *args, const char *details, PyObject *instead) {
  remembered *self = new_remembered(own);
  if (self == NULL) return NULL;
  self->instead = Py_NewRef(instead);
  if (read_values(self, args, details, Py_None))
    PyObject_GC_Track(self);
  else
    Py_CLEAR(self);
  return self;
}

// What it refers to leads back to it through a plan, a type or a call only, which break the cycle.
static int traverse(PyObject *object, visitproc visit, void *arg) {
  remembered *self = (remembered *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->what);
  Py_VISIT(self->instead);
  for (size_t i = 0; i < self->expected_count; i++) Py_VISIT(self->expected[i].object);
  for (uint32_t i = 0; self->results != NULL && i < returned_results(self->what); i++)
    Py_VISIT(self->results[i].allocation);
  return 0;
}

static void free_remembered(PyObject *object) {
  remembered *self = (remembered *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  for (size_t i = 0; i < self->expected_count; i++) {
    PyMem_Free(self->expected[i].shape);
    Py_XDECREF(self->expected[i].object);
  }
  if (self->what != NULL) drop_results(self);
  PyMem_Free(self->expected);
  PyMem_Free(self->operands);
  Py_XDECREF((PyObject *)self->what);
  Py_XDECREF(self->instead);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "The arguments of a call, and what it runs."},
    {Py_tp_dealloc, free_remembered},
    {Py_tp_traverse, traverse},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.Remembered", sizeof(remembered), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                               Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           slots};

// Python never sees one, but its garbage collector does.
bool add_remembered_type(launcher *own) {
  own->remembered_type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  return own->remembered_type != NULL;
}
