// The library of a GPU's driver, found at run time: libcuda.so.1, or the HIP library of torch.
#define _GNU_SOURCE
#include "gpu.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include <structmember.h>

typedef struct {
  size_t offset;
  const char *cuda, *hip;  // NULL: the driver needs none
} symbol;

#define CALL(member, cuda, hip) {offsetof(driver_calls, member), cuda, hip}

static const symbol symbols[] = {
    CALL(init, "cuInit", "hipInit"),
    CALL(version, "cuDriverGetVersion", "hipDriverGetVersion"),
    CALL(error_name, "cuGetErrorName", "hipGetErrorName"),
    CALL(error_text, "cuGetErrorString", "hipGetErrorString"),
    CALL(get_device, "cuDeviceGet", NULL),
    CALL(retain, "cuDevicePrimaryCtxRetain", NULL),
    CALL(current_context, "cuCtxGetCurrent", NULL),
    CALL(set_context, "cuCtxSetCurrent", NULL),
    CALL(current_device, NULL, "hipGetDevice"),
    CALL(set_device, NULL, "hipSetDevice"),
    CALL(load, "cuModuleLoadDataEx", "hipModuleLoadDataEx"),
    CALL(unload, "cuModuleUnload", "hipModuleUnload"),
    CALL(find, "cuModuleGetFunction", "hipModuleGetFunction"),
    CALL(set_attribute, "cuFuncSetAttribute", NULL),
    CALL(launch, "cuLaunchKernel", "hipModuleLaunchKernel"),
    CALL(capture_status, "cuStreamIsCapturing", "hipStreamIsCapturing"),
    CALL(exchange_mode, "cuThreadExchangeStreamCaptureMode", "hipThreadExchangeStreamCaptureMode"),
    CALL(fill8, "cuMemsetD8Async", "hipMemsetD8Async"),
    CALL(fill16, "cuMemsetD16Async", "hipMemsetD16Async"),
    CALL(fill32, "cuMemsetD32Async", "hipMemsetD32Async"),
    CALL(copy, "cuMemcpyDtoDAsync_v2", "hipMemcpyDtoDAsync"),
};

static bool watched, used, of_parent;

static void mark_child(void) { of_parent = of_parent || used; }

bool is_gpus_of_parent(void) { return of_parent; }

int32_t device_type_of(const gpu_driver *self) { return self->device_type; }

bool succeeded(gpu_failure *into, const char *call, int code) {
  if (__builtin_expect(code == 0, 1)) return true;
  into->call = call;
  into->code = code;
  return false;
}

// cuGetErrorName(code, &text) against hipGetErrorName(code).
static const char *ask(const gpu_driver *self, const void *function, int code) {
  const char *text = NULL;
  if (self->is_cuda) {
    int (*cuda)(int, const char **);
    memcpy(&cuda, &function, sizeof cuda);
    if (cuda(code, &text) != 0) text = NULL;
  } else {
    const char *(*hip)(int);
    memcpy(&hip, &function, sizeof hip);
    text = hip(code);
  }
  return text == NULL ? "unknown error" : text;
}

const char *error_name(const gpu_driver *self, int code) {
  return ask(self, self->calls.error_name, code);
}

const char *error_text(const gpu_driver *self, int code) {
  return ask(self, self->calls.error_text, code);
}

static bool find_symbols(gpu_driver *self, const char *path) {
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    const char *name = self->is_cuda ? symbols[i].cuda : symbols[i].hip;
    if (name == NULL) continue;
    void *found = dlsym(self->library, name);
    if (found == NULL) {
      PyErr_Format(PyExc_OSError, "driver library %s: has no %s, must have it", path, name);
      return false;
    }
    memcpy((char *)&self->calls + symbols[i].offset, &found, sizeof found);
  }
  return true;
}

