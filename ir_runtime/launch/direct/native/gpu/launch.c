// The run of a plan on a GPU: its steps are enqueued on torch's current stream, in their order.
//
// The memory of the plan itself (transients, a report) is torch's, allocated on that stream. So it may
// be freed when all steps are enqueued: torch gives it only to later work of the stream.
#include "gpu.h"

#include <string.h>

// What a torch without GPUs lacks is None: a plan for a GPU says so as it runs.
static PyObject *found_or_none(const char *module, const char *name) {
  PyObject *from = PyImport_ImportModule(module);
  PyObject *found = from == NULL ? NULL : PyObject_GetAttrString(from, name);
  Py_XDECREF(from);
  PyErr_Clear();
  return found == NULL ? Py_NewRef(Py_None) : found;
}

bool prepare_gpu(launcher *own) {
  own->empty_on_gpu = found_or_none("torch._C._dynamo.guards", "_empty_strided_cuda");
  own->raw_stream = found_or_none("torch._C", "_cuda_getCurrentRawStream");
  own->bytes_dtype = found_or_none("torch", "uint8");
  own->rows_dtype = found_or_none("torch", "int64");
  return true;
}

// Torch's table has the streams of all devices; where it does not, torch's own function is asked.
bool find_stream(const launcher *own, int32_t device_type, int32_t device, void **stream) {
  const dl_exchange *exchange = own->exchange;
  if (exchange->current_stream != NULL &&
      exchange->current_stream(device_type, device, stream) == 0)
    return true;
  if (own->raw_stream != Py_None) {
    PyErr_Clear();
    PyObject *number = PyObject_CallFunction(own->raw_stream, "i", (int)device);
    if (number != NULL) *stream = PyLong_AsVoidPtr(number);
    Py_XDECREF(number);
  }
  if (own->raw_stream == Py_None && !PyErr_Occurred())
    PyErr_Format(PyExc_RuntimeError, "launch: torch has no stream on device %d", device);
  return !PyErr_Occurred();
}

// --- memory ---

// Returns a tensor of torch's on a GPU and its address; NULL with an error set, or with `*why` if
// torch's current device is another one.
static PyObject *allocate(const gpu_run *self, const plan *what, PyObject *shape,
                          PyObject *strides, PyObject *dtype, char **address, refusal *why) {
  PyObject *made = NULL;
  if (shape != NULL && strides != NULL)
    made = PyObject_CallFunctionObjArgs(what->allocate, shape, strides, dtype, NULL);
  Py_XDECREF(shape);
  Py_XDECREF(strides);
  dl_tensor view;
  if (made == NULL) return NULL;
  *why = view_tensor(what->own, made, what->device_type, &view);
  if (*why == ACCEPTED && view.device_id != self->device) *why = REFUSED_DEVICE_SET;
  if (*why != ACCEPTED) {
    Py_DECREF(made);
    return NULL;
  }
  *address = (char *)view.data + view.byte_offset;
  return made;
}

static bool take_scratch(gpu_run *self, const plan *what, refusal *why) {
  if (what->transient_bytes == 0) return true;
  PyObject *shape = Py_BuildValue("(K)", (unsigned long long)what->transient_bytes);
  self->scratch = allocate(self, what, shape, Py_BuildValue("(i)", 1), what->own->bytes_dtype,
                           &self->transients, why);
  return self->scratch != NULL;
}

static bool take_rows(gpu_run *self, const plan *what, refusal *why) {
  if (what->device_rows == 0) return true;
  PyObject *shape = Py_BuildValue("(Ii)", what->device_rows, REPORT_COLUMNS);
  self->rows = allocate(self, what, shape, Py_BuildValue("(ii)", REPORT_COLUMNS, 1),
                        what->own->rows_dtype, &self->report, why);
  return self->rows != NULL;
}

static bool refuse_child(const plan *what) {
  if (!is_gpus_of_parent()) return true;
  PyObject *answer = PyObject_CallFunction(what->failure, "sissnizi", "fork", 0, "", "",
                                           (Py_ssize_t)-1, 0, NULL, 0);
  Py_XDECREF(answer);
  if (!PyErr_Occurred())
    PyErr_SetString(PyExc_RuntimeError, "launch: the GPU is in use by the parent process");
  return false;
}

bool begin_gpu_run(gpu_run *self, const plan *what, const facts *seen, bool has_rows,
                   refusal *why) {
  *self = (gpu_run){0};
  if (!refuse_child(what)) return false;
  if (seen->count == 0 || seen->tensors[0].device < 0 || seen->tensors[0].device >= MOST_GPUS) {
    PyErr_Format(PyExc_RuntimeError, "launch: no tensor on a GPU, must be one of the first %d",
                 MOST_GPUS);
    return false;
  }
  self->device = seen->tensors[0].device;
  if (take_scratch(self, what, why) && (!has_rows || take_rows(self, what, why))) return true;
  end_gpu_run(self);
  return false;
}

