// Checks the steps of a plan, so that no launch can read or write outside of its memory.
#include <string.h>

#include "gpu/gpu.h"
#include "launcher.h"

enum { TRANSFER_PART = 1 << 16 };  // bytes of a fill or copy worth a thread of their own

bool plan_fault(const char *format, ...) {
  va_list values;
  va_start(values, format);
  PyErr_FormatV(PyExc_ValueError, format, values);
  va_end(values);
  return false;
}

bool read_number(PyObject *object, uint64_t limit, uint64_t *number, const char *what) {
  *number = PyLong_Check(object) ? PyLong_AsUnsignedLongLong(object) : UINT64_MAX;
  if (PyErr_Occurred()) PyErr_Clear();
  if (PyLong_Check(object) && *number <= limit && *number != UINT64_MAX) return true;
  return plan_fault("plan: %s is %R, must be an integer from 0 to %llu", what, object,
                    (unsigned long long)limit);
}

// Dispatches trust that memory is aligned; copies and fills need not.
static bool read_span(const plan *self, size_t index, PyObject *object, uint64_t alignment,
                      span *out) {
  uint64_t slot;
  Py_ssize_t parts = PyTuple_Check(object) ? PyTuple_GET_SIZE(object) : 0;
  out->lead = 0;
  if (parts != 3 && parts != 4)
    return plan_fault("plan: step %zu has the binding %R, must be (slot, offset, length) or have a "
                      "lead, too", index, object);
  if (!read_number(PyTuple_GET_ITEM(object, 0), UINT32_MAX, &slot, "a slot") ||
      !read_number(PyTuple_GET_ITEM(object, 1), INT64_MAX, &out->offset, "an offset") ||
      !read_number(PyTuple_GET_ITEM(object, 2), INT64_MAX, &out->length, "a length") ||
      (parts == 4 && !read_number(PyTuple_GET_ITEM(object, 3), INT64_MAX, &out->lead, "a lead")))
    return false;
  if (slot >= self->slot_count)
    return plan_fault("plan: step %zu uses slot %llu, there are %u", index,
                      (unsigned long long)slot, self->slot_count);
  if (out->offset % alignment != 0 && out->length != 0)
    return plan_fault("plan: step %zu binds at offset %llu, must be a multiple of %llu", index,
                      (unsigned long long)out->offset, (unsigned long long)alignment);
  if (out->lead % ALIGNMENT != 0 || (alignment < ALIGNMENT && out->lead != 0))
    return plan_fault("plan: step %zu has the lead %llu, must be a multiple of %d in a dispatch, "
                      "else 0",
                      index, (unsigned long long)out->lead, ALIGNMENT);
  uint64_t size = self->sizes[slot];
  if (out->length > size || out->offset > size - out->length)
    return plan_fault("plan: step %zu binds %llu bytes at %llu of slot %llu, which has %llu", index,
                      (unsigned long long)out->length, (unsigned long long)out->offset,
                      (unsigned long long)slot, (unsigned long long)size);
  out->slot = (uint32_t)slot;
  return true;
}

static bool read_grid(PyObject *object, size_t index, step *out) {
  uint64_t x, y, z;
  if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 3)
    return plan_fault("plan: step %zu has the grid %R, must be (x, y, z)", index, object);
  if (!read_number(PyTuple_GET_ITEM(object, 0), UINT32_MAX, &x, "a grid's x") ||
      !read_number(PyTuple_GET_ITEM(object, 1), UINT32_MAX, &y, "a grid's y") ||
      !read_number(PyTuple_GET_ITEM(object, 2), UINT16_MAX, &z, "a grid's z"))
    return false;
  if (out->code != NULL && (x > INT32_MAX || y > UINT16_MAX))
    return plan_fault("plan: step %zu has the grid %R, must be below (2^31, 2^16, 2^16)", index,
                      object);
  if (__builtin_mul_overflow(x * y, z, &out->items) || out->items > INT64_MAX)
    return plan_fault("plan: step %zu has %R workgroups, must be fewer than 2^63", index, object);
  out->state.workgroup_count_x = (uint32_t)x;
  out->state.workgroup_count_y = (uint32_t)y;
  out->state.workgroup_count_z = (uint16_t)z;
  return true;
}

static bool grow(void *array, size_t count, size_t more, size_t size) {
  void *grown = PyMem_Realloc(*(void **)array, (count + more) * size);
  if (grown == NULL && count + more > 0) {
    PyErr_NoMemory();
    return false;
  }
  *(void **)array = grown;
  return true;
}