static bool open_library(gpu_driver *self) {
  const char *path = PyUnicode_AsUTF8(self->path);
  if (path == NULL) return false;
  Py_BEGIN_ALLOW_THREADS
  self->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  Py_END_ALLOW_THREADS
  if (self->library == NULL) {
    PyErr_Format(PyExc_OSError, "driver library %s: %s", path, dlerror());
    return false;
  }
  if (!find_symbols(self, path)) return false;
  int code;
  Py_BEGIN_ALLOW_THREADS
  code = self->calls.init(0);
  Py_END_ALLOW_THREADS
  if (code == 0) {
    used = true;
    return true;
  }
  PyErr_Format(PyExc_OSError, "driver library %s: does not start: %s (%s)", path,
               error_name(self, code), error_text(self, code));
  return false;
}

static bool set_kind(gpu_driver *self) {
  self->is_cuda = PyUnicode_CompareWithASCIIString(self->kind, "cuda") == 0;
  self->device_type = self->is_cuda ? DLPACK_CUDA : DLPACK_ROCM;
  if (self->is_cuda || PyUnicode_CompareWithASCIIString(self->kind, "hip") == 0) return true;
  PyErr_Format(PyExc_ValueError, "GpuDriver: kind %R, must be 'cuda' or 'hip'", self->kind);
  return false;
}

static bool watch_forks(void) {
  if (!watched && pthread_atfork(NULL, NULL, mark_child) != 0) {
    PyErr_SetString(PyExc_RuntimeError, "launcher: cannot watch for forks");
    return false;
  }
  return watched = true;
}

static PyObject *new_gpu_driver(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"kind", "path", NULL};
  PyObject *kind, *path;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "UU:GpuDriver", names, &kind, &path))
    return NULL;
  gpu_driver *self = (gpu_driver *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  pthread_mutex_init(&self->lock, NULL);
  self->kind = Py_NewRef(kind);
  self->path = Py_NewRef(path);
  if (!watch_forks() || !set_kind(self) || !open_library(self)) {
    Py_DECREF(self);
    return NULL;
  }
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

static PyObject *version(PyObject *object, void *unused) {
  (void)unused;
  gpu_driver *self = (gpu_driver *)object;
  int number = 0, code = self->calls.version(&number);
  if (code == 0) return PyLong_FromLong(number);
  return PyErr_Format(PyExc_OSError, "driver library %U: %s", self->path, error_name(self, code));
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  gpu_driver *self = (gpu_driver *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->kind);
  Py_VISIT(self->path);
  return 0;
}

// The library stays: drivers do not bear to be unloaded.
static void free_gpu_driver(PyObject *object) {
  gpu_driver *self = (gpu_driver *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  pthread_mutex_destroy(&self->lock);
  Py_XDECREF(self->kind);
  Py_XDECREF(self->path);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *show(PyObject *object) {
  gpu_driver *self = (gpu_driver *)object;
  return PyUnicode_FromFormat("<ir_runtime GpuDriver: %U, %U>", self->kind, self->path);
}

static PyMemberDef members[] = {
    {"kind", T_OBJECT_EX, offsetof(gpu_driver, kind), READONLY, NULL},
    {"path", T_OBJECT_EX, offsetof(gpu_driver, path), READONLY, NULL},
    {"device_type", T_INT, offsetof(gpu_driver, device_type), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"version", version, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "GpuDriver(kind, path)\n--\n\nThe library of the driver of GPUs, `cuda` or `hip`."},
    {Py_tp_new, new_gpu_driver},
    {Py_tp_dealloc, free_gpu_driver},
    {Py_tp_traverse, traverse},
    {Py_tp_repr, show},
    {Py_tp_members, members},
    {Py_tp_getset, getters},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.GpuDriver", sizeof(gpu_driver), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

bool add_gpu_driver_type(launcher *own) {
  own->gpu_driver_type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  return own->gpu_driver_type != NULL &&
         PyModule_AddType(own->module, (PyTypeObject *)own->gpu_driver_type) == 0;
}
