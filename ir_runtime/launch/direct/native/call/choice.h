// `Choice`: shared by the file that serves calls and the file that describes them to Python.
#ifndef IR_RUNTIME_CHOICE_H
#define IR_RUNTIME_CHOICE_H

#include "launcher.h"

enum { MOST_VALUES = 64, LEVEL_DEBUG = 10 };

typedef struct {
  PyObject_HEAD
  launcher *own;
  PyObject *otherwise;    // takes all arguments by position
  PyObject *not_plain;
  PyObject *not_taken;    // the exception of a function that declines a call
  PyObject *levels;       // a dict: by level, whether the logger of skipped functions is enabled
  PyObject *debug;        // the level at which it logs them
  PyObject *set_devices;  // a list: only while it is empty, what is remembered holds
  Py_ssize_t count;       // of arguments
  uint64_t required, optional;  // bits of the arguments that are tensors, or tensors or None
  char kinds[MOST_VALUES];      // a letter an argument
  Py_ssize_t results;           // how many tensors it returns; 0: something else
  int threads;           // what it remembers holds for so many of torch's threads; 0: for any
  unsigned asks_again;   // after so many calls `otherwise` gets a remembered one; 0: never
  unsigned since_asked;  // how many came since
  recent_calls recent;
  unsigned long long hits;
} choice;

static inline bool is_declared(const choice *self, Py_ssize_t i) {
  return (self->required | self->optional) >> i & 1;
}

// Finds the call that is like this one, a new reference; NULL if there is none. False if a tensor is
// not on the CPU.
bool find_choice(choice *self, PyObject *const *values, remembered **found);

// The ways of a call, by what its caller knows of it.
PyObject *serve_plain(PyObject *self, PyObject *const *values, Py_ssize_t count);
PyObject *serve_unobserved(PyObject *self, PyObject *const *values, Py_ssize_t count);
PyObject *serve_keyed(PyObject *self, PyObject *const *values, Py_ssize_t count);
PyObject *serve_below(PyObject *self, PyObject *const *values, Py_ssize_t count);

#endif
