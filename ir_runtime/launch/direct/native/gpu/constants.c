// The constants of a plan on GPUs: where each lies in the memory that holds them all, on each GPU.
//
// Python uploads them: it is asked at the first launch on a GPU, and whenever the stream is another
// one than before, since torch must know of each stream that reads the memory. What a captured graph
// reads stays until the process ends.
#include "gpu.h"

typedef struct {
  char *memory;  // NULL: not asked yet
  void *stream;  // the latest one that torch was told of
} placed_constants;

struct gpu_constants {
  PyObject *place;  // (device, stream, is captured) -> address
  bool kept;        // a captured graph may read them at any time
  placed_constants on[MOST_GPUS];
};

static bool read_place(plan *self, uint32_t number, PyObject *item) {
  uint64_t *offset = &self->offsets[self->transient_count + number];
  uint64_t *size = &self->sizes[self->slot_count - self->constant_count + number];
  if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2)
    return plan_fault("plan: constant %u is %R, must be (offset, length) on a GPU", number, item);
  if (!read_number(PyTuple_GET_ITEM(item, 0), INT64_MAX / 2, offset, "a constant's offset") ||
      !read_number(PyTuple_GET_ITEM(item, 1), INT64_MAX / 2, size, "a constant's size"))
    return false;
  return *offset % ALIGNMENT == 0 || plan_fault("plan: constant %u is not %d-byte aligned", number,
                                                ALIGNMENT);
}

bool take_gpu_constants(plan *self, PyObject *constants, PyObject *place) {
  if (self->constant_count == 0) return true;
  if (place == NULL || !PyCallable_Check(place))
    return plan_fault("plan: has constants on a GPU, must have a function that places them");
  self->placed = PyMem_Calloc(1, sizeof *self->placed);
  if (self->placed == NULL) {
    PyErr_NoMemory();
    return false;
  }
  self->placed->place = Py_NewRef(place);
  for (uint32_t i = 0; i < self->constant_count; i++)
    if (!read_place(self, i, PyTuple_GET_ITEM(constants, i))) return false;
  return true;
}

int visit_gpu_constants(plan *self, visitproc visit, void *arg) {
  if (self->placed != NULL) Py_VISIT(self->placed->place);
  return 0;
}

void drop_gpu_constants(plan *self) {
  if (self->placed == NULL) return;
  Py_XDECREF(self->placed->place);
  PyMem_Free(self->placed);
}

// Tells whether a stream is captured: memory must not be uploaded then.
static bool is_captured(const plan *what, const gpu_run *run, bool *captured,
                        gpu_failure *failed) {
  gpu_scope before;
  int status = 0;
  if (!enter_gpu(what->driver, run->device, &before, failed)) return false;
  bool known = succeeded(
      failed, what->driver->is_cuda ? "cuStreamIsCapturing" : "hipStreamIsCapturing",
      what->driver->calls.capture_status(run->stream, &status));
  leave_gpu(what->driver, &before);
  *captured = status != 0;
  return known;
}

static bool ask_for_place(gpu_run *run, plan *what, placed_constants *here, bool captured) {
  PyObject *answer = PyObject_CallFunction(
      what->placed->place, "iKi", (int)run->device,
      (unsigned long long)(uintptr_t)run->stream, (int)captured);
  void *memory = answer == NULL ? NULL : PyLong_AsVoidPtr(answer);
  Py_XDECREF(answer);
  if (PyErr_Occurred()) return false;
  if (memory == NULL || (uintptr_t)memory % ALIGNMENT != 0) {
    PyErr_Format(PyExc_RuntimeError, "launch: constants at %p, must be %d-byte aligned", memory,
                 ALIGNMENT);
    return false;
  }
  *here = (placed_constants){memory, run->stream};
  return true;
}

placement place_constants(gpu_run *run, plan *what, gpu_failure *failed) {
  if (what->placed == NULL) return PLACED;
  placed_constants *here = &what->placed->on[run->device];
  if (here->memory != NULL && here->stream == run->stream) {
    run->constants = here->memory;
    return PLACED;
  }
  bool captured = false;
  if (!is_captured(what, run, &captured, failed)) return NOT_PLACED;
  placed_constants found = *here;
  if (!ask_for_place(run, what, &found, captured)) return PLACE_RAISED;
  *here = found;
  run->constants = found.memory;
  return PLACED_BY_PYTHON;
}

void keep_constants(plan *what) {
  if (what->placed == NULL || what->placed->kept) return;
  what->placed->kept = true;
  Py_INCREF(what->placed->place);  // for ever
}
