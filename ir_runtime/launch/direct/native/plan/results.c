// The results of a call: new tensors from torch's allocator, or tensors that the caller gave.
#include <string.h>
#include <sys/mman.h>

#include "gpu/gpu.h"
#include "launcher.h"

// From this size on glibc's malloc maps new memory for every block (M_MMAP_THRESHOLD's maximum).
enum { FRESH_BYTES = 32 << 20, PAGE = 4096 };

bool prepare_results(launcher *own) {
  PyObject *guards = PyImport_ImportModule("torch._C._dynamo.guards");
  PyObject *core = guards == NULL ? NULL : PyImport_ImportModule("torch._C");
  bool found =
      core != NULL &&
      (own->empty_strided = PyObject_GetAttrString(guards, "_empty_strided_cpu")) != NULL &&
      (own->increment_version = PyObject_GetAttrString(core, "_increment_version")) != NULL;
  Py_XDECREF(guards);
  Py_XDECREF(core);
  if (!found)
    PyErr_SetString(PyExc_ImportError, "this torch has no quick allocator of CPU tensors "
                                       "(torch._C._dynamo.guards._empty_strided_cpu)");
  return found;
}

static PyObject *contiguous_strides(PyObject *shape) {
  Py_ssize_t rank = PyTuple_GET_SIZE(shape);
  PyObject *strides = PyTuple_New(rank);
  int64_t stride = 1;
  for (Py_ssize_t i = rank - 1; strides != NULL && i >= 0; i--) {
    PyObject *number = PyLong_FromLongLong(stride);
    if (number == NULL) Py_CLEAR(strides);
    if (strides == NULL) break;
    PyTuple_SET_ITEM(strides, i, number);
    uint64_t size;
    if (!read_number(PyTuple_GET_ITEM(shape, i), INT64_MAX, &size, "a result's size") ||
        __builtin_mul_overflow(stride, (int64_t)(size > 0 ? size : 1), &stride)) {
      if (!PyErr_Occurred()) plan_fault("remember: the result %R is too large", shape);
      Py_CLEAR(strides);
    }
  }
  return strides;
}

