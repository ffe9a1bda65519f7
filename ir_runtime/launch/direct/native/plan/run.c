// Runs a plan step by step. The threads share the workgroups of a step in contiguous chunks.
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "launcher.h"

enum { NO_MEMORY = 1, FEW_BINDINGS = 48 };

typedef struct {
  const plan *what;
  void *const *tensors;
  char *transients;
  size_t room;      // for operands that are not aligned
  void **pointers;  // of all bindings
  const uint32_t *numbers;  // of all dispatches, in place of the plan's; NULL: the plan's
  atomic_int failed;
  // of the dispatch that failed first
  const step *failed_step;
  int code;
  workgroup_state failed_at;
} launch;

static void *address(const launch *self, const span *binding) {
  const plan *what = self->what;
  uint32_t tensors = what->operand_count + what->result_count, slot = binding->slot;
  char *memory;
  if (slot < tensors)
    memory = self->tensors[slot];
  else if (slot < tensors + what->transient_count)
    memory = self->transients + what->offsets[slot - tensors];
  else
    memory = what->constants[slot - tensors - what->transient_count];
  if (binding->length == 0) return memory;
  // The lead may reach before the memory, where the function itself uses nothing.
  return (void *)((uintptr_t)memory + binding->offset - binding->lead);
}

static void fail(launch *self, const step *at, int code, const workgroup_state *group) {
  int none = 0;
  if (!atomic_compare_exchange_strong(&self->failed, &none, 1)) return;
  self->failed_step = at;
  self->code = code;
  self->failed_at = *group;
}

static void run_groups(launch *self, const step *what, uint64_t begin, uint64_t end, int threads) {
  const executable *owner = what->owner;
  dispatch_function function = owner->library->exports.functions[what->function];
  dispatch_state state = what->state;
  uint32_t x = state.workgroup_count_x, y = state.workgroup_count_y;
  workgroup_state group = {0};
  state.bindings = self->pointers + what->first_binding;
  if (self->numbers != NULL) state.constants = self->numbers + what->first_constant;
  state.max_concurrency = (uint8_t)(threads < UINT8_MAX ? threads : UINT8_MAX);
  group.x = (uint32_t)(begin % x);
  group.y = (uint32_t)(begin / x % y);
  group.z = (uint16_t)(begin / x / y);
  group.processor_id = (uint32_t)sched_getcpu();
  group.local_memory_size = what->local_memory;
  if (what->local_memory > 0) {
    group.local_memory = local_memory(what->local_memory);
    if (group.local_memory == NULL) {
      fail(self, NULL, NO_MEMORY, &group);
      return;
    }
  }
  for (uint64_t i = begin; i < end; i++) {
    int code = function(&owner->environment, &state, &group);
    if (__builtin_expect(code != 0, 0)) fail(self, what, code, &group);
    if (atomic_load_explicit(&self->failed, memory_order_relaxed)) return;
    if (++group.x < x) continue;
    group.x = 0;
    if (++group.y < y) continue;
    group.y = 0;
    group.z++;
  }
}

static void fill(void *target, const step *what, size_t size) {
  if (what->pattern_size == 1) {
    memset(target, what->pattern[0], size);
  } else if (what->pattern_size == 2) {
    uint16_t *words = target, word;
    memcpy(&word, what->pattern, sizeof word);
    for (size_t i = 0; i < size / sizeof word; i++) words[i] = word;
  } else {
    uint32_t *words = target, word;
    memcpy(&word, what->pattern, sizeof word);
    for (size_t i = 0; i < size / sizeof word; i++) words[i] = word;
  }
}

static void run_bytes(const launch *self, const step *what, uint64_t begin, uint64_t end) {
  char *target = address(self, &what->target);
  if (what->kind == STEP_FILL)
    fill(target + begin, what, end - begin);
  else
    memcpy(target + begin, (char *)address(self, &what->source) + begin, end - begin);
}

static uint64_t share(uint64_t items, uint64_t part, uint64_t parts) {
  uint64_t rest = items % parts;
  return items / parts * part + (part < rest ? part : rest);
}

static void run_share(launch *self, const step *what, int thread, int threads) {
  if (atomic_load_explicit(&self->failed, memory_order_relaxed)) return;
  bool bytes = what->kind != STEP_DISPATCH;
  uint64_t unit = bytes ? ALIGNMENT : 1;
  uint64_t units = (what->items + unit - 1) / unit;
  uint64_t begin = share(units, (uint64_t)thread, (uint64_t)threads) * unit;
  uint64_t end = share(units, (uint64_t)thread + 1, (uint64_t)threads) * unit;
  if (end > what->items) end = what->items;
  if (begin >= end) return;
  if (bytes)
    run_bytes(self, what, begin, end);
  else
    run_groups(self, what, begin, end, threads);
}

