// A plan: the launches of one call. They are checked once, so that running them needs no checks.
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu.h"
#include "launcher.h"

#include <structmember.h>

enum { MOST_SLOTS = 1 << 20 };

static bool out_of_memory(void) {
  PyErr_NoMemory();
  return false;
}

static bool take_executables(plan *self, PyObject *executables) {
  self->executables = PySequence_Tuple(executables);
  if (self->executables == NULL) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->executables); i++) {
    PyObject *item = PyTuple_GET_ITEM(self->executables, i);
    if (self->driver != NULL) {
      if (!is_code_for(self->own, item, self->driver))
        return plan_fault("plan: executable %zd is %R, must be a GpuExecutable for %R", i, item,
                          (PyObject *)self->driver);
    } else if (!Py_IS_TYPE(item, (PyTypeObject *)self->own->executable_type)) {
      return plan_fault("plan: executable %zd is %R, must be an Executable", i, item);
    }
  }
  return true;
}

static bool take_sizes(plan *self, PyObject *minimum_sizes, PyObject *transients) {
  uint32_t tensors = self->operand_count + self->result_count;
  uint64_t rows = self->report_rows + self->device_rows;
  if (PyTuple_GET_SIZE(minimum_sizes) != tensors)
    return plan_fault("plan: has %zd minimum sizes, must have one for each of %u tensors",
                      PyTuple_GET_SIZE(minimum_sizes), tensors);
  for (uint32_t i = 0; i < tensors; i++)
    if (!read_number(PyTuple_GET_ITEM(minimum_sizes, i), INT64_MAX, &self->sizes[i],
                     "a minimum size"))
      return false;
  if (rows > 0 && self->sizes[tensors - 1] > rows * REPORT_COLUMNS * sizeof(int64_t))
    return plan_fault("plan: its report has more than %llu rows, must have fewer",
                      (unsigned long long)rows);
  for (uint32_t i = 0; i < self->transient_count; i++) {
    uint64_t *size = &self->sizes[tensors + i];
    if (!read_number(PyTuple_GET_ITEM(transients, i), INT64_MAX / 2, size, "a transient's size"))
      return false;
    self->offsets[i] = self->transient_bytes;
    if (self->transient_bytes > INT64_MAX / 2)
      return plan_fault("plan: its transients have more than 2^62 bytes, must have fewer");
    self->transient_bytes += aligned(*size);
  }
  return true;
}

// A constant that is a memoryview is used where it lies; another one is copied.
static bool take_constant(plan *self, uint32_t number, PyObject *item) {
  Py_buffer *bytes = &self->lent[number];
  if (PyObject_GetBuffer(item, bytes, PyBUF_SIMPLE) != 0) return false;
  self->sizes[self->slot_count - self->constant_count + number] = (uint64_t)bytes->len;
  if (PyMemoryView_Check(item)) {
    self->constants[number] = bytes->buf;
    if (bytes->len == 0 || (uintptr_t)bytes->buf % ALIGNMENT == 0) return true;
    return plan_fault("plan: constant %u is not %d-byte aligned", number, ALIGNMENT);
  }
  void *copy = aligned_alloc(ALIGNMENT, aligned((uint64_t)bytes->len + 1));
  if (copy != NULL) memcpy(copy, bytes->buf, (size_t)bytes->len);
  PyBuffer_Release(bytes);
  self->constants[number] = copy;
  return copy != NULL || out_of_memory();
}

static bool take_constants(plan *self, PyObject *constants, PyObject *place) {
  if (self->driver != NULL) return take_gpu_constants(self, constants, place);
  for (uint32_t i = 0; i < self->constant_count; i++)
    if (!take_constant(self, i, PyTuple_GET_ITEM(constants, i))) return false;
  return true;
}

static void drop_constants(plan *self) {
  for (uint32_t i = 0; self->constants != NULL && self->lent != NULL && i < self->constant_count; i++)
    if (self->lent[i].obj != NULL)
      PyBuffer_Release(&self->lent[i]);
    else
      free(self->constants[i]);
  PyMem_Free(self->lent);
  PyMem_Free(self->constants);
}