static bool read_constants(plan *self, PyObject *tuple, step *out) {
  size_t count = out->state.constant_count;
  if (!grow(&self->numbers, self->number_count, count, sizeof *self->numbers)) return false;
  out->first_constant = self->number_count;
  for (size_t i = 0; i < count; i++) {
    uint64_t number;
    if (!read_number(PyTuple_GET_ITEM(tuple, (Py_ssize_t)i), UINT32_MAX, &number, "a constant"))
      return false;
    self->numbers[self->number_count++] = (uint32_t)number;
  }
  return true;
}

static bool read_patch_place(plan *self, PyObject *item, size_t *place) {
  uint64_t index, constant;
  if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2)
    return plan_fault("plan: the patched number %R must be (step, constant)", item);
  if (!read_number(PyTuple_GET_ITEM(item, 0), INT32_MAX, &index, "the step of a patched number") ||
      !read_number(PyTuple_GET_ITEM(item, 1), INT32_MAX, &constant, "a patched number"))
    return false;
  if (index >= self->step_count || self->steps[index].kind != STEP_DISPATCH ||
      constant >= self->steps[index].state.constant_count)
    return plan_fault("plan: the patched number %R must be a constant of a dispatch", item);
  *place = self->steps[index].first_constant + constant;
  return true;
}

