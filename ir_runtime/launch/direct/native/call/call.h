// `Call`: shared by the file that serves calls and the file that describes them to Python.
#ifndef IR_RUNTIME_CALL_H
#define IR_RUNTIME_CALL_H

#include "launcher.h"

enum { MOST_ARGUMENTS = 64, MOST_OUTS = 16 };

typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  launcher *own;
  PyObject *slow;         // takes what this object is called with, after the refusal if it `is_told`
  PyObject *set_devices;  // a list: while it is empty, no call need look for a device
  PyObject *names;        // of all arguments in schema order
  PyObject *outs;         // names of those that results are written into
  PyObject *defaults;     // by name; a copy, so that what is found in it stays
  PyObject *check, *eager;
  PyObject *autocast;  // a dict: while it is empty, autocast regions do not matter
  PyObject *peers;     // calls of the same parameters, whose memory serves here, too
  bool takes_keyset;
  bool is_told;    // whether `slow` takes the number of the refusal first
  bool sees_grad;  // whether a gradient may be asked for
  bool guarded;  // nothing stands between the user and this object: it looks for itself at
                 // everything that torch's dispatcher would have seen to
  uint64_t plain_keyset;
  int32_t device_type;  // where its tensors are, as DLPack has it
  Py_ssize_t positional;
  Py_ssize_t returned;  // which argument a call returns; -1 if it returns its results
  Py_ssize_t asked;  // how many of the arguments, from the first, `check` and `eager` take
  recent_calls recent;
  unsigned long long hits;
} call;

PyObject *call_op(PyObject *object, PyObject *const *args, size_t flags, PyObject *keywords);
// Says why a call with such arguments would be passed on, without making it.
PyObject *why_refused(PyObject *object, PyObject *const *args, Py_ssize_t count,
                      PyObject *keywords);

#endif