static bool take_steps(plan *self, PyObject *steps) {
  for (size_t i = 0; i < self->step_count; i++)
    if (!read_step(self, i, PyTuple_GET_ITEM(steps, (Py_ssize_t)i))) return false;
  for (size_t i = 0; i < self->step_count; i++) {
    step *each = &self->steps[i];
    if (each->kind != STEP_DISPATCH) continue;
    each->state.constants = self->numbers + each->first_constant;
    each->state.binding_lengths = self->lengths + each->first_binding;
  }
  return true;
}

typedef struct {
  PyObject *minimum_sizes, *transients, *steps, *constants;
  PyObject *place;  // borrowed: puts constants on a GPU
} parts;

static bool fill_plan(plan *self, PyObject *executables, const parts *from) {
  self->transient_count = (uint32_t)PyTuple_GET_SIZE(from->transients);
  uint32_t constants = self->constant_count = (uint32_t)PyTuple_GET_SIZE(from->constants);
  self->slot_count =
      self->operand_count + self->result_count + self->transient_count + constants;
  self->step_count = (size_t)PyTuple_GET_SIZE(from->steps);
  self->sizes = PyMem_Calloc(self->slot_count + 1, sizeof *self->sizes);
  self->offsets = PyMem_Calloc(self->transient_count + constants + 1, sizeof *self->offsets);
  self->constants = PyMem_Calloc(constants + 1, sizeof *self->constants);
  self->lent = PyMem_Calloc(constants + 1, sizeof *self->lent);
  self->steps = PyMem_Calloc(self->step_count + 1, sizeof *self->steps);
  if (!self->sizes || !self->offsets || !self->constants || !self->lent || !self->steps)
    return out_of_memory();
  return take_executables(self, executables) &&
         take_sizes(self, from->minimum_sizes, from->transients) &&
         take_constants(self, from->constants, from->place) && take_steps(self, from->steps);
}

static bool take_parts(parts *out, PyObject *minimum_sizes, PyObject *transients, PyObject *steps,
                       PyObject *constants) {
  out->minimum_sizes = PySequence_Tuple(minimum_sizes);
  if (out->minimum_sizes != NULL) out->transients = PySequence_Tuple(transients);
  if (out->transients != NULL) out->steps = PySequence_Tuple(steps);
  if (out->steps != NULL)
    out->constants = constants == NULL ? PyTuple_New(0) : PySequence_Tuple(constants);
  if (out->constants == NULL) return false;
  if (PyTuple_GET_SIZE(out->transients) < MOST_SLOTS &&
      PyTuple_GET_SIZE(out->constants) < MOST_SLOTS)
    return true;
  return plan_fault("plan: has more than 2^20 transients or constants, must have fewer");
}

// What runs a plan on a GPU, and what raises the errors of its driver.
static bool take_driver(plan *self, PyObject *driver, PyObject *failure) {
  bool on_gpu = driver != NULL && driver != Py_None;
  self->device_type = DLPACK_CPU;
  self->allocate = Py_NewRef(on_gpu ? self->own->empty_on_gpu : self->own->empty_strided);
  if (!on_gpu) return true;
  if (!Py_IS_TYPE(driver, (PyTypeObject *)self->own->gpu_driver_type))
    return plan_fault("plan: its driver is %R, must be a GpuDriver", driver);
  if (failure == NULL || !PyCallable_Check(failure))
    return plan_fault("plan: has a driver and no failure, must have a function for it");
  self->driver = (gpu_driver *)Py_NewRef(driver);
  self->failure = Py_NewRef(failure);
  self->device_type = device_type_of(self->driver);
  return true;
}

