// The types and functions that the files of the launcher share.
//
// What is Python's belongs to the module object: its `launcher`, which each object of the module's
// types keeps alive. Static is only what belongs to the process or to one of its threads: the
// memory that threads keep, torch's thread pool, whether the process was forked.
//
// The launcher runs in the main interpreter only, as torch does, and under the GIL: a free-threaded
// Python turns the GIL on as it imports the module. The GIL is released while a kernel runs and
// while an executable is loaded. Any call of Python's may run other code, too, of this thread
// (finalisers, torch's modes) or of another. So nothing borrowed is kept across one: neither an
// item of a list, nor a pointer into what torch records of a tensor (`fact`).
#ifndef IR_RUNTIME_LAUNCHER_H
#define IR_RUNTIME_LAUNCHER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "abi/dlpack.h"
#include "abi/library.h"
#include "expectation.h"
#include "layout.h"
#include "refusal.h"

enum { ALIGNMENT = 64, GPU_ALIGNMENT = 16 };  // of tensors; kernels for GPUs use 16 bytes at most

// --- module.c: what belongs to one module object ---

#define EACH_KEPT_OBJECT(does)                                                                   \
  does(executable_type) does(plan_type) does(remembered_type)                                    \
  does(gpu_driver_type) does(gpu_executable_type) does(empty_on_gpu) does(bytes_dtype)           \
  does(rows_dtype) does(raw_stream)                                                              \
  does(tensor_type) does(parameter_type) does(dtype_type) does(layout_type) does(format_type)    \
  does(exchange_capsule) does(grad_descriptor) does(cpu_descriptor)                              \
  does(is_neg) does(is_conj) does(wants_grad) does(on_cpu) does(is_inference)                    \
  does(forward_ad) does(current_level) does(profiler) does(profiler_enabled) does(raw_repr)      \
  does(inference_mode) does(is_grad_enabled) does(dispatch_modes) does(function_modes)           \
  does(functorch_level) does(any_transforms)                                                     \
  does(is_tracing) does(any_autocast) does(empty_strided) does(increment_version)                \
  does(thread_count)

typedef struct {
  PyObject *module;  // borrowed: this is its memory
  bool usable;       // false once the garbage collector has begun to take the module apart
  uint64_t parallel_bytes;  // from how many touched bytes on a plan runs on torch's threads
  uint64_t copies;          // of arguments that a plan could not change where they lie
  const dl_exchange *exchange;
  const PyGetSetDef *grad_getter, *cpu_getter;  // NULL: found by name
  storage_layout storages;
  peek_layout peek;
#define DECLARE(name) PyObject *name;
  EACH_KEPT_OBJECT(DECLARE)
#undef DECLARE
} launcher;

// Returns the launcher of a type of the module, with a reference to the module; NULL with an error.
launcher *launcher_of(PyTypeObject *type);
void release_launcher(launcher *self);
bool check_usable(const launcher *self);  // a RuntimeError is set if not

// --- load.c: shared objects ---

// Loads a copy of `elf` and returns its handle; NULL with ValueError or OSError set.
void *load_library(const char *name, const char *elf, Py_ssize_t size);

// --- processor.c ---

void describe_processor(uint64_t fields[PROCESSOR_FIELDS]);

// --- executable.c ---

typedef struct {
  PyObject_HEAD
  PyObject *name;
  PyObject *functions;
  void *handle;
  const library_v0 *library;
  library_environment environment;
} executable;

bool add_executable_type(launcher *own);

// --- plan.c ---

typedef struct {
  uint32_t slot;
  uint64_t offset, length;
  uint64_t lead;  // of a binding: how far before the span the address lies that a function gets
} span;

typedef struct gpu_driver gpu_driver;          // gpu/gpu.h
typedef struct gpu_executable gpu_executable;
typedef struct gpu_constants gpu_constants;

typedef enum { STEP_DISPATCH, STEP_FILL, STEP_COPY } step_kind;

typedef struct {
  step_kind kind;
  uint64_t items;  // what threads share out: workgroups, or bytes
  // of a dispatch
  const executable *owner;  // NULL on a GPU
  gpu_executable *code;     // NULL on the CPU
  uint32_t function;
  uint32_t local_memory;                // bytes
  size_t first_binding, first_constant;  // in the plan's arrays
  dispatch_state state;                 // all but `bindings` and `max_concurrency`
  // of a transfer
  span source, target;
  uint8_t pattern[4];
  uint8_t pattern_size;
} step;

