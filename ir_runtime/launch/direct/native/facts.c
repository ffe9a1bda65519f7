// The facts of a call: each tensor is read once, before anything is compared.
#include <string.h>

#include "launcher.h"

void begin_facts(facts *self, int32_t device_type) {
  self->tensors = self->few;
  self->device_type = device_type;
  self->count = 0;
  self->room = FEW_TENSORS;
}

void forget_facts(facts *self) {
  while (self->count > 0) forget_fact(&self->tensors[--self->count]);
}

void end_facts(facts *self) {
  forget_facts(self);
  if (self->tensors != self->few) PyMem_Free(self->tensors);
}

static bool grow(facts *self) {
  size_t room = self->room * 4;
  fact *more = PyMem_Malloc(room * sizeof *more);
  if (more == NULL) return false;
  memcpy(more, self->tensors, self->count * sizeof *more);
  if (self->tensors != self->few) PyMem_Free(self->tensors);
  self->tensors = more;
  self->room = room;
  return true;
}

refusal add_fact(const launcher *own, facts *self, PyObject *tensor) {
  if (self->count == self->room && !grow(self)) return REFUSED_COUNT;
  refusal why = describe_tensor(own, tensor, self->device_type, &self->tensors[self->count]);
  if (why == ACCEPTED) self->count++;
  return why;
}

refusal add_glimpse(const launcher *own, facts *self, PyObject *tensor) {
  if (self->count == self->room && !grow(self)) return REFUSED_COUNT;
  if (!peek_tensor(own, tensor, &self->tensors[self->count])) return add_fact(own, self, tensor);
  self->count++;
  return ACCEPTED;
}

static refusal describe_value(const launcher *own, facts *self, PyObject *value) {
  return is_any_tensor(own, value) ? add_fact(own, self, value) : ACCEPTED;
}

refusal describe_values(const launcher *own, facts *self, PyObject *const *values,
                        Py_ssize_t count) {
  refusal why = ACCEPTED;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < count; i++) {
    PyObject *value = values[i];
    if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
      why = describe_value(own, self, value);
      continue;
    }
    for (Py_ssize_t j = 0; why == ACCEPTED && j < PySequence_Fast_GET_SIZE(value); j++)
      why = describe_value(own, self, PySequence_Fast_GET_ITEM(value, j));
  }
  return why;
}

refusal check_layouts(const facts *self) {
  refusal why = ACCEPTED;
  for (size_t i = 0; why == ACCEPTED && i < self->count; i++) why = self->tensors[i].layout;
  return why;
}

// Up to this size a copy on one thread takes less time than the way through Python, on any machine.
enum { SMALL_BYTES = 64 << 10 };

refusal check_readable(const facts *self, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const fact *each = &self->tensors[i];
    bool copied = each->layout == REFUSED_ALIGNMENT && each->bytes <= SMALL_BYTES &&
                  self->device_type == DLPACK_CPU;
    if (each->layout != ACCEPTED && !copied) return each->layout;
  }
  return ACCEPTED;
}

refusal check_all_bits(const launcher *own, const facts *self) {
  refusal why = ACCEPTED;
  for (size_t i = 0; why == ACCEPTED && i < self->count; i++)
    why = check_bits(own, &self->tensors[i]);
  return why;
}

refusal check_grad(const launcher *own, const facts *self) {
  bool any = false;
  for (size_t i = 0; !any && i < self->count; i++)
    any = requires_grad(own, self->tensors[i].tensor);
  return any && grad_enabled(own) ? REFUSED_GRAD : ACCEPTED;
}

// A list is held by its owner, and what is in it may change while an attribute is asked for.
bool any_requires_grad(const launcher *own, PyObject *const *values, Py_ssize_t count) {
  bool any = false;
  for (Py_ssize_t i = 0; !any && i < count; i++) {
    PyObject *value = values[i];
    if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value)) {
      any = is_any_tensor(own, value) && requires_grad(own, value);
      continue;
    }
    for (Py_ssize_t j = 0; !any && j < PySequence_Fast_GET_SIZE(value); j++) {
      PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(value, j));
      any = is_any_tensor(own, item) && requires_grad(own, item);
      Py_DECREF(item);
    }
  }
  return any;
}

bool overlap(const fact *one, const fact *other) {
  return one->start < other->start + other->bytes && other->start < one->start + one->bytes;
}