static PyObject *new_plan(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"executables", "operand_count", "result_count",  "minimum_sizes",
                          "transients",  "steps",         "touched_bytes", "constants",
                          "report_rows", "report_fault",  "changed",       "copies",
                          "checked_at",  "driver",        "failure",       "place",
                          "patched",     NULL};
  PyObject *executables, *operands, *results, *minimum_sizes, *transients, *steps, *touched;
  PyObject *constants = NULL, *rows = NULL, *fault = NULL, *changed = NULL, *copies = NULL;
  PyObject *checked = NULL, *driver = NULL, *failure = NULL, *place = NULL, *patched = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOO|OOOOOOOOOO!:Plan", names, &executables,
                                   &operands, &results, &minimum_sizes, &transients, &steps,
                                   &touched, &constants, &rows, &fault, &changed, &copies,
                                   &checked, &driver, &failure, &place, &PyTuple_Type, &patched))
    return NULL;
  uint64_t operand_count, result_count, touched_bytes, checked_at = SIZE_MAX;
  if (!read_number(operands, MOST_SLOTS, &operand_count, "operand_count") ||
      !read_number(results, MOST_SLOTS, &result_count, "result_count") ||
      !read_number(touched, INT64_MAX, &touched_bytes, "touched_bytes") ||
      (checked != NULL && !read_number(checked, INT64_MAX, &checked_at, "checked_at")))
    return NULL;
  plan *self = (plan *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  self->own = launcher_of(type);
  self->operand_count = (uint32_t)operand_count;
  self->result_count = (uint32_t)result_count;
  self->touched_bytes = touched_bytes;
  self->checked_at = (size_t)checked_at;
  parts from = {.place = place};
  if (self->own == NULL || !take_driver(self, driver, failure) ||
      !take_report(self, rows, fault) ||
      !take_changed(self, changed, copies) ||
      !take_parts(&from, minimum_sizes, transients, steps, constants) ||
      !fill_plan(self, executables, &from) || !read_patched(self, patched))
    Py_CLEAR(self);
  Py_XDECREF(from.minimum_sizes);
  Py_XDECREF(from.transients);
  Py_XDECREF(from.steps);
  Py_XDECREF(from.constants);
  if (self != NULL) PyObject_GC_Track(self);
  return (PyObject *)self;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  plan *self = (plan *)object;
  Py_VISIT(Py_TYPE(object));
  if (self->own != NULL) Py_VISIT(self->own->module);
  Py_VISIT(self->executables);
  Py_VISIT(self->report_fault);
  Py_VISIT(self->driver);
  Py_VISIT(self->failure);
  Py_VISIT(self->allocate);
  return visit_gpu_constants(self, visit, arg);
}

// The executables stay: the steps rely on them, and they lead back to no plan.
static int drop_references(PyObject *object) {
  plan *self = (plan *)object;
  if (self->report_fault != NULL) Py_SETREF(self->report_fault, Py_NewRef(Py_None));
  if (self->failure != NULL) Py_SETREF(self->failure, Py_NewRef(Py_None));
  return 0;
}

static void free_plan(PyObject *object) {
  plan *self = (plan *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  drop_constants(self);
  drop_gpu_constants(self);
  PyMem_Free(self->sizes);
  PyMem_Free(self->offsets);
  PyMem_Free(self->steps);
  PyMem_Free(self->bindings);
  PyMem_Free(self->lengths);
  PyMem_Free(self->numbers);
  PyMem_Free(self->patched);
  PyMem_Free(self->changed);
  Py_XDECREF(self->executables);
  Py_XDECREF(self->report_fault);
  Py_XDECREF(self->failure);
  Py_XDECREF(self->allocate);
  Py_XDECREF((PyObject *)self->driver);
  release_launcher(self->own);
  type->tp_free(object);
  Py_DECREF(type);
}

static refusal add_tensors(const plan *self, facts *seen, PyObject *tensors) {
  refusal why = ACCEPTED;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < PyTuple_GET_SIZE(tensors); i++)
    why = add_fact(self->own, seen, PyTuple_GET_ITEM(tensors, i));
  return why;
}

// Which slot a tensor of a run is bound to: no tensor stands for a result that lies in an operand.
static size_t slot_of(const plan *self, size_t tensor) {
  bool passes = tensor >= self->operand_count + returned_results(self);
  return passes ? tensor + self->changed_count : tensor;
}

