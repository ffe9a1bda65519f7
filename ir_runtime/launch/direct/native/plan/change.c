// The operands that a plan changes. Its last results, except for the report, are in their memory.
#include "launcher.h"

bool take_changed(plan *self, PyObject *changed, PyObject *copies) {
  if (copies != NULL && !read_number(copies, UINT32_MAX, &self->copies, "copies")) return false;
  PyObject *operands = changed == NULL ? PyTuple_New(0) : PySequence_Tuple(changed);
  if (operands == NULL) return false;
  uint32_t room = self->result_count - self->hidden_count;
  Py_ssize_t count = PyTuple_GET_SIZE(operands);
  bool taken = true;
  if (count > (Py_ssize_t)room)
    taken = plan_fault("plan: changes %zd operands and has %u results, must have one for each",
                       count, room);
  self->changed = taken ? PyMem_Calloc((size_t)count + 1, sizeof *self->changed) : NULL;
  if (taken && self->changed == NULL) {
    PyErr_NoMemory();
    taken = false;
  }
  for (Py_ssize_t i = 0; taken && i < count; i++) {
    uint64_t operand = 0;
    taken = read_number(PyTuple_GET_ITEM(operands, i), UINT32_MAX, &operand, "a changed operand");
    if (taken && operand >= self->operand_count)
      taken = plan_fault("plan: changes operand %llu, must be one of its %u",
                         (unsigned long long)operand, self->operand_count);
    self->changed[self->changed_count++] = (uint32_t)operand;
  }
  Py_DECREF(operands);
  return taken;
}

static const fact *operand_at(const facts *seen, const uint32_t *operands, uint32_t at) {
  return &seen->tensors[operands == NULL ? at : operands[at]];
}

refusal check_changed(const plan *self, const facts *seen, const uint32_t *operands) {
  uint32_t first = self->operand_count + returned_results(self);
  for (uint32_t i = 0; i < self->changed_count; i++) {
    const fact *changed = operand_at(seen, operands, self->changed[i]);
    if (changed->layout != ACCEPTED) return changed->layout;  // a copy of it would be changed
    if (changed->bytes < self->sizes[first + i]) return REFUSED_SIZE;
    for (uint32_t j = 0; j < self->operand_count; j++) {
      const fact *other = operand_at(seen, operands, j);
      if (other->bytes == 0 || changed->bytes == 0 || j == self->changed[i]) continue;
      if (overlap(changed, other)) return REFUSED_OVERLAP;
    }
  }
  return ACCEPTED;
}

void bind_changed(const plan *self, void **slots) {
  uint32_t first = self->operand_count + returned_results(self);
  for (uint32_t i = 0; i < self->changed_count; i++) slots[first + i] = slots[self->changed[i]];
}

static bool is_true(PyObject *answer) {
  bool yes = answer == Py_True;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  return yes;
}

// torch has no record of changes to such a tensor, and refuses them as it does here.
static bool refuse_inference(const launcher *own, PyObject *tensor) {
  if (!is_true(PyObject_CallMethodNoArgs(tensor, own->is_inference))) return true;
  if (is_true(PyObject_CallNoArgs(own->inference_mode))) return true;
  PyErr_SetString(PyExc_RuntimeError,
                  "Inplace update to inference tensor outside InferenceMode is not allowed. You can "
                  "make a clone to get a normal tensor before doing inplace update.");
  return false;
}

bool note_changed(const plan *self, const facts *seen, const uint32_t *operands) {
  if (self->changed_count == 0) return true;
  PyObject *changed = PyTuple_New((Py_ssize_t)self->changed_count), *done = NULL;
  for (uint32_t i = 0; changed != NULL && i < self->changed_count; i++) {
    PyObject *tensor = operand_at(seen, operands, self->changed[i])->tensor;
    PyTuple_SET_ITEM(changed, (Py_ssize_t)i, Py_NewRef(tensor));
    if (!refuse_inference(self->own, tensor)) Py_CLEAR(changed);
  }
  if (changed != NULL) done = PyObject_CallOneArg(self->own->increment_version, changed);
  Py_XDECREF(changed);
  Py_XDECREF(done);
  return done != NULL;
}
