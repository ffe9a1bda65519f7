// An executable of a GPU: its code, and the module that each GPU has loaded of it.
//
// A module is loaded at the first launch on a GPU, by one thread, and unloaded with the executable. A
// plan holds its executables, so that none is unloaded before its launches are enqueued; the driver
// waits for those that run. Two kinds stay longer: code of a captured graph for ever, as the graph
// may be replayed at any time; other code as long as the stream is being captured.
#include "gpu.h"

#include <stdlib.h>
#include <string.h>

#include <structmember.h>

enum {
  JIT_ERROR_LOG = 5,
  JIT_ERROR_LOG_SIZE = 6,
  MAX_DYNAMIC_SHARED = 8,  // an attribute of functions
  RELAXED = 2,             // a mode of captures: calls that are not captured are allowed
};

// --- loading ---

static bool load_module(gpu_driver *driver, const void *image, void **module,
                        gpu_failure *failed) {
  int options[] = {JIT_ERROR_LOG, JIT_ERROR_LOG_SIZE};
  void *values[] = {failed->log, (void *)(uintptr_t)(LOG_BYTES - 1)};
  const char *call = driver->is_cuda ? "cuModuleLoadDataEx" : "hipModuleLoadDataEx";
  int count = driver->is_cuda ? 2 : 0;
  int code = driver->calls.load(module, image, (unsigned)count, options, values);
  for (char *each = failed->log; *each != 0; each++)
    if ((unsigned char)*each > 126) *each = '?';  // Python takes it for UTF-8
  return succeeded(failed, call, code);
}

static bool find_functions(const gpu_executable *self, loaded_code *into, gpu_failure *failed) {
  const gpu_driver *driver = self->driver;
  for (uint32_t i = 0; i < self->count; i++) {
    const gpu_function *each = &self->functions[i];
    failed->kernel = each->name;
    if (!succeeded(failed, driver->is_cuda ? "cuModuleGetFunction" : "hipModuleGetFunction",
                   driver->calls.find(&into->functions[i], into->module, each->name)))
      return false;
    if (each->shared_bytes > 0 && driver->is_cuda &&
        !succeeded(failed, "cuFuncSetAttribute",
                   driver->calls.set_attribute(into->functions[i], MAX_DYNAMIC_SHARED,
                                               (int)each->shared_bytes)))
      return false;
  }
  failed->kernel = NULL;
  return true;
}

static loaded_code *load_whole(gpu_executable *self, const void *image, gpu_failure *failed) {
  loaded_code *made = calloc(1, sizeof *made + self->count * sizeof *made->functions);
  if (made == NULL) {
    succeeded(failed, "calloc", -1);
    return NULL;
  }
  if (!load_module(self->driver, image, &made->module, failed)) {
    free(made);
    return NULL;
  }
  if (find_functions(self, made, failed)) return made;
  self->driver->calls.unload(made->module);
  free(made);
  return NULL;
}

// A capture in another mode forbids to load code, in all threads.
static loaded_code *load_relaxed(gpu_executable *self, const void *image, gpu_failure *failed) {
  const driver_calls *calls = &self->driver->calls;
  int mode = RELAXED;
  bool changed = calls->exchange_mode(&mode) == 0;
  loaded_code *made = load_whole(self, image, failed);
  if (changed) calls->exchange_mode(&mode);
  return made;
}

static bool load_here(gpu_executable *self, int32_t device, void *stream, const void *image,
                      gpu_failure *failed) {
  gpu_scope before;
  int status = 0;
  if (!enter_gpu(self->driver, device, &before, failed)) return false;
  failed->capturing = self->driver->calls.capture_status(stream, &status) == 0 && status != 0;
  loaded_code *made = load_relaxed(self, image, failed);
  leave_gpu(self->driver, &before);
  if (made != NULL) atomic_store_explicit(&self->loaded[device], made, memory_order_release);
  return made != NULL;
}

bool load_code(gpu_executable *self, int32_t device, void *stream, gpu_failure *failed) {
  if (code_on(self, device) != NULL) return true;
  PyObject *image = self->images[device] == NULL ? self->image : self->images[device];
  Py_INCREF(image);
  const char *bytes = PyBytes_AS_STRING(image);
  bool done;
  Py_BEGIN_ALLOW_THREADS
  pthread_mutex_lock(&self->lock);
  done = code_on(self, device) != NULL || load_here(self, device, stream, bytes, failed);
  pthread_mutex_unlock(&self->lock);
  Py_END_ALLOW_THREADS
  Py_DECREF(image);
  return done;
}