typedef struct {
  PyObject_HEAD
  launcher *own;
  PyObject *executables;  // a tuple that keeps the code loaded
  gpu_driver *driver;     // what launches it on a GPU; NULL on the CPU
  PyObject *failure;      // of a GPU: raises what a driver's error means, or asks for another try
  PyObject *allocate;     // makes its results: of shape, strides, dtype
  int32_t device_type;    // DLPack's
  uint32_t operand_count, result_count, transient_count, constant_count, slot_count;
  uint64_t *sizes;      // by slot: the least bytes of a tensor, or all of a transient or constant
  uint64_t *offsets;    // by transient: where it begins in the thread's memory; then those of
                        // constants on a GPU, in the memory that holds them all
  uint64_t transient_bytes;
  void **constants;     // by constant: an aligned copy, or the memory of the one that lends it
  Py_buffer *lent;      // by constant: what lends it, without `obj` for a copy
  gpu_constants *placed;  // the memory of constants on GPUs; NULL without them
  step *steps;
  size_t step_count;
  span *bindings;       // of all dispatches, one after another
  size_t *lengths;      // theirs
  size_t binding_count;
  uint32_t *numbers;    // the constants of all dispatches, one after another
  size_t number_count;
  size_t *patched;      // the numbers that are an argument of the call
  size_t patched_count;
  uint64_t touched_bytes;
  uint64_t parts;       // how many threads the largest step can keep busy
  uint32_t report_rows;  // of the last result, if that tells of indices and the launcher looks at it
  PyObject *report_fault;  // raises what the rows tell; NULL without them
  uint32_t device_rows;    // of the last result on a GPU: `report_fault` gets them and counts later
  uint32_t hidden_count;   // of results: 1 for a report, else 0
  size_t checked_at;     // how many steps run before the report is looked at
  uint32_t *changed;     // the operands that the last results lie in, the report apart
  uint32_t changed_count;
  uint64_t copies;       // how many of those the steps copy
  bool used;            // whether it ran since somebody cleared this
} plan;

bool add_plan_type(launcher *own);

// --- report.c: what a plan says of indices ---

enum { REPORT_COLUMNS = 4, FEW_ROWS = 8 };

typedef struct {
  _Alignas(ALIGNMENT) int64_t few[FEW_ROWS * REPORT_COLUMNS];
  int64_t *rows;
} report;

bool take_report(plan *self, PyObject *rows, PyObject *fault);
// How many of the results are the caller's.
uint32_t returned_results(const plan *self);
bool begin_report(report *self, const plan *what);
void end_report(report *self);
// Returns whether all indices were in range; an error is set if not.
bool check_report(const report *self, const plan *what);
bool rows_in_range(const plan *what, const int64_t *rows);

// --- steps.c ---

// Appends the step that a tuple describes; false with ValueError set.
bool read_step(plan *self, size_t index, PyObject *description);
// Takes which numbers are patched, each as (step, constant); false with ValueError set.
bool read_patched(plan *self, PyObject *patched);
bool read_number(PyObject *object, uint64_t limit, uint64_t *number, const char *what);
bool plan_fault(const char *format, ...);
enum { MOST_PATCHED = 64 };  // numbers of a plan of which some are patched

// --- run.c ---

// How many threads a run takes; -1 with an exception set. May run any Python code, so that it comes
// before the memory of tensors is looked up.
int plan_threads(const plan *self);
// Runs the plan on the memory of operands and results, in slot order, without the GIL; -1 with a
// RuntimeError or MemoryError set. Operands that are not aligned are copied, and counted. `number`
// takes the place of the patched numbers; NULL: they stay as they are.
int run_plan(plan *self, int threads, void *const *tensors, const int64_t *number);

// --- pool.c: torch's own threads ---

typedef struct {
  void (*parallel)(void (*body)(void *), void *data, unsigned threads, unsigned flags);
  void (*barrier)(void);
  int (*max_threads)(void);
  int (*in_parallel)(void);
  int (*thread)(void);
  int (*threads)(void);
} thread_pool;