void end_gpu_run(gpu_run *self) {
  Py_CLEAR(self->scratch);
  Py_CLEAR(self->rows);
}

refusal check_place(const gpu_run *self, const plan *what, PyObject *const *made,
                    const facts *given) {
  for (size_t i = 0; given != NULL && i < given->count; i++)
    if (given->tensors[i].device != self->device) return REFUSED_DEVICE;
  for (uint32_t i = 0; made != NULL && i < returned_results(what); i++) {
    dl_tensor view;
    refusal why = view_tensor(what->own, made[i], what->device_type, &view);
    if (why != ACCEPTED) return why;
    if (view.device_id != self->device) return REFUSED_DEVICE_SET;
  }
  return ACCEPTED;
}

// --- steps, without the GIL ---

typedef struct {
  const gpu_run *run;
  const plan *what;
  void *const *slots;
  gpu_failure failed;
  size_t next;  // step
} enqueuing;

static uintptr_t address(const enqueuing *self, const span *binding) {
  const plan *what = self->what;
  uint32_t tensors = what->operand_count + what->result_count, slot = binding->slot;
  uintptr_t memory;
  if (slot >= tensors + what->transient_count)
    memory = (uintptr_t)self->run->constants + what->offsets[slot - tensors];
  else if (slot >= tensors)
    memory = (uintptr_t)self->run->transients + what->offsets[slot - tensors];
  else if (self->run->rows != NULL && slot == tensors - 1)
    memory = (uintptr_t)self->run->report;
  else
    memory = (uintptr_t)self->slots[slot];
  if (binding->length == 0) return memory;
  // The lead may reach before the memory, where the kernel itself uses nothing.
  return memory + binding->offset - binding->lead;
}

static bool enqueue_dispatch(enqueuing *self, const step *what) {
  if (what->items == 0) return true;  // drivers refuse an empty grid
  const gpu_executable *code = what->code;
  const gpu_function *function = &code->functions[what->function];
  uint64_t pointers[MAX_BINDINGS];
  uint32_t numbers[MAX_CONSTANTS];
  void *parameters[MAX_BINDINGS + MAX_CONSTANTS];
  size_t count = 0;
  for (uint32_t i = 0; i < function->bindings; i++) {
    pointers[i] = address(self, &self->what->bindings[what->first_binding + i]);
    parameters[count++] = &pointers[i];
  }
  for (uint32_t i = 0; i < function->constants; i++) {
    numbers[i] = self->what->numbers[what->first_constant + i];
    parameters[count++] = &numbers[i];
  }
  self->failed.kernel = function->name;
  return succeeded(
      &self->failed, code->driver->is_cuda ? "cuLaunchKernel" : "hipModuleLaunchKernel",
      code->driver->calls.launch(code_on(code, self->run->device)->functions[what->function],
                                 what->state.workgroup_count_x, what->state.workgroup_count_y,
                                 what->state.workgroup_count_z, function->block[0],
                                 function->block[1], function->block[2], function->shared_bytes,
                                 self->run->stream, parameters, NULL));
}

static bool enqueue_fill(enqueuing *self, const step *what) {
  const driver_calls *calls = &self->what->driver->calls;
  uintptr_t target = address(self, &what->target);
  size_t count = what->target.length / what->pattern_size;
  void *stream = self->run->stream;
  uint8_t byte;
  uint16_t half;
  uint32_t word;
  if (count == 0) return true;
  if (what->pattern_size == 1) {
    memcpy(&byte, what->pattern, sizeof byte);
    return succeeded(&self->failed, "memset of 8 bits", calls->fill8(target, byte, count, stream));
  }
  if (what->pattern_size == 2) {
    memcpy(&half, what->pattern, sizeof half);
    return succeeded(&self->failed, "memset of 16 bits",
                     calls->fill16(target, half, count, stream));
  }
  memcpy(&word, what->pattern, sizeof word);
  return succeeded(&self->failed, "memset of 32 bits", calls->fill32(target, word, count, stream));
}

static bool enqueue_copy(enqueuing *self, const step *what) {
  if (what->target.length == 0) return true;
  return succeeded(&self->failed, "copy on the device",
                   self->what->driver->calls.copy(address(self, &what->target),
                                                  address(self, &what->source),
                                                  what->target.length, self->run->stream));
}

