// The latest calls, the latest one first.
#include <string.h>

#include "launcher.h"

static uint64_t add_shape(uint64_t digest, const int64_t *shape, int32_t rank) {
  const uint64_t factor = 0x9E3779B97F4A7C15;  // odd, and its bits look random
  for (int32_t i = 0; i < rank; i++) digest = (digest ^ (uint64_t)shape[i]) * factor;
  return (digest ^ (uint64_t)rank) * factor;
}

static uint64_t digest_of_facts(const facts *seen) {
  uint64_t digest = 0;
  for (size_t i = 0; i < seen->count; i++)
    digest = add_shape(digest, sizes_of(&seen->tensors[i]), seen->tensors[i].rank);
  return digest;
}

static uint64_t digest_of_call(const remembered *self) {
  uint64_t digest = 0;
  for (size_t i = 0; i < self->expected_count; i++) {
    const expectation *each = &self->expected[i];
    if (each->what == EXPECT_TENSOR && each->shape != NULL)
      digest = add_shape(digest, each->shape, each->rank);
  }
  return digest;
}

static void put_first(recent_calls *self, Py_ssize_t before, recent_call each) {
  memmove(self->calls + 1, self->calls, (size_t)before * sizeof *self->calls);
  self->calls[0] = each;
}

// Most calls are like the latest one; only the others pay for a digest, which spares them a
// comparison with almost each call that differs.
refusal find_call(recent_calls *self, PyObject *const *values, Py_ssize_t count, const facts *seen,
                  remembered **found) {
  refusal why = REFUSED_UNKNOWN;
  uint64_t digest = 0;
  for (Py_ssize_t i = 0; i < self->count; i++) {
    recent_call candidate = self->calls[i];
    if (i == 1) digest = digest_of_facts(seen);
    if (i > 0 && candidate.digest != digest && !candidate.what->open) continue;
    refusal differs = compare_call(candidate.what, values, count, seen);
    if (i == 0) why = differs;
    if (differs != ACCEPTED) continue;
    put_first(self, i, candidate);
    *found = (remembered *)Py_NewRef((PyObject *)candidate.what);
    return ACCEPTED;
  }
  return why;
}

static bool make_room(recent_calls *self) {
  if (self->count < self->room) return true;
  Py_ssize_t room = self->room * 2 + 8;
  if (room > self->capacity) room = self->capacity;
  recent_call *more = PyMem_Realloc(self->calls, (size_t)room * sizeof *more);
  if (more == NULL) return false;  // it is not remembered, and the next like it comes here again
  self->calls = more;
  self->room = room;
  return true;
}

// The oldest call goes last of all: its plan may run Python code as it goes, and that may come here.
void keep_call(recent_calls *self, remembered *added) {
  bool full = self->count == self->capacity;
  remembered *oldest = full ? self->calls[--self->count].what : NULL;
  if (make_room(self)) {
    recent_call each = {digest_of_call(added), (remembered *)Py_NewRef((PyObject *)added)};
    put_first(self, self->count, each);
    self->count++;
  }
  Py_XDECREF((PyObject *)oldest);
}

void forget_latest_call(recent_calls *self) {
  remembered *latest = self->calls[0].what;
  self->count--;
  memmove(self->calls, self->calls + 1, (size_t)self->count * sizeof *self->calls);
  Py_DECREF((PyObject *)latest);
}

// The list is empty before the first call goes, for the same reason.
void forget_calls(recent_calls *self) {
  recent_call *calls = self->calls;
  Py_ssize_t count = self->count;
  self->calls = NULL;
  self->count = self->room = 0;
  while (count > 0) Py_DECREF((PyObject *)calls[--count].what);
  PyMem_Free(calls);
}
