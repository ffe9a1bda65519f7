// Plans on a GPU: the library of its driver, its executables, and their launch on torch's stream.
//
// The library is opened at run time, so that the package needs no CUDA and no ROCm to be built. Its
// functions are called without the GIL. Nothing here waits for the GPU.
#ifndef IR_RUNTIME_GPU_H
#define IR_RUNTIME_GPU_H

#include <pthread.h>
#include <stdatomic.h>

#include "../launcher.h"

enum { MOST_GPUS = 64, LOG_BYTES = 2048 };

// The functions of both drivers that a launch needs; those of HIP have the same parameters.
typedef struct {
  int (*init)(unsigned flags);
  int (*version)(int *version);
  const void *error_name, *error_text;  // CUDA's have another form than HIP's
  int (*get_device)(int *device, int ordinal);
  int (*retain)(void **context, int device);
  int (*current_context)(void **context);
  int (*set_context)(void *context);
  int (*current_device)(int *device);
  int (*set_device)(int device);
  int (*load)(void **module, const void *image, unsigned count, int *options, void **values);
  int (*unload)(void *module);
  int (*find)(void **function, void *module, const char *name);
  int (*set_attribute)(void *function, int attribute, int value);
  int (*launch)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream,
                void **parameters, void **extra);
  int (*capture_status)(void *stream, int *status);
  int (*exchange_mode)(int *mode);
  int (*fill8)(uintptr_t target, unsigned char value, size_t count, void *stream);
  int (*fill16)(uintptr_t target, unsigned short value, size_t count, void *stream);
  int (*fill32)(uintptr_t target, unsigned value, size_t count, void *stream);
  int (*copy)(uintptr_t target, uintptr_t source, size_t size, void *stream);
} driver_calls;

struct gpu_driver {
  PyObject_HEAD
  PyObject *kind, *path;
  void *library;
  int32_t device_type;
  bool is_cuda;
  driver_calls calls;
  pthread_mutex_t lock;
  void *_Atomic contexts[MOST_GPUS];  // CUDA's primary contexts; retained until the process ends
};

// What a driver did not do. `call` is the name of the function in the driver.
typedef struct {
  const char *call;
  int code;
  const char *kernel;  // NULL: none
  size_t step;
  bool capturing;
  char log[LOG_BYTES];  // of the driver's compiler
} gpu_failure;

typedef struct {
  char *name;
  uint32_t block[3], shared_bytes, bindings, constants;
} gpu_function;

typedef struct {
  void *module;
  void *functions[];
} loaded_code;

struct gpu_executable {
  PyObject_HEAD
  launcher *own;
  gpu_driver *driver;
  PyObject *name, *names, *image;
  PyObject *images[MOST_GPUS];  // made for one GPU; NULL: the common one
  gpu_function *functions;
  uint32_t count;
  loaded_code *_Atomic loaded[MOST_GPUS];
  pthread_mutex_t lock;
  atomic_bool kept;  // a captured graph may run it at any time
};

// --- driver.c ---

bool add_gpu_driver_type(launcher *own);
int32_t device_type_of(const gpu_driver *self);
const char *error_name(const gpu_driver *self, int code);
const char *error_text(const gpu_driver *self, int code);
// Notes what failed; returns whether nothing did.
bool succeeded(gpu_failure *into, const char *call, int code);
// Whether this process is the child of one that used a GPU.
bool is_gpus_of_parent(void);

// --- context.c ---

// What was current in a thread before.
typedef struct {
  void *context;
  int device;
  bool changed;
} gpu_scope;

// Makes a GPU current in the calling thread; called without the GIL.
bool enter_gpu(gpu_driver *self, int32_t device, gpu_scope *before, gpu_failure *failed);
void leave_gpu(const gpu_driver *self, const gpu_scope *before);

// --- code.c ---

bool add_gpu_executable_type(launcher *own);
bool is_code_for(const launcher *own, PyObject *object, const gpu_driver *driver);
// Loads the code for a GPU, once; false with `failed`. The GIL is released meanwhile.
bool load_code(gpu_executable *self, int32_t device, void *stream, gpu_failure *failed);
static inline const loaded_code *code_on(const gpu_executable *self, int32_t device) {
  return atomic_load_explicit(&self->loaded[device], memory_order_acquire);
}

// --- launch.c ---

// One run of a plan: where, on which stream, with which memory of its own.
typedef struct {
  int32_t device;
  void *stream;
  PyObject *scratch, *rows;
  char *transients, *report;
  char *constants;  // the plan's, on this GPU
} gpu_run;

bool prepare_gpu(launcher *own);
// Asks torch for the calling thread's stream on a GPU; false with an error set.
bool find_stream(const launcher *own, int32_t device_type, int32_t device, void **stream);
// Allocates; `has_rows`: the memory of the report, too. False with an error set, or with `*why` where
// torch's current device is not that of the tensors.
bool begin_gpu_run(gpu_run *self, const plan *what, const facts *seen, bool has_rows, refusal *why);
void end_gpu_run(gpu_run *self);
// Refuses tensors on another GPU: those that were made, or given.
refusal check_place(const gpu_run *self, const plan *what, PyObject *const *made,
                    const facts *given);
// Enqueues the steps; -1 with an error set.
int launch_on_gpu(gpu_run *self, plan *what, const facts *seen, void *const *slots);

// --- constants.c ---

// Takes where each constant of a plan lies in their memory, and the function that makes the memory.
bool take_gpu_constants(plan *self, PyObject *constants, PyObject *place);
int visit_gpu_constants(plan *self, visitproc visit, void *arg);
void drop_gpu_constants(plan *self);
// NOT_PLACED comes with `failed`, PLACE_RAISED with an error set.
typedef enum { PLACED, PLACED_BY_PYTHON, NOT_PLACED, PLACE_RAISED } placement;
placement place_constants(gpu_run *run, plan *what, gpu_failure *failed);
// A captured graph may read them after the plan is gone.
void keep_constants(plan *what);

#endif