extern thread_pool pool;  // without `parallel` there is none
bool find_pool(bool torch_has_openmp);
// How many threads torch would use for work begun by this thread; -1 with an exception set.
int torch_threads(const launcher *own);
// Tells whether work begun by this thread gets so many threads; true where nobody knows. -1 with an
// exception set.
int has_threads(const launcher *own, int count);

// --- arena.c: memory kept by each thread ---

static inline uint64_t aligned(uint64_t size) {
  return (size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}
bool prepare_arenas(void);
// Returns aligned memory, this thread's until `release_transients`; NULL if there is none.
void *acquire_transients(size_t size);
void release_transients(void *memory);
void *local_memory(size_t size);
size_t transient_bytes(void);

// --- tensor.c ---

enum { FEW_DIMS = 8 };

// What a plan must know of a tensor. It holds the tensor, and copies of what torch records of it.
typedef struct {
  PyObject *tensor;
  char *start;      // of its elements; `check_memory` says whether they are still there
  uint64_t bytes;
  dl_dtype dtype;
  int32_t device;   // its number
  int32_t rank;
  refusal layout;   // why a plan cannot take it where it lies, if so
  union {
    int64_t few[2 * FEW_DIMS];
    int64_t *many;
  } sizes;          // the strides follow
} fact;

bool prepare_tensors(launcher *own);
bool is_plain_tensor(const launcher *own, PyObject *object);  // of torch's own types, on the CPU
bool is_tensor(const launcher *own, PyObject *object);      // of exactly torch's types
bool is_any_tensor(const launcher *own, PyObject *object);  // subclasses, too
bool is_torch_constant(const launcher *own, PyObject *object);  // dtypes, layouts, formats
// Says what torch knows of a tensor on a kind of device; the pointers hold until Python runs.
refusal view_tensor(const launcher *own, PyObject *object, int32_t device_type, dl_tensor *out);
// Says it for longer; an accepted one is to be forgotten.
refusal describe_tensor(const launcher *own, PyObject *object, int32_t device_type, fact *out);
void forget_fact(fact *self);
static inline const int64_t *sizes_of(const fact *self) {
  return self->rank > FEW_DIMS ? self->sizes.many : self->sizes.few;
}
bool requires_grad(const launcher *own, PyObject *tensor);
// Refuses numbers that are not what lies in memory.
refusal check_bits(const launcher *own, const fact *seen);
// Refuses what a plan cannot take where it lies.
refusal check_layout(const dl_tensor *tensor);
static inline uint64_t count_bytes(dl_dtype dtype, int32_t rank, const int64_t *shape) {
  uint64_t count = 1;
  for (int32_t i = 0; i < rank; i++) count *= (uint64_t)shape[i];
  return count * (((uint64_t)dtype.bits * dtype.lanes + 7) / 8);
}
PyObject *refusal_table(void);

// --- peek.c: plain tensors, read without asking torch ---

// Finds where the fields are; without success nothing can be peeked at.
void prepare_peek(launcher *own);
// Tells whether a tensor is a plain one on the CPU whose fields can be read; false says nothing.
bool is_peekable(const launcher *own, PyObject *tensor);
// Tells whether a tensor surely requires no gradient.
bool has_no_gradient(const launcher *own, PyObject *tensor);
// Describes dtype, sizes and strides, nothing else; false if that cannot be read.
bool peek_tensor(const launcher *own, PyObject *tensor, fact *out);

// --- storage.c ---

bool prepare_storages(launcher *own, PyObject *torch);
// Refuses a contiguous tensor that its storage does not hold, or not any more.
refusal check_memory(const launcher *own, const fact *seen);

// --- facts.c: the tensors of one call ---

enum { FEW_TENSORS = 16 };

typedef struct {
  fact few[FEW_TENSORS];
  fact *tensors;
  size_t count, room;
  int32_t device_type;  // where they must be
  int64_t number;       // of the call, for a plan with patched numbers
} facts;

void begin_facts(facts *self, int32_t device_type);
void end_facts(facts *self);
void forget_facts(facts *self);
refusal add_fact(const launcher *own, facts *self, PyObject *tensor);
// The same for a comparison of calls only: the place of the elements stays unknown.
refusal add_glimpse(const launcher *own, facts *self, PyObject *tensor);
// Describes the tensors among `values`, those in lists included, whatever their layout.
refusal describe_values(const launcher *own, facts *self, PyObject *const *values,
                        Py_ssize_t count);
refusal check_layouts(const facts *self);
// The same for tensors that are only read: `run_plan` copies small ones that are not aligned.
refusal check_readable(const facts *self, size_t count);
// Refuses tensors whose numbers are not what lies in memory.
refusal check_all_bits(const launcher *own, const facts *self);
// Refuses tensors whose gradient would be lost. Agrees with `needs_grad` in gradient.py.
refusal check_grad(const launcher *own, const facts *self);
// Tells whether a tensor among values, or in a list among them, requires a gradient.
bool any_requires_grad(const launcher *own, PyObject *const *values, Py_ssize_t count);
bool overlap(const fact *one, const fact *other);

// --- change.c: operands that a plan changes ---

bool take_changed(plan *self, PyObject *changed, PyObject *copies);
// Refuses operands that overlap another one; `operands` says which fact each is, NULL if in order.
refusal check_changed(const plan *self, const facts *seen, const uint32_t *operands);
// Binds the results that lie in operands to their memory.
void bind_changed(const plan *self, void **slots);
// Tells autograd that these operands change; false with an error set, as for inference tensors.
bool note_changed(const plan *self, const facts *seen, const uint32_t *operands);

#include "gates.h"

// --- memory.c: arguments that were seen before ---

typedef struct {
  PyObject_HEAD
  launcher *own;
  plan *what;         // NULL if a function computes the call
  PyObject *instead;  // this function, which takes all arguments by position; or NULL
  bool skips;         // whether the function is not the first one that could compute the call
  bool declines;      // whether the function may decline the call
  bool open;          // whether some tensor may have any shape
  expectation *expected;
  size_t expected_count, expected_room;
  Py_ssize_t value_count;
  Py_ssize_t number;   // which argument the plan's patched numbers are; -1: none
  uint32_t *operands;  // by operand of the plan: which tensor of the call
  result *results;
} remembered;

bool add_remembered_type(launcher *own);
// Returns what recognises a call like `args`; NULL with ValueError set, or without an error if the
// arguments cannot be recognised. `range` is None, or which argument may be any integer of which
// range, both ends included: (position, lowest, highest).
remembered *remember_call(PyObject *args, plan *what, PyObject *operands, PyObject *results,
                          PyObject *range);
// Reads this number from the arguments of a call that was found.
void read_patch(const remembered *self, PyObject *const *values, facts *seen);
// How much of an argument counts: nothing; of a tensor dtype and rank; its sizes, too; and strides.
// Other values count as they are.
typedef enum { COUNTS_NOT = 'n', COUNTS_KIND = 'k', COUNTS_SIZES = 's', COUNTS_ALL = 'a' } detail;
// The same for calls that the function `instead` computes; `details` has a letter an argument.
remembered *redirect_call(launcher *own, PyObject *args, const char *details, PyObject *instead);
refusal compare_call(const remembered *self, PyObject *const *values, Py_ssize_t count,
                     const facts *seen);

// --- recent.c ---

typedef struct {
  uint64_t digest;  // of the shapes of its tensors
  remembered *what;
} recent_call;

typedef struct {
  Py_ssize_t capacity, count, room;
  recent_call *calls;  // the latest one first; there is `room` for so many
} recent_calls;

// Finds the call that is like this one, which becomes the latest; `*found` is a new reference.
refusal find_call(recent_calls *self, PyObject *const *values, Py_ssize_t count, const facts *seen,
                  remembered **found);
// The oldest call goes if there are as many as `capacity`.
void keep_call(recent_calls *self, remembered *added);
void forget_calls(recent_calls *self);
void forget_latest_call(recent_calls *self);

// --- results.c ---

bool prepare_results(launcher *own);
bool read_results(remembered *self, PyObject *results);
void drop_results(remembered *self);
// Allocates the results of a call, runs it, and returns them; NULL with an error, or with `*why`.
PyObject *run_new(const remembered *self, const facts *seen, refusal *why);
// Runs a call into given tensors; false with an error, or with `*why`.
bool run_into(const remembered *self, const facts *seen, const facts *outs, refusal *why);
refusal check_outs(const remembered *self, const facts *seen, const facts *outs);

// --- call.c, call_type.c, bound_call.c, choice.c ---

bool add_call_type(launcher *own);
bool add_bound_call_type(launcher *own);
bool add_choice_type(launcher *own);

#endif
