// Has a call like this one been seen?  Its arguments, reduced to what a plan depends on.
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

static bool expect_tensor(remembered *self, PyObject *tensor) {
  dl_tensor seen;
  if (describe_tensor(tensor, &seen) != ACCEPTED) return false;
  expectation *added = add_expectation(self, EXPECT_TENSOR);
  if (added == NULL) return false;
  size_t size = (size_t)seen.rank * sizeof *added->shape;
  added->shape = PyMem_Malloc(size + 1);
  if (added->shape == NULL) {
    PyErr_NoMemory();
    return false;
  }
  memcpy(added->shape, seen.shape, size);
  added->dtype = seen.dtype;
  added->rank = seen.rank;
  return true;
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

// NaN equals itself here, and -0.0 differs from 0.0: a kernel may have them compiled in.
static uint64_t bits_of(PyObject *number) {
  double value = PyFloat_AS_DOUBLE(number);
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static bool expect_scalar(remembered *self, PyObject *value) {
  if (value == Py_None || PyBool_Check(value) || is_torch_constant(value))
    return expect_object(self, EXPECT_SAME, value);
  if (is_any_tensor(value)) return expect_tensor(self, value);
  if (PyLong_CheckExact(value)) return expect_int(self, value);
  if (PyUnicode_CheckExact(value)) return expect_object(self, EXPECT_TEXT, value);
  if (!PyFloat_CheckExact(value)) return false;
  expectation *added = add_expectation(self, EXPECT_FLOAT);
  if (added != NULL) added->bits = bits_of(value);
  return added != NULL;
}

static bool expect_value(remembered *self, PyObject *value) {
  if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value)) return expect_scalar(self, value);
  expectation *added = add_expectation(self, EXPECT_LIST);
  if (added == NULL) return false;
  added->object = Py_NewRef((PyObject *)Py_TYPE(value));
  added->length = PySequence_Fast_GET_SIZE(value);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); i++)
    if (!expect_scalar(self, PySequence_Fast_GET_ITEM(value, i))) return false;
  return true;
}

// --- comparison ---

static refusal compare_tensor(const expectation *expected, const dl_tensor *seen) {
  if (memcmp(&seen->dtype, &expected->dtype, sizeof seen->dtype) != 0) return REFUSED_DTYPE;
  bool same = seen->rank == expected->rank;
  for (int32_t i = 0; same && i < seen->rank; i++) same = seen->shape[i] == expected->shape[i];
  return same ? ACCEPTED : REFUSED_SHAPE;
}

static bool is_int(PyObject *value, int64_t integer) {
  int overflow;
  return PyLong_CheckExact(value) && PyLong_AsLongLongAndOverflow(value, &overflow) == integer &&
         !overflow;
}

static refusal compare_scalar(const expectation *expected, PyObject *value, const facts *seen,
                              size_t *tensor) {
  bool same = false;
  switch (expected->what) {
    case EXPECT_TENSOR:
      if (!is_tensor(value)) return REFUSED_KIND;
      return compare_tensor(expected, &seen->tensors[(*tensor)++]);
    case EXPECT_SAME:
      same = value == expected->object;
      break;
    case EXPECT_INT:
      same = is_int(value, expected->integer);
      break;
    case EXPECT_FLOAT:
      same = PyFloat_CheckExact(value) && bits_of(value) == expected->bits;
      break;
    case EXPECT_TEXT:
      same = value == expected->object ||
             (PyUnicode_CheckExact(value) && PyUnicode_Compare(value, expected->object) == 0);
      break;
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
  dl_tensor like = {.dtype = tensor->dtype, .rank = tensor->rank, .shape = tensor->shape};
  return tensor_bytes(&like);
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

static bool read_call(remembered *self, PyObject *args, PyObject *operands, PyObject *results) {
  self->value_count = PyTuple_GET_SIZE(args);
  for (Py_ssize_t i = 0; i < self->value_count; i++)
    if (!expect_value(self, PyTuple_GET_ITEM(args, i))) return false;
  return read_operands(self, operands) && read_results(self, results);
}

remembered *remember_call(PyObject *args, plan *what, PyObject *operands, PyObject *results) {
  remembered *self = PyMem_Calloc(1, sizeof *self);
  PyObject *given = NULL, *indices = NULL, *made = NULL;
  if (self == NULL) return (remembered *)PyErr_NoMemory();
  self->references = 1;
  self->what = (plan *)Py_NewRef((PyObject *)what);
  if ((given = PySequence_Tuple(args)) == NULL || (indices = PySequence_Tuple(operands)) == NULL ||
      (made = PySequence_Tuple(results)) == NULL || !read_call(self, given, indices, made)) {
    forget_call(self);
    self = NULL;
  }
  Py_XDECREF(given);
  Py_XDECREF(indices);
  Py_XDECREF(made);
  return self;
}

void forget_call(remembered *self) {
  if (--self->references > 0) return;
  for (size_t i = 0; i < self->expected_count; i++) {
    PyMem_Free(self->expected[i].shape);
    Py_XDECREF(self->expected[i].object);
  }
  drop_results(self);
  PyMem_Free(self->expected);
  PyMem_Free(self->operands);
  Py_DECREF((PyObject *)self->what);
  PyMem_Free(self);
}

// --- the latest calls ---

refusal find_call(recent_calls *self, PyObject *const *values, Py_ssize_t count, const facts *seen,
                  remembered **found) {
  refusal why = REFUSED_UNKNOWN;
  for (Py_ssize_t i = 0; i < self->count; i++) {
    remembered *candidate = self->calls[i];
    refusal differs = compare_call(candidate, values, count, seen);
    if (i == 0) why = differs;
    if (differs != ACCEPTED) continue;
    memmove(self->calls + 1, self->calls, (size_t)i * sizeof *self->calls);
    self->calls[0] = candidate;
    *found = candidate;
    return ACCEPTED;
  }
  return why;
}

void keep_call(recent_calls *self, remembered *added) {
  if (self->count == self->capacity) forget_call(self->calls[--self->count]);
  memmove(self->calls + 1, self->calls, (size_t)self->count * sizeof *self->calls);
  self->calls[0] = added;
  self->count++;
}

void forget_calls(recent_calls *self) {
  while (self->count > 0) forget_call(self->calls[--self->count]);
}