// A tensor without elements tells how torch describes a dtype to C.
static bool read_layout(const launcher *own, result *self, PyObject *shape, PyObject *dtype) {
  int32_t rank = (int32_t)PyTuple_GET_SIZE(shape);
  PyObject *like = PyObject_CallFunction(own->empty_strided, "(i)(i)O", 0, 1, dtype);
  dl_tensor empty;
  bool described = like != NULL && view_tensor(own, like, DLPACK_CPU, &empty) == ACCEPTED;
  Py_XDECREF(like);
  if (!described) {
    if (!PyErr_Occurred()) plan_fault("remember: no plan has results of %R", dtype);
    return false;
  }
  self->dtype = empty.dtype;
  self->rank = rank;
  self->shape = PyMem_Calloc((size_t)rank + 1, sizeof *self->shape);
  for (int32_t i = 0; self->shape != NULL && i < rank; i++)
    self->shape[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
  if (self->shape == NULL) PyErr_NoMemory();
  return self->shape != NULL;
}

static bool read_result(const launcher *own, result *self, PyObject *description) {
  if (!PyTuple_Check(description) || PyTuple_GET_SIZE(description) != 2)
    return plan_fault("remember: a result is %R, must be (shape, dtype)", description);
  PyObject *dtype = PyTuple_GET_ITEM(description, 1);
  PyObject *shape = PySequence_Tuple(PyTuple_GET_ITEM(description, 0));
  PyObject *strides = shape == NULL ? NULL : contiguous_strides(shape);
  if (strides != NULL) self->allocation = PyTuple_Pack(3, shape, strides, dtype);
  bool read = self->allocation != NULL && read_layout(own, self, shape, dtype);
  Py_XDECREF(strides);
  Py_XDECREF(shape);
  return read;
}

bool read_results(remembered *self, PyObject *results) {
  uint32_t count = returned_results(self->what);
  if (PyTuple_GET_SIZE(results) != (Py_ssize_t)count)
    return plan_fault("remember: %zd results, the plan has %u", PyTuple_GET_SIZE(results), count);
  self->results = PyMem_Calloc(count + 1, sizeof *self->results);
  if (self->results == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    result *each = &self->results[i];
    if (!read_result(self->what->own, each, PyTuple_GET_ITEM(results, i))) return false;
    uint64_t size = each->bytes = count_bytes(each->dtype, each->rank, each->shape);
    uint64_t least = self->what->sizes[self->what->operand_count + i];
    if (size < least)
      return plan_fault("remember: result %u has %llu bytes, must have %llu", i,
                        (unsigned long long)size, (unsigned long long)least);
  }
  return true;
}

void drop_results(remembered *self) {
  for (uint32_t i = 0; self->results != NULL && i < returned_results(self->what); i++) {
    Py_XDECREF(self->results[i].allocation);
    PyMem_Free(self->results[i].shape);
  }
  PyMem_Free(self->results);
}

// --- running ---

// The memory of a run: that of its tensors in slot order, and of its report.
typedef struct {
  void *few[FEW_TENSORS], **slots;
  report told;
} run_memory;

static bool begin_memory(run_memory *self, const plan *what) {
  size_t count = (size_t)what->operand_count + what->result_count;
  self->slots = self->few;
  if (count > FEW_TENSORS && (self->slots = PyMem_Malloc(count * sizeof *self->slots)) == NULL) {
    PyErr_NoMemory();
    return false;
  }
  if (begin_report(&self->told, what)) {
    if (what->report_rows > 0) self->slots[count - 1] = self->told.rows;
    return true;
  }
  if (self->slots != self->few) PyMem_Free(self->slots);
  return false;
}

static void end_memory(run_memory *self) {
  end_report(&self->told);
  if (self->slots != self->few) PyMem_Free(self->slots);
}

static refusal take_operands(const remembered *self, const facts *seen, void **slots) {
  refusal why = ACCEPTED;
  for (uint32_t i = 0; why == ACCEPTED && i < self->what->operand_count; i++) {
    const fact *operand = &seen->tensors[self->operands[i]];
    why = check_memory(self->what->own, operand);
    slots[i] = operand->start;
  }
  return why;
}

// Takes what was allocated just now.
static refusal take_new(const remembered *self, PyObject *const *outs, void **slots) {
  const plan *what = self->what;
  refusal why = ACCEPTED;
  for (uint32_t i = 0; why == ACCEPTED && i < returned_results(what); i++) {
    dl_tensor out;
    why = view_tensor(what->own, outs[i], what->device_type, &out);
    if (why == ACCEPTED) why = check_layout(&out);
    if (why == ACCEPTED &&
        count_bytes(out.dtype, out.rank, out.shape) < what->sizes[what->operand_count + i])
      why = REFUSED_SIZE;
    if (why == ACCEPTED) slots[what->operand_count + i] = (char *)out.data + out.byte_offset;
  }
  return why;
}

static refusal take_given(const remembered *self, const facts *outs, void **slots) {
  refusal why = ACCEPTED;
  for (size_t i = 0; why == ACCEPTED && i < outs->count; i++) {
    why = check_memory(self->what->own, &outs->tensors[i]);
    slots[self->what->operand_count + i] = outs->tensors[i].start;
  }
  return why;
}

// The same as `run_on`, on a GPU: the launch is only enqueued.
static bool run_there(const remembered *self, const facts *seen, PyObject *const *made,
                      const facts *given, refusal *why) {
  plan *what = self->what;
  run_memory memory;
  gpu_run there;
  *why = check_changed(what, seen, self->operands);
  if (*why != ACCEPTED || !note_changed(what, seen, self->operands) ||
      !begin_gpu_run(&there, what, seen, true, why))
    return false;
  bool ran = begin_memory(&memory, what);
  if (ran) {
    *why = take_operands(self, seen, memory.slots);
    if (*why == ACCEPTED)
      *why = given == NULL ? take_new(self, made, memory.slots)
                           : take_given(self, given, memory.slots);
    if (*why == ACCEPTED) *why = check_place(&there, what, made, given);
    bind_changed(what, memory.slots);
    ran = *why == ACCEPTED && launch_on_gpu(&there, what, seen, memory.slots) == 0;
    end_memory(&memory);
  }
  end_gpu_run(&there);
  return ran;
}

// Runs a call into new tensors, or into given ones if there are none. Tensors are looked at as the
// last thing of all: counting threads and allocating results can run any Python code.
static bool run_on(const remembered *self, const facts *seen, PyObject *const *made,
                   const facts *given, refusal *why) {
  if (self->what->driver != NULL) return run_there(self, seen, made, given, why);
  run_memory memory;
  int threads = plan_threads(self->what);
  if (threads < 0) return false;
  *why = check_changed(self->what, seen, self->operands);
  if (*why != ACCEPTED || !note_changed(self->what, seen, self->operands) ||
      !begin_memory(&memory, self->what))
    return false;
  *why = take_operands(self, seen, memory.slots);
  if (*why == ACCEPTED)
    *why = given == NULL ? take_new(self, made, memory.slots)
                         : take_given(self, given, memory.slots);
  bind_changed(self->what, memory.slots);
  const int64_t *number = self->number < 0 ? NULL : &seen->number;
  bool ran = *why == ACCEPTED && run_plan(self->what, threads, memory.slots, number) == 0 &&
             check_report(&memory.told, self->what);
  end_memory(&memory);
  return ran;
}

// Fresh memory is faulted in 4 KiB at a time, which can take several times what the kernel does;
// a hint to use large pages is all that helps. Where the system refuses it nothing is lost.
static void hint_large_pages(const dl_tensor *tensor, uint64_t bytes) {
  uintptr_t start = ((uintptr_t)tensor->data + PAGE - 1) / PAGE * PAGE;
  uintptr_t end = ((uintptr_t)tensor->data + bytes) / PAGE * PAGE;
  (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static PyObject *new_result(const plan *what, const result *self) {
  PyObject *out = PyObject_Call(what->allocate, self->allocation, NULL);
  dl_tensor seen;
  if (out != NULL && self->bytes >= FRESH_BYTES &&
      view_tensor(what->own, out, DLPACK_CPU, &seen) == ACCEPTED)
    hint_large_pages(&seen, self->bytes);
  return out;
}

static PyObject *run_many(const remembered *self, const facts *seen, refusal *why) {
  Py_ssize_t count = returned_results(self->what);
  PyObject *outs = PyTuple_New(count);
  for (Py_ssize_t i = 0; outs != NULL && i < count; i++) {
    PyObject *out = new_result(self->what, &self->results[i]);
    if (out == NULL)
      Py_CLEAR(outs);
    else
      PyTuple_SET_ITEM(outs, i, out);
  }
  if (outs != NULL && !run_on(self, seen, &PyTuple_GET_ITEM(outs, 0), NULL, why)) Py_CLEAR(outs);
  return outs;
}

PyObject *run_new(const remembered *self, const facts *seen, refusal *why) {
  uint32_t count = returned_results(self->what);
  if (count > 1) return run_many(self, seen, why);
  PyObject *out = count == 1 ? new_result(self->what, &self->results[0]) : Py_NewRef(Py_None);
  if (out != NULL && !run_on(self, seen, &out, NULL, why)) Py_CLEAR(out);
  return out;
}

refusal check_outs(const remembered *self, const facts *seen, const facts *outs) {
  if (outs->count != returned_results(self->what)) return REFUSED_COUNT;
  for (size_t i = 0; i < outs->count; i++) {
    const fact *out = &outs->tensors[i];
    const result *wanted = &self->results[i];
    if (memcmp(&out->dtype, &wanted->dtype, sizeof out->dtype) != 0) return REFUSED_DTYPE;
    if (out->rank != wanted->rank ||
        memcmp(sizes_of(out), wanted->shape, (size_t)out->rank * sizeof *wanted->shape) != 0)
      return REFUSED_SHAPE;
    for (size_t j = 0; j < seen->count; j++)
      if (overlap(out, &seen->tensors[j])) return REFUSED_OVERLAP;
    for (size_t j = 0; j < i; j++)
      if (overlap(out, &outs->tensors[j])) return REFUSED_OVERLAP;
  }
  return ACCEPTED;
}

bool run_into(const remembered *self, const facts *seen, const facts *outs, refusal *why) {
  if (!run_on(self, seen, NULL, outs, why)) return false;
  PyObject *written = PyTuple_New((Py_ssize_t)outs->count);
  for (size_t i = 0; written != NULL && i < outs->count; i++)
    PyTuple_SET_ITEM(written, (Py_ssize_t)i, Py_NewRef(outs->tensors[i].tensor));
  PyObject *done =
      written == NULL ? NULL : PyObject_CallOneArg(self->what->own->increment_version, written);
  Py_XDECREF(written);
  Py_XDECREF(done);
  return done != NULL;
}