// Tells whether tensors can be bound to the slots.
static refusal take_tensors(const plan *self, facts *seen, PyObject *operands, PyObject *results) {
  if (!self->own->usable) return REFUSED_UNKNOWN;
  if (PyTuple_GET_SIZE(operands) != self->operand_count ||
      PyTuple_GET_SIZE(results) != self->result_count - self->changed_count)
    return REFUSED_COUNT;
  refusal why = add_tensors(self, seen, operands);
  if (why == ACCEPTED) why = add_tensors(self, seen, results);
  if (why == ACCEPTED) why = check_readable(seen, self->operand_count);
  for (size_t i = self->operand_count; why == ACCEPTED && i < seen->count; i++)
    why = seen->tensors[i].layout;
  if (why == ACCEPTED) why = check_all_bits(self->own, seen);
  for (size_t i = 0; why == ACCEPTED && i < seen->count; i++)
    if (seen->tensors[i].bytes < self->sizes[slot_of(self, i)]) why = REFUSED_SIZE;
  return why == ACCEPTED ? check_changed(self, seen, NULL) : why;
}

// Runs on tensors that were taken; NULL with an error set, or the number of a refusal.
static PyObject *run_on(plan *self, const facts *seen) {
  void *few[FEW_TENSORS], **memory = few;
  gpu_run there;
  int threads = plan_threads(self);
  if (threads < 0 || !note_changed(self, seen, NULL)) return NULL;
  size_t slots = (size_t)self->operand_count + self->result_count;
  if (slots > FEW_TENSORS) memory = PyMem_Malloc(slots * sizeof *memory);
  if (memory == NULL) return PyErr_NoMemory();
  refusal why = ACCEPTED;
  if (self->driver != NULL && !begin_gpu_run(&there, self, seen, false, &why)) {
    if (memory != few) PyMem_Free(memory);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(why);
  }
  if (self->driver != NULL) why = check_place(&there, self, NULL, seen);
  for (size_t i = 0; why == ACCEPTED && i < seen->count; i++) {
    why = check_memory(self->own, &seen->tensors[i]);
    memory[slot_of(self, i)] = seen->tensors[i].start;
  }
  bind_changed(self, memory);
  bool failed = why == ACCEPTED && (self->driver == NULL
                                        ? run_plan(self, threads, memory, NULL)
                                        : launch_on_gpu(&there, self, seen, memory)) != 0;
  if (self->driver != NULL) end_gpu_run(&there);
  if (memory != few) PyMem_Free(memory);
  return failed ? NULL : PyLong_FromLong(why);
}

static PyObject *run(PyObject *object, PyObject *const *args, Py_ssize_t count) {
  plan *self = (plan *)object;
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "run: takes operands and results");
    return NULL;
  }
  PyObject *operands = PySequence_Tuple(args[0]);
  PyObject *results = operands == NULL ? NULL : PySequence_Tuple(args[1]);
  PyObject *answer = NULL;
  if (results != NULL) {
    facts seen;
    begin_facts(&seen, self->device_type);
    refusal why = take_tensors(self, &seen, operands, results);
    answer = why == ACCEPTED ? run_on(self, &seen) : PyLong_FromLong(why);
    end_facts(&seen);
  }
  Py_XDECREF(results);
  Py_XDECREF(operands);
  return answer;
}

static PyMethodDef methods[] = {
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL,
     "run(operands, results)\n--\n\nRun on tensors; returns 0, or why it did not (REFUSALS)."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"touched_bytes", T_ULONGLONG, offsetof(plan, touched_bytes), READONLY, NULL},
    {"transient_bytes", T_ULONGLONG, offsetof(plan, transient_bytes), READONLY, NULL},
    {"changed_count", T_UINT, offsetof(plan, changed_count), READONLY, NULL},
    {"device_type", T_INT, offsetof(plan, device_type), READONLY, NULL},
    {"used", T_BOOL, offsetof(plan, used), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Plan(executables, operand_count, result_count, minimum_sizes, transients, steps, "
                "touched_bytes, constants=(), report_rows=0, report_fault=None, changed=(), "
                "copies=0, checked_at=..., driver=None, failure=None, place=None, "
                "patched=())\n--\n\n"
                "The launches of one call, ready to run."},
    {Py_tp_new, new_plan},
    {Py_tp_dealloc, free_plan},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, drop_references},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.Plan", sizeof(plan), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

bool add_plan_type(launcher *own) {
  own->plan_type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  return own->plan_type != NULL &&
         PyModule_AddType(own->module, (PyTypeObject *)own->plan_type) == 0;
}
