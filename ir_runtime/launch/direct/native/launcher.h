// What do the files of the launcher know of each other?
#ifndef IR_RUNTIME_LAUNCHER_H
#define IR_RUNTIME_LAUNCHER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "dlpack_abi.h"
#include "library_abi.h"

enum { ALIGNMENT = 64 };

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

extern PyTypeObject *executable_type;
bool add_executable_type(PyObject *module);

// --- plan.c ---

typedef struct {
  uint32_t slot;
  uint64_t offset, length;
} span;

typedef enum { STEP_DISPATCH, STEP_FILL, STEP_COPY } step_kind;

typedef struct {
  step_kind kind;
  uint64_t items;  // what threads share out: workgroups, or bytes
  // of a dispatch
  const executable *owner;
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
  PyObject *executables;  // a tuple that keeps the code loaded
  uint32_t operand_count, result_count, transient_count, slot_count;
  uint64_t *sizes;      // by slot: the least bytes of a tensor, or all of a transient or constant
  uint64_t *offsets;    // by transient: where it begins in the thread's memory
  uint64_t transient_bytes;
  void **constants;     // by constant: aligned copies
  step *steps;
  size_t step_count;
  span *bindings;       // of all dispatches, one after another
  size_t *lengths;      // theirs
  size_t binding_count;
  uint32_t *numbers;    // the constants of all dispatches, likewise
  size_t number_count;
  uint64_t touched_bytes;
  uint64_t parts;       // how many threads the largest step can keep busy
  uint32_t report_rows;  // of the last result, if that tells of indices; else 0
  PyObject *report_fault;  // raises what the rows tell; NULL without them
  bool used;            // whether it ran since somebody cleared this
} plan;

extern PyTypeObject *plan_type;
bool add_plan_type(PyObject *module);

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

// --- steps.c ---

// Appends the step that a tuple describes; false with ValueError set.
bool read_step(plan *self, size_t index, PyObject *description);
bool read_number(PyObject *object, uint64_t limit, uint64_t *number, const char *what);
bool plan_fault(const char *format, ...);

// --- run.c ---

// Runs the plan on the memory of operands and results, in slot order, without the GIL; -1 with a
// RuntimeError or MemoryError set.
int run_plan(plan *self, void *const *tensors);

extern uint64_t parallel_bytes;

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
int torch_threads(void);

// --- arena.c: memory kept by each thread ---

bool prepare_arenas(void);
// Returns aligned memory, this thread's until `release_transients`; NULL if there is none.
void *acquire_transients(size_t size);
void release_transients(void *memory);
void *local_memory(size_t size);
size_t transient_bytes(void);

// --- tensor.c ---

typedef enum {
  ACCEPTED,
  REFUSED_COUNT,
  REFUSED_KIND,
  REFUSED_VALUE,
  REFUSED_SUBCLASS,
  REFUSED_UNREADABLE,
  REFUSED_DEVICE,
  REFUSED_DTYPE,
  REFUSED_SHAPE,
  REFUSED_STRIDES,
  REFUSED_ALIGNMENT,
  REFUSED_NULL,
  REFUSED_SIZE,
  REFUSED_STORAGE,
  REFUSED_GRAD,
  REFUSED_TANGENT,
  REFUSED_CONJ,
  REFUSED_NEG,
  REFUSED_MODE,
  REFUSED_TRACING,
  REFUSED_AUTOCAST,
  REFUSED_KEYSET,
  REFUSED_DEVICE_SET,
  REFUSED_PROFILER,
  REFUSED_OVERLAP,
  REFUSED_UNKNOWN,
  REFUSALS
} refusal;

extern const char *const refusal_words[REFUSALS];

bool prepare_tensors(void);
bool is_plain_tensor(PyObject *object);  // of torch's own types, on the CPU
bool is_tensor(PyObject *object);      // of exactly torch's types
bool is_any_tensor(PyObject *object);  // subclasses, too
bool is_torch_constant(PyObject *object);  // of which there is one: dtypes, layouts, formats
// Says what torch knows of a CPU tensor.
refusal describe_tensor(PyObject *object, dl_tensor *out);
bool requires_grad(PyObject *tensor);
// Refuses numbers that are not what lies in memory.
refusal check_bits(PyObject *object, const dl_tensor *tensor);
// Refuses what a plan cannot take where it lies.
refusal check_layout(const dl_tensor *tensor);
uint64_t tensor_bytes(const dl_tensor *tensor);
PyObject *refusal_table(void);