bool read_patched(plan *self, PyObject *patched) {
  size_t count = patched == NULL ? 0 : (size_t)PyTuple_GET_SIZE(patched);
  if (count == 0) return true;
  if (self->driver != NULL || self->number_count > MOST_PATCHED)
    return plan_fault("plan: has patched numbers, must be for a CPU, with at most %d numbers",
                      MOST_PATCHED);
  if ((self->patched = PyMem_Calloc(count, sizeof *self->patched)) == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (; self->patched_count < count; self->patched_count++)
    if (!read_patch_place(self, PyTuple_GET_ITEM(patched, (Py_ssize_t)self->patched_count),
                          &self->patched[self->patched_count]))
      return false;
  return true;
}

static bool read_bindings(plan *self, size_t index, PyObject *tuple, step *out) {
  size_t count = out->state.binding_count, first = self->binding_count;
  if (!grow(&self->bindings, first, count, sizeof *self->bindings) ||
      !grow(&self->lengths, first, count, sizeof *self->lengths))
    return false;
  out->first_binding = first;
  for (size_t i = 0; i < count; i++) {
    span *binding = &self->bindings[first + i];
    if (!read_span(self, index, PyTuple_GET_ITEM(tuple, (Py_ssize_t)i), ALIGNMENT, binding))
      return false;
    self->lengths[first + i] = binding->lead + binding->length;
    self->binding_count++;
  }
  return true;
}

// What a function of an executable takes, of either kind.
typedef struct {
  const char *name;
  uint32_t constants, bindings;
} signature;

static bool has_function(plan *self, size_t index, PyObject *item, uint64_t function, step *out) {
  uint32_t count;
  PyObject *name;
  if (self->driver != NULL) {
    out->code = (gpu_executable *)item;
    count = out->code->count;
    name = out->code->name;
  } else {
    out->owner = (const executable *)item;
    count = out->owner->library->exports.count;
    name = out->owner->name;
  }
  if (function >= count)
    return plan_fault("plan: step %zu uses function %llu of %U, there are %u", index,
                      (unsigned long long)function, name, count);
  out->function = (uint32_t)function;
  return true;
}

static bool find_function(plan *self, size_t index, PyObject *description, step *out) {
  uint64_t which, function, executables = (uint64_t)PyTuple_GET_SIZE(self->executables);
  if (!read_number(PyTuple_GET_ITEM(description, 1), UINT32_MAX, &which, "an executable") ||
      !read_number(PyTuple_GET_ITEM(description, 2), UINT32_MAX, &function, "a function"))
    return false;
  if (which >= executables)
    return plan_fault("plan: step %zu uses executable %llu, there are %llu", index,
                      (unsigned long long)which, (unsigned long long)executables);
  PyObject *item = PyTuple_GET_ITEM(self->executables, (Py_ssize_t)which);
  return has_function(self, index, item, function, out);
}

// Sets what the functions of a CPU are given beside their memory.
static signature describe_function(step *out) {
  if (out->code != NULL) {
    const gpu_function *has = &out->code->functions[out->function];
    return (signature){has->name, has->constants, has->bindings};
  }
  const dispatch_attributes *has = &out->owner->library->exports.attributes[out->function];
  out->local_memory = (uint32_t)has->local_memory_pages * LOCAL_MEMORY_PAGE;
  out->state.workgroup_size_x = has->workgroup_size_x ? has->workgroup_size_x : 1;
  out->state.workgroup_size_y = has->workgroup_size_y ? has->workgroup_size_y : 1;
  out->state.workgroup_size_z = has->workgroup_size_z ? has->workgroup_size_z : 1;
  return (signature){out->owner->library->exports.names[out->function], has->constant_count,
                     has->binding_count};
}

static bool read_dispatch(plan *self, size_t index, PyObject *description, step *out) {
  if (PyTuple_GET_SIZE(description) != 6)
    return plan_fault("plan: step %zu is %R, must be ('dispatch', executable, function, grid, "
                      "constants, bindings)", index, description);
  if (!find_function(self, index, description, out) ||
      !read_grid(PyTuple_GET_ITEM(description, 3), index, out))
    return false;
  PyObject *constants = PyTuple_GET_ITEM(description, 4);
  PyObject *bindings = PyTuple_GET_ITEM(description, 5);
  signature has = describe_function(out);
  if (!PyTuple_Check(constants) || PyTuple_GET_SIZE(constants) != (Py_ssize_t)has.constants)
    return plan_fault("plan: step %zu gives %s the constants %R, must be a tuple of %d", index,
                      has.name, constants, (int)has.constants);
  if (!PyTuple_Check(bindings) || PyTuple_GET_SIZE(bindings) != (Py_ssize_t)has.bindings)
    return plan_fault("plan: step %zu gives %s the bindings %R, must be a tuple of %d", index,
                      has.name, bindings, (int)has.bindings);
  out->state.constant_count = (uint16_t)has.constants;
  out->state.binding_count = (uint8_t)has.bindings;
  return read_constants(self, constants, out) && read_bindings(self, index, bindings, out);
}

static bool read_fill(plan *self, size_t index, PyObject *description, step *out) {
  if (PyTuple_GET_SIZE(description) != 3 || !PyBytes_Check(PyTuple_GET_ITEM(description, 2)))
    return plan_fault("plan: step %zu is %R, must be ('fill', binding, pattern)", index,
                      description);
  PyObject *pattern = PyTuple_GET_ITEM(description, 2);
  Py_ssize_t size = PyBytes_GET_SIZE(pattern);
  if (size != 1 && size != 2 && size != 4)
    return plan_fault("plan: step %zu fills with %R, must be 1, 2 or 4 bytes", index, pattern);
  if (!read_span(self, index, PyTuple_GET_ITEM(description, 1), (uint64_t)size, &out->target))
    return false;
  if (out->target.length % (uint64_t)size != 0)
    return plan_fault("plan: step %zu fills %llu bytes, must be a multiple of the pattern's %zd",
                      index, (unsigned long long)out->target.length, size);
  memcpy(out->pattern, PyBytes_AS_STRING(pattern), (size_t)size);
  out->pattern_size = (uint8_t)size;
  out->items = out->target.length;
  return true;
}

static bool read_copy(plan *self, size_t index, PyObject *description, step *out) {
  if (PyTuple_GET_SIZE(description) != 3)
    return plan_fault("plan: step %zu is %R, must be ('copy', source, target)", index, description);
  if (!read_span(self, index, PyTuple_GET_ITEM(description, 1), 1, &out->source) ||
      !read_span(self, index, PyTuple_GET_ITEM(description, 2), 1, &out->target))
    return false;
  if (out->source.length != out->target.length)
    return plan_fault("plan: step %zu copies %llu bytes to %llu, must be as many", index,
                      (unsigned long long)out->source.length,
                      (unsigned long long)out->target.length);
  if (out->source.slot == out->target.slot &&
      out->source.offset < out->target.offset + out->target.length &&
      out->target.offset < out->source.offset + out->source.length)
    return plan_fault("plan: step %zu copies %R, must not overlap", index, description);
  out->items = out->target.length;
  return true;
}

bool read_step(plan *self, size_t index, PyObject *description) {
  step *out = &self->steps[index];
  bool read = false;
  PyObject *kind = PyTuple_Check(description) && PyTuple_GET_SIZE(description) > 0
                       ? PyTuple_GET_ITEM(description, 0)
                       : Py_None;
  if (PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "dispatch") == 0) {
    out->kind = STEP_DISPATCH;
    read = read_dispatch(self, index, description, out);
  } else if (PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "fill") == 0) {
    out->kind = STEP_FILL;
    read = read_fill(self, index, description, out);
  } else if (PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "copy") == 0) {
    out->kind = STEP_COPY;
    read = read_copy(self, index, description, out);
  } else {
    return plan_fault("plan: step %zu is %R, must be a dispatch, fill or copy", index, description);
  }
  if (!read) return false;
  if (self->driver != NULL) return true;  // the GPU shares out its work itself
  uint64_t parts = out->kind == STEP_DISPATCH ? out->items : out->items / TRANSFER_PART;
  if (parts > self->parts) self->parts = parts;
  return true;
}
