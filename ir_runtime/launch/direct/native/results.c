// Where do the results of a call go?  Into new tensors of torch's allocator, or into given ones.
#include <string.h>
#include <sys/mman.h>

#include "launcher.h"

// From this size on glibc's malloc maps every block anew (its M_MMAP_THRESHOLD grows no further).
enum { FRESH_BYTES = 32 << 20, PAGE = 4096 };

static PyObject *empty_strided;       // torch's allocator without its argument parser
static PyObject *increment_version;

bool prepare_results(void) {
  PyObject *guards = PyImport_ImportModule("torch._C._dynamo.guards");
  PyObject *core = PyImport_ImportModule("torch._C");
  if (guards != NULL) empty_strided = PyObject_GetAttrString(guards, "_empty_strided_cpu");
  if (core != NULL) increment_version = PyObject_GetAttrString(core, "_increment_version");
  Py_XDECREF(guards);
  Py_XDECREF(core);
  if (empty_strided != NULL && increment_version != NULL) return true;
  PyErr_SetString(PyExc_ImportError, "this torch has no quick allocator of CPU tensors "
                                     "(torch._C._dynamo.guards._empty_strided_cpu)");
  return false;
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
static bool read_layout(result *self, PyObject *shape, PyObject *dtype) {
  int32_t rank = (int32_t)PyTuple_GET_SIZE(shape);
  PyObject *like = PyObject_CallFunction(empty_strided, "(i)(i)O", 0, 1, dtype);
  dl_tensor empty;
  bool described = like != NULL && describe_tensor(like, &empty) == ACCEPTED;
  Py_XDECREF(like);
  if (!described) {
    if (!PyErr_Occurred()) plan_fault("remember: no plan has results of %R", dtype);
    return false;
  }
  self->layout = (dl_tensor){.dtype = empty.dtype, .rank = rank};
  self->layout.shape = PyMem_Calloc((size_t)rank + 1, sizeof *self->layout.shape);
  for (int32_t i = 0; self->layout.shape != NULL && i < rank; i++)
    self->layout.shape[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
  if (self->layout.shape == NULL) PyErr_NoMemory();
  return self->layout.shape != NULL;
}

static bool read_result(result *self, PyObject *description) {
  if (!PyTuple_Check(description) || PyTuple_GET_SIZE(description) != 2)
    return plan_fault("remember: a result is %R, must be (shape, dtype)", description);
  PyObject *dtype = PyTuple_GET_ITEM(description, 1);
  PyObject *shape = PySequence_Tuple(PyTuple_GET_ITEM(description, 0));
  PyObject *strides = shape == NULL ? NULL : contiguous_strides(shape);
  if (strides != NULL) self->allocation = PyTuple_Pack(3, shape, strides, dtype);
  bool read = self->allocation != NULL && read_layout(self, shape, dtype);
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
    if (!read_result(each, PyTuple_GET_ITEM(results, i))) return false;
    uint64_t size = each->bytes = tensor_bytes(&each->layout);
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
    PyMem_Free(self->results[i].layout.shape);
  }
  PyMem_Free(self->results);
}

static void *start_of(const dl_tensor *tensor) {
  return (char *)tensor->data + tensor->byte_offset;
}

// Returns whether it ran; an error may be set if not.
static bool run_on(const remembered *self, const facts *seen, PyObject *const *outs) {
  plan *what = self->what;
  uint32_t count = what->operand_count + what->result_count;
  uint32_t given = what->operand_count + returned_results(what);
  report told;
  void *few[FEW_TENSORS], **memory = few;
  refusal why = ACCEPTED;
  if (count > FEW_TENSORS && (memory = PyMem_Malloc(count * sizeof *memory)) == NULL) {
    PyErr_NoMemory();
    return false;
  }
  for (uint32_t i = 0; i < what->operand_count; i++)
    memory[i] = start_of(&seen->tensors[self->operands[i]]);
  for (uint32_t i = what->operand_count; why == ACCEPTED && i < given; i++) {
    dl_tensor out;
    why = describe_tensor(outs[i - what->operand_count], &out);
    if (why == ACCEPTED) why = check_layout(&out);
    if (why == ACCEPTED) memory[i] = start_of(&out);
  }
  bool ran = why == ACCEPTED && begin_report(&told, what);
  if (ran) {
    if (given < count) memory[given] = told.rows;
    ran = run_plan(what, memory) == 0 && check_report(&told, what);
    end_report(&told);
  }
  if (memory != few) PyMem_Free(memory);
  return ran;
}

// Fresh memory is faulted in 4 KiB at a time, which can take several times what the kernel does;
// a hint to use large pages is all that helps. Where the system refuses it nothing is lost.
static void hint_large_pages(const dl_tensor *tensor) {
  uintptr_t start = ((uintptr_t)tensor->data + PAGE - 1) / PAGE * PAGE;
  uintptr_t end = ((uintptr_t)tensor->data + tensor_bytes(tensor)) / PAGE * PAGE;
  (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static PyObject *new_result(const result *self) {
  PyObject *out = PyObject_Call(empty_strided, self->allocation, NULL);
  dl_tensor seen;
  if (out != NULL && self->bytes >= FRESH_BYTES && describe_tensor(out, &seen) == ACCEPTED)
    hint_large_pages(&seen);
  return out;
}

static PyObject *run_many(const remembered *self, const facts *seen) {
  Py_ssize_t count = returned_results(self->what);
  PyObject *outs = PyTuple_New(count);
  for (Py_ssize_t i = 0; outs != NULL && i < count; i++) {
    PyObject *out = new_result(&self->results[i]);
    if (out == NULL)
      Py_CLEAR(outs);
    else
      PyTuple_SET_ITEM(outs, i, out);
  }
  if (outs != NULL && !run_on(self, seen, &PyTuple_GET_ITEM(outs, 0))) Py_CLEAR(outs);
  return outs;
}

PyObject *run_new(const remembered *self, const facts *seen) {
  if (returned_results(self->what) > 1) return run_many(self, seen);
  PyObject *out = Py_NewRef(Py_None);
  if (returned_results(self->what) == 1) {
    Py_DECREF(out);
    out = new_result(&self->results[0]);
  }
  if (out != NULL && !run_on(self, seen, &out)) Py_CLEAR(out);
  return out;
}

refusal check_outs(const remembered *self, const facts *seen, const facts *outs) {
  for (size_t i = 0; i < outs->count; i++) {
    const dl_tensor *out = &outs->tensors[i], *wanted = &self->results[i].layout;
    if (memcmp(&out->dtype, &wanted->dtype, sizeof out->dtype) != 0) return REFUSED_DTYPE;
    if (out->rank != wanted->rank ||
        memcmp(out->shape, wanted->shape, (size_t)out->rank * sizeof *out->shape) != 0)
      return REFUSED_SHAPE;
    for (size_t j = 0; j < seen->count; j++)
      if (overlap(out, &seen->tensors[j])) return REFUSED_OVERLAP;
    for (size_t j = 0; j < i; j++)
      if (overlap(out, &outs->tensors[j])) return REFUSED_OVERLAP;
  }
  return ACCEPTED;
}

int run_into(const remembered *self, const facts *seen, PyObject *const *outs) {
  if (!run_on(self, seen, outs)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "launch: `out` changed its memory");
    return -1;
  }
  Py_ssize_t count = returned_results(self->what);
  PyObject *written = PyTuple_New(count);
  for (Py_ssize_t i = 0; written != NULL && i < count; i++)
    PyTuple_SET_ITEM(written, i, Py_NewRef(outs[i]));
  PyObject *done = written == NULL ? NULL : PyObject_CallOneArg(increment_version, written);
  Py_XDECREF(written);
  if (done == NULL) return -1;
  Py_DECREF(done);
  return 0;
}