// --- unloading ---

typedef struct waiting_module {
  gpu_driver *driver;  // a reference
  int32_t device;
  void *module;
  struct waiting_module *next;
} waiting_module;

static waiting_module *waiting;  // for the end of a capture; the GIL guards it

static bool unload(gpu_driver *driver, int32_t device, void *module) {
  gpu_scope before;
  gpu_failure failed;
  int mode = RELAXED;
  if (!enter_gpu(driver, device, &before, &failed)) return false;
  bool changed = driver->calls.exchange_mode(&mode) == 0;
  driver->calls.unload(module);
  if (changed) driver->calls.exchange_mode(&mode);
  leave_gpu(driver, &before);
  return true;
}

// Tells whether torch's current stream of a GPU is captured; true where nobody knows.
static bool is_captured(const launcher *own, gpu_driver *driver, int32_t device) {
  void *stream = NULL;
  int status = 0;
  gpu_scope before;
  gpu_failure failed;
  if (!find_stream(own, driver->device_type, device, &stream)) {
    PyErr_Clear();
    return true;
  }
  if (!enter_gpu(driver, device, &before, &failed)) return true;
  bool known = driver->calls.capture_status(stream, &status) == 0;
  leave_gpu(driver, &before);
  return !known || status != 0;
}

static void unload_waiting(const launcher *own) {
  waiting_module *rest = waiting;
  waiting = NULL;
  while (rest != NULL) {
    waiting_module *each = rest;
    rest = each->next;
    if (is_captured(own, each->driver, each->device)) {
      each->next = waiting;
      waiting = each;
      continue;
    }
    Py_BEGIN_ALLOW_THREADS
    unload(each->driver, each->device, each->module);
    Py_END_ALLOW_THREADS
    Py_DECREF((PyObject *)each->driver);
    free(each);
  }
}

static void unload_or_wait(const gpu_executable *self, int32_t device, void *module) {
  if (!is_captured(self->own, self->driver, device)) {
    Py_BEGIN_ALLOW_THREADS
    unload(self->driver, device, module);
    Py_END_ALLOW_THREADS
    return;
  }
  waiting_module *later = malloc(sizeof *later);
  if (later == NULL) return;  // the module stays
  *later = (waiting_module){(gpu_driver *)Py_NewRef((PyObject *)self->driver), device, module,
                            waiting};
  waiting = later;
}

// An executable may end while an error is set, which the look at streams must neither see nor clear.
static void drop_code(gpu_executable *self) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  bool stays = atomic_load(&self->kept) || is_gpus_of_parent() || !self->own->usable;
  for (int32_t device = 0; device < MOST_GPUS; device++) {
    loaded_code *loaded = atomic_load(&self->loaded[device]);
    if (loaded == NULL) continue;
    if (!stays) unload_or_wait(self, device, loaded->module);
    free(loaded);
  }
  if (!stays) unload_waiting(self->own);
  PyErr_Restore(type, value, traceback);
}

// --- the type ---

static bool read_export(gpu_function *out, PyObject *item) {
  const char *name;
  unsigned long long x, y, z, shared, constants, bindings;
  if (!PyTuple_Check(item) ||
      !PyArg_ParseTuple(item, "s(KKK)KKK", &name, &x, &y, &z, &shared, &constants, &bindings)) {
    PyErr_Clear();
    return plan_fault("GpuExecutable: %R, must be (name, (x, y, z), shared bytes, constants, "
                      "bindings)", item);
  }
  bool fits = x > 0 && y > 0 && z > 0 && x <= 1024 && y <= 1024 && z <= 1024 &&
              x * y * z <= 1024 && shared <= INT32_MAX && constants <= MAX_CONSTANTS &&
              bindings <= MAX_BINDINGS;
  if (!fits) return plan_fault("GpuExecutable: %R is beyond what a GPU runs", item);
  *out = (gpu_function){strdup(name), {(uint32_t)x, (uint32_t)y, (uint32_t)z}, (uint32_t)shared,
                        (uint32_t)bindings, (uint32_t)constants};
  if (out->name == NULL) PyErr_NoMemory();
  return out->name != NULL;
}