static bool enqueue_step(enqueuing *self, const step *what) {
  self->failed.kernel = NULL;
  if (what->kind == STEP_DISPATCH) return enqueue_dispatch(self, what);
  return what->kind == STEP_FILL ? enqueue_fill(self, what) : enqueue_copy(self, what);
}

// A captured graph may run the code after its plan is gone.
static bool note_capture(enqueuing *self) {
  int status = 0;
  const gpu_driver *driver = self->what->driver;
  if (!succeeded(&self->failed, driver->is_cuda ? "cuStreamIsCapturing" : "hipStreamIsCapturing",
                 driver->calls.capture_status(self->run->stream, &status)))
    return false;
  self->failed.capturing = status != 0;
  for (size_t i = 0; status != 0 && i < self->what->step_count; i++)
    if (self->what->steps[i].code != NULL) atomic_store(&self->what->steps[i].code->kept, true);
  return true;
}

static bool enqueue_rest(enqueuing *self) {
  gpu_scope before;
  self->failed.step = self->next;
  if (!enter_gpu(self->what->driver, self->run->device, &before, &self->failed)) return false;
  bool done = note_capture(self);
  while (done && self->next < self->what->step_count) {
    self->failed.step = self->next;
    done = enqueue_step(self, &self->what->steps[self->next]);
    if (done) self->next++;
  }
  leave_gpu(self->what->driver, &before);
  return done;
}

// --- the run ---

static bool load_all(enqueuing *self) {
  for (size_t i = 0; i < self->what->step_count; i++) {
    const step *each = &self->what->steps[i];
    self->failed.step = i;
    if (each->code != NULL && each->items > 0 &&
        !load_code(each->code, self->run->device, self->run->stream, &self->failed))
      return false;
  }
  return true;
}

static bool enqueue_without_gil(enqueuing *self) {
  bool done;
  Py_BEGIN_ALLOW_THREADS
  done = enqueue_rest(self);
  Py_END_ALLOW_THREADS
  return done;
}

// Asks Python what an error means: 1 for another try, -1 with an error set.
static int ask_again(const enqueuing *self, bool tried) {
  const gpu_failure *failed = &self->failed;
  const gpu_driver *driver = self->what->driver;
  PyObject *answer = PyObject_CallFunction(
      self->what->failure, "sissnizi", failed->call, failed->code,
      error_name(driver, failed->code), error_text(driver, failed->code),
      (Py_ssize_t)failed->step, (int)self->run->device,
      failed->log[0] ? failed->log : failed->kernel, failed->capturing | tried << 1);
  bool again = answer == Py_True && !tried;
  bool raised = answer == NULL;
  Py_XDECREF(answer);
  if (again) return 1;
  if (!raised)
    PyErr_Format(PyExc_RuntimeError, "launch: %s failed: %s", failed->call,
                 error_name(driver, failed->code));
  return -1;
}

// Python may have run: the memory must still be there.
static bool still_there(const plan *what, const facts *seen) {
  refusal why = ACCEPTED;
  for (size_t i = 0; why == ACCEPTED && i < seen->count; i++)
    why = check_memory(what->own, &seen->tensors[i]);
  if (why != ACCEPTED)
    PyErr_SetString(PyExc_RuntimeError, "launch: a tensor lost its memory between two tries");
  return why == ACCEPTED;
}

// An error set is that of Python, which was to upload the constants.
static bool place_all(enqueuing *self, plan *what, gpu_run *run, const facts *seen) {
  placement found = place_constants(run, what, &self->failed);
  return found == PLACED || (found == PLACED_BY_PYTHON && still_there(what, seen));
}

int launch_on_gpu(gpu_run *self, plan *what, const facts *seen, void *const *slots) {
  enqueuing run = {.run = self, .what = what, .slots = slots};
  if (!find_stream(what->own, what->device_type, self->device, &self->stream)) return -1;
  what->used = true;
  what->own->copies += what->copies;
  for (bool tried = false; !place_all(&run, what, self, seen) || !load_all(&run) ||
                           !enqueue_without_gil(&run); tried = true) {
    if (PyErr_Occurred() || ask_again(&run, tried) < 0 || !still_there(what, seen)) return -1;
    memset(&run.failed, 0, sizeof run.failed);
  }
  if (run.failed.capturing) keep_constants(what);
  // A captured launch writes its report in each replay: there is nothing to look at yet.
  if (self->rows == NULL || run.failed.capturing) return 0;
  PyObject *answer = PyObject_CallOneArg(what->report_fault, self->rows);
  Py_XDECREF(answer);
  return answer == NULL ? -1 : 0;
}
