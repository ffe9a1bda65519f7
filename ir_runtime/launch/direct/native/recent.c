// Which calls were seen lately?  The latest one first.
#include <string.h>

#include "launcher.h"

refusal find_call(recent_calls *self, PyObject *const *values, Py_ssize_t count, const facts *seen,
                  remembered **found) {
  refusal why = REFUSED_UNKNOWN;
  for (Py_ssize_t i = 0; i < self->count; i++) {
    remembered *candidate = self->calls[i];
    refusal differs = compare_call(candidate, values, count, seen);
    if (i == 0) why = differs;
    if (differs != ACCEPTED) continue;
    memmove(self->calls + 1, self->calls, (size_t)i * sizeof *self->calls);
    self->calls[0] = candidate;
    *found = (remembered *)Py_NewRef((PyObject *)candidate);
    return ACCEPTED;
  }
  return why;
}

// The oldest call goes last of all: its plan may run Python code as it goes, and that may come here.
void keep_call(recent_calls *self, remembered *added) {
  bool full = self->count == self->capacity;
  remembered *oldest = full ? self->calls[--self->count] : NULL;
  memmove(self->calls + 1, self->calls, (size_t)self->count * sizeof *self->calls);
  self->calls[0] = (remembered *)Py_NewRef((PyObject *)added);
  self->count++;
  Py_XDECREF((PyObject *)oldest);
}

void forget_calls(recent_calls *self) {
  while (self->count > 0) {
    remembered *oldest = self->calls[--self->count];
    Py_DECREF((PyObject *)oldest);
  }
}