static bool take_exports(gpu_executable *self, PyObject *exports) {
  PyObject *items = PySequence_Tuple(exports);
  if (items == NULL) return false;
  Py_ssize_t count = PyTuple_GET_SIZE(items);
  self->functions = PyMem_Calloc((size_t)count + 1, sizeof *self->functions);
  self->names = PyTuple_New(count);
  bool taken = self->functions != NULL && self->names != NULL;
  for (Py_ssize_t i = 0; taken && i < count; i++) {
    taken = read_export(&self->functions[i], PyTuple_GET_ITEM(items, i));
    if (!taken) break;
    self->count++;
    PyObject *name = PyUnicode_FromString(self->functions[i].name);
    taken = name != NULL;
    if (taken) PyTuple_SET_ITEM(self->names, i, name);
  }
  Py_DECREF(items);
  return taken;
}

static PyObject *new_gpu_executable(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"driver", "name", "image", "functions", NULL};
  launcher *own = launcher_of(type);
  if (own == NULL) return NULL;
  PyObject *driver, *name, *image, *exports;
  gpu_executable *self = NULL;
  if (PyArg_ParseTupleAndKeywords(args, keywords, "O!USO:GpuExecutable", names,
                                  own->gpu_driver_type, &driver, &name, &image, &exports))
    self = (gpu_executable *)type->tp_alloc(type, 0);
  if (self == NULL) {
    release_launcher(own);
    return NULL;
  }
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  pthread_mutex_init(&self->lock, NULL);
  self->own = own;
  self->driver = (gpu_driver *)Py_NewRef(driver);
  self->name = Py_NewRef(name);
  self->image = Py_NewRef(image);
  if (!take_exports(self, exports)) {
    Py_DECREF(self);
    return NULL;
  }
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

bool is_code_for(const launcher *own, PyObject *object, const gpu_driver *driver) {
  return Py_IS_TYPE(object, (PyTypeObject *)own->gpu_executable_type) &&
         ((gpu_executable *)object)->driver == driver;
}

static bool read_device(PyObject *object, uint64_t *device) {
  return read_number(object, MOST_GPUS - 1, device, "a device");
}

static PyObject *use_image(PyObject *object, PyObject *args) {
  gpu_executable *self = (gpu_executable *)object;
  PyObject *number, *image;
  uint64_t device;
  if (!PyArg_ParseTuple(args, "OS:use_image", &number, &image) || !read_device(number, &device))
    return NULL;
  Py_XSETREF(self->images[device], Py_NewRef(image));
  Py_RETURN_NONE;
}

static PyObject *is_loaded(PyObject *object, PyObject *number) {
  uint64_t device;
  if (!read_device(number, &device)) return NULL;
  return PyBool_FromLong(code_on((gpu_executable *)object, (int32_t)device) != NULL);
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  gpu_executable *self = (gpu_executable *)object;
  Py_VISIT(Py_TYPE(object));
  if (self->own != NULL) Py_VISIT(self->own->module);
  Py_VISIT(self->driver);
  Py_VISIT(self->names);
  return 0;
}

static void free_gpu_executable(PyObject *object) {
  gpu_executable *self = (gpu_executable *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  drop_code(self);
  pthread_mutex_destroy(&self->lock);
  for (uint32_t i = 0; i < self->count; i++) free(self->functions[i].name);
  PyMem_Free(self->functions);
  for (size_t i = 0; i < MOST_GPUS; i++) Py_XDECREF(self->images[i]);
  Py_XDECREF(self->image);
  Py_XDECREF(self->names);
  Py_XDECREF(self->name);
  Py_XDECREF((PyObject *)self->driver);
  release_launcher(self->own);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *show(PyObject *object) {
  return PyUnicode_FromFormat("<ir_runtime GpuExecutable: %U>", ((gpu_executable *)object)->name);
}

static PyMethodDef methods[] = {
    {"use_image", use_image, METH_VARARGS,
     "use_image(device, image)\n--\n\nLoad other code on one GPU, if it has loaded none yet."},
    {"is_loaded", is_loaded, METH_O,
     "is_loaded(device)\n--\n\nTell whether a GPU has loaded the code."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"name", T_OBJECT_EX, offsetof(gpu_executable, name), READONLY, NULL},
    {"functions", T_OBJECT_EX, offsetof(gpu_executable, names), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "GpuExecutable(driver, name, image, functions)\n--\n\n"
                "The compiled code of a program for GPUs; loaded at the first launch."},
    {Py_tp_new, new_gpu_executable},
    {Py_tp_dealloc, free_gpu_executable},
    {Py_tp_traverse, traverse},
    {Py_tp_repr, show},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.GpuExecutable",
                           sizeof(gpu_executable), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

bool add_gpu_executable_type(launcher *own) {
  own->gpu_executable_type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  return own->gpu_executable_type != NULL &&
         PyModule_AddType(own->module, (PyTypeObject *)own->gpu_executable_type) == 0;
}