// --- storage.c ---

bool prepare_storages(PyObject *torch);
// Refuses a tensor that reaches beyond the end of its storage.
refusal check_storage(PyObject *object, const dl_tensor *tensor);

// --- facts.c: the tensors of one call ---

enum { FEW_TENSORS = 16 };

typedef struct {
  dl_tensor few[FEW_TENSORS];
  dl_tensor *tensors;
  size_t count, room;
} facts;

void begin_facts(facts *self);
void end_facts(facts *self);
refusal describe_value(facts *self, PyObject *value);
// Describes the tensors among `values`, those in lists included, whatever their layout.
refusal describe_values(facts *self, PyObject *const *values, Py_ssize_t count);
refusal check_layouts(const facts *self);
// Refuses tensors, described in `seen`, whose numbers are not what lies in memory.
refusal check_all_bits(PyObject *const *values, Py_ssize_t count, const facts *seen);
// Refuses tensors whose gradient would be lost.
refusal check_grad(PyObject *const *values, Py_ssize_t count);
bool overlap(const dl_tensor *one, const dl_tensor *other);

// --- gates.c: what sends a call another way, whatever its tensors are ---

bool prepare_gates(void);
refusal check_tangents(void);
refusal check_transforms(void);
refusal check_profiler(void);
refusal check_modes(void);
refusal check_tracing(void);
refusal check_autocast(void);
refusal check_keyset(PyObject *keyset, uint64_t plain);
bool grad_enabled(void);

// --- memory.c: arguments that were seen before ---

typedef enum {
  EXPECT_TENSOR,
  EXPECT_SAME,
  EXPECT_INT,
  EXPECT_FLOAT,
  EXPECT_TEXT,
  EXPECT_LIST
} kind;

typedef struct {
  kind what;
  dl_dtype dtype;     // of a tensor
  int32_t rank;       // likewise
  int64_t *shape;     // likewise
  PyObject *object;   // the value itself, or the type of a list
  int64_t integer;
  uint64_t bits;      // of a float
  Py_ssize_t length;  // of a list, whose items follow
} expectation;

typedef struct {
  PyObject *allocation;  // what its allocation is called with: shape, strides, dtype
  dl_tensor layout;      // its shape and dtype
  uint64_t bytes;
} result;

typedef struct {
  Py_ssize_t references;
  plan *what;
  expectation *expected;
  size_t expected_count, expected_room;
  Py_ssize_t value_count;
  uint32_t *operands;  // by operand of the plan: which tensor of the call
  result *results;
} remembered;

// Returns what recognises a call like `args`; NULL with ValueError set, or without an error if the
// arguments cannot be recognised.
remembered *remember_call(PyObject *args, plan *what, PyObject *operands, PyObject *results);
void forget_call(remembered *self);
refusal compare_call(const remembered *self, PyObject *const *values, Py_ssize_t count,
                     const facts *seen);

enum { MOST_CALLS = 64 };

typedef struct {
  Py_ssize_t capacity, count;
  remembered *calls[MOST_CALLS];  // the latest one first
} recent_calls;

// Finds the call that is like this one, which becomes the latest.
refusal find_call(recent_calls *self, PyObject *const *values, Py_ssize_t count, const facts *seen,
                  remembered **found);
// Takes over a reference; the oldest call goes if there is no room.
void keep_call(recent_calls *self, remembered *added);
void forget_calls(recent_calls *self);

// --- results.c ---

bool prepare_results(void);
bool read_results(remembered *self, PyObject *results);
void drop_results(remembered *self);
// Allocates the results of a call, runs it, and returns them; NULL without an error set if what
// was allocated cannot be written.
PyObject *run_new(const remembered *self, const facts *seen);
// Runs a call into given tensors; -1 with an error set.
int run_into(const remembered *self, const facts *seen, PyObject *const *outs);
refusal check_outs(const remembered *self, const facts *seen, const facts *outs);

// --- call.c, bound_call.c ---

bool add_call_type(PyObject *module);
bool add_bound_call_type(PyObject *module);

#endif