// An index out of range ends the run before the first step that changes an operand.
static bool ends_before(const launch *self, size_t step) {
  const plan *what = self->what;
  if (step != what->checked_at || what->report_rows == 0) return false;
  return !rows_in_range(what, self->tensors[what->operand_count + what->result_count - 1]);
}

// What each thread of torch's pool does; all meet between two steps, failed or not.
static void run_in_pool(void *data) {
  launch *self = data;
  int thread = pool.thread(), threads = pool.threads();
  for (size_t i = 0; i < self->what->step_count; i++) {
    if (i > 0) pool.barrier();
    if (ends_before(self, i)) return;
    run_share(self, &self->what->steps[i], thread, threads);
  }
}

static void run_here(launch *self) {
  for (size_t i = 0; i < self->what->step_count && !ends_before(self, i); i++)
    run_share(self, &self->what->steps[i], 0, 1);
}

static int raise_failure(const launch *self) {
  const step *at = self->failed_step;
  if (at == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  PyErr_Format(PyExc_RuntimeError, "%U: %s returned %d for workgroup (%u, %u, %u), must return 0",
               at->owner->name, at->owner->library->exports.names[at->function], self->code,
               self->failed_at.x, self->failed_at.y, (unsigned)self->failed_at.z);
  return -1;
}

static bool is_copied(const plan *what, void *const *tensors, uint32_t operand) {
  return what->sizes[operand] > 0 && (uintptr_t)tensors[operand] % ALIGNMENT != 0;
}

// Returns the bytes for copies of the operands that are not aligned, and for the table of all.
static size_t room_for_copies(const plan *what, void *const *tensors, uint64_t *copies) {
  size_t room = 0;
  for (uint32_t i = 0; i < what->operand_count; i++) {
    if (!is_copied(what, tensors, i)) continue;
    room += aligned(what->sizes[i]);
    ++*copies;
  }
  if (room == 0) return 0;
  return room + aligned(((size_t)what->operand_count + what->result_count) * sizeof *tensors);
}

static void copy_operands(launch *self, char *memory) {
  const plan *what = self->what;
  size_t bytes = ((size_t)what->operand_count + what->result_count) * sizeof *self->tensors;
  void **taken = memcpy(memory, self->tensors, bytes);
  memory += aligned(bytes);
  for (uint32_t i = 0; i < what->operand_count; i++) {
    if (!is_copied(what, taken, i)) continue;
    taken[i] = memcpy(memory, taken[i], what->sizes[i]);
    memory += aligned(what->sizes[i]);
  }
  self->tensors = taken;
}

static bool run_with(launch *self, int threads) {
  const plan *what = self->what;
  size_t transients = what->transient_bytes + self->room;
  void *few[FEW_BINDINGS], **pointers = few;
  if (what->binding_count > FEW_BINDINGS) pointers = malloc(what->binding_count * sizeof *pointers);
  if (transients > 0) self->transients = acquire_transients(transients);
  bool ready = pointers != NULL && (transients == 0 || self->transients != NULL);
  if (ready) {
    self->pointers = pointers;
    if (self->room > 0) copy_operands(self, self->transients + what->transient_bytes);
    for (size_t i = 0; i < what->binding_count; i++)
      pointers[i] = address(self, &what->bindings[i]);
    if (threads > 1)
      pool.parallel(run_in_pool, self, 0, 0);
    else
      run_here(self);
  }
  if (self->transients != NULL) release_transients(self->transients);
  if (pointers != few) free(pointers);
  return ready;
}

int plan_threads(const plan *what) {
  bool large = what->parts > 1 && what->touched_bytes >= what->own->parallel_bytes;
  return large ? torch_threads(what->own) : 1;
}

static void patch(uint32_t *into, const plan *what, int64_t number) {
  memcpy(into, what->numbers, what->number_count * sizeof *into);
  for (size_t i = 0; i < what->patched_count; i++) into[what->patched[i]] = (uint32_t)number;
}

int run_plan(plan *what, int threads, void *const *tensors, const int64_t *number) {
  if (!what->used) what->used = true;
  uint64_t copies = what->copies;
  launch self = {
      .what = what, .tensors = tensors, .room = room_for_copies(what, tensors, &copies)};
  what->own->copies += copies;
  uint32_t numbers[MOST_PATCHED];
  if (number != NULL && what->patched_count > 0) {
    patch(numbers, what, *number);
    self.numbers = numbers;
  }
  bool ready;
  Py_BEGIN_ALLOW_THREADS
  ready = run_with(&self, threads);
  Py_END_ALLOW_THREADS
  if (!ready) {
    PyErr_NoMemory();
    return -1;
  }
  return atomic_load(&self.failed) ? raise_failure(&self) : 0;
}
