// What does a call say of its tensors?  Looked at once, before anything is compared.
#include <string.h>

#include "launcher.h"

void begin_facts(facts *self) {
  self->tensors = self->few;
  self->count = 0;
  self->room = FEW_TENSORS;
}

void end_facts(facts *self) {
  if (self->tensors != self->few) PyMem_Free(self->tensors);
}

static bool grow(facts *self) {
  size_t room = self->room * 4;
  dl_tensor *more = PyMem_Malloc(room * sizeof *more);
  if (more == NULL) return false;
  memcpy(more, self->tensors, self->count * sizeof *more);
  end_facts(self);
  self->tensors = more;
  self->room = room;
  return true;
}

refusal describe_value(facts *self, PyObject *value) {
  if (!is_any_tensor(value)) return ACCEPTED;
  if (self->count == self->room && !grow(self)) return REFUSED_COUNT;
  refusal why = describe_tensor(value, &self->tensors[self->count]);
  if (why == ACCEPTED) self->count++;
  return why;
}

refusal describe_values(facts *self, PyObject *const *values, Py_ssize_t count) {
  refusal why = ACCEPTED;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < count; i++) {
    PyObject *value = values[i];
    if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
      why = describe_value(self, value);
      continue;
    }
    for (Py_ssize_t j = 0; why == ACCEPTED && j < PySequence_Fast_GET_SIZE(value); j++)
      why = describe_value(self, PySequence_Fast_GET_ITEM(value, j));
  }
  return why;
}

refusal check_layouts(const facts *self) {
  refusal why = ACCEPTED;
  for (size_t i = 0; why == ACCEPTED && i < self->count; i++)
    why = check_layout(&self->tensors[i]);
  return why;
}

refusal check_all_bits(PyObject *const *values, Py_ssize_t count, const facts *seen) {
  size_t tensor = 0;
  refusal why = ACCEPTED;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < count; i++) {
    PyObject *value = values[i];
    if (is_tensor(value)) {
      why = check_bits(value, &seen->tensors[tensor++]);
    } else if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
      for (Py_ssize_t j = 0; why == ACCEPTED && j < PySequence_Fast_GET_SIZE(value); j++) {
        PyObject *item = PySequence_Fast_GET_ITEM(value, j);
        if (is_tensor(item)) why = check_bits(item, &seen->tensors[tensor++]);
      }
    }
  }
  return why;
}

static bool any_requires_grad(PyObject *const *values, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *value = values[i];
    if (is_tensor(value)) {
      if (requires_grad(value)) return true;
    } else if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
      for (Py_ssize_t j = 0; j < PySequence_Fast_GET_SIZE(value); j++) {
        PyObject *item = PySequence_Fast_GET_ITEM(value, j);
        if (is_tensor(item) && requires_grad(item)) return true;
      }
    }
  }
  return false;
}

refusal check_grad(PyObject *const *values, Py_ssize_t count) {
  return any_requires_grad(values, count) && grad_enabled() ? REFUSED_GRAD : ACCEPTED;
}

bool overlap(const dl_tensor *one, const dl_tensor *other) {
  uintptr_t first = (uintptr_t)one->data + one->byte_offset;
  uintptr_t second = (uintptr_t)other->data + other->byte_offset;
  return first < second + tensor_bytes(other) && second < first + tensor_bytes(one);
}
