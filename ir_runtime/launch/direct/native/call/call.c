// The fast path for a call whose shapes and values were seen before. The dispatcher calls this object
// for an op. It compares the arguments with those of the latest calls, and runs the plan of the call
// that fits. Other calls are passed on unchanged. The reason is passed as an argument, because all
// threads would share a field.
//
// The caller holds the arguments until the call ends. It does not hold the objects inside them, such
// as the items of a list.
#include "call.h"

#include <string.h>

// --- arguments in schema order ---

typedef struct {
  PyObject *values[MOST_ARGUMENTS];
  PyObject *outs[MOST_OUTS];
} arguments;

static PyObject *named(PyObject *names, PyObject *const *values, PyObject *name, Py_ssize_t *used) {
  for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
    PyObject *given = PyTuple_GET_ITEM(names, i);
    if (given != name && PyUnicode_Compare(given, name) != 0) continue;
    ++*used;
    return values[i];
  }
  return NULL;
}

static refusal order_arguments(const call *self, arguments *into, PyObject *const *given,
                               Py_ssize_t count, PyObject *keywords) {
  Py_ssize_t total = PyTuple_GET_SIZE(self->names), used = 0;
  PyObject *const *rest = given + count;
  if (count > self->positional) return REFUSED_COUNT;
  if (count > 0) memcpy(into->values, given, (size_t)count * sizeof *given);
  for (Py_ssize_t i = count; i < total; i++) {
    PyObject *name = PyTuple_GET_ITEM(self->names, i);
    PyObject *value = named(keywords, rest, name, &used);
    if (value == NULL) value = PyDict_GetItemWithError(self->defaults, name);
    if (value == NULL) return REFUSED_COUNT;
    into->values[i] = value;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->outs); i++) {
    into->outs[i] = named(keywords, rest, PyTuple_GET_ITEM(self->outs, i), &used);
    if (into->outs[i] == NULL) return REFUSED_COUNT;
  }
  return keywords == NULL || used == PyTuple_GET_SIZE(keywords) ? ACCEPTED : REFUSED_COUNT;
}

// --- the way of a call ---

static refusal look(const call *self, const arguments *given, facts *seen, facts *outs) {
  const launcher *own = self->own;
  Py_ssize_t out_count = PyTuple_GET_SIZE(self->outs);
  refusal why = describe_values(own, seen, given->values, PyTuple_GET_SIZE(self->names));
  if (why == ACCEPTED) why = check_readable(seen, seen->count);
  if (why == ACCEPTED && self->guarded) why = check_all_bits(own, seen);
  if (why == ACCEPTED && self->sees_grad) why = check_grad(own, seen);
  if (why != ACCEPTED || out_count == 0) return why;
  why = describe_values(own, outs, given->outs, out_count);
  if (why == ACCEPTED && outs->count != (size_t)out_count) why = REFUSED_KIND;
  if (why == ACCEPTED) why = check_layouts(outs);
  if (why == ACCEPTED && self->sees_grad) why = check_grad(own, outs);
  return why;
}

// What a peer remembers is remembered here from then on.
static refusal find_anywhere(call *self, const arguments *given, const facts *seen,
                             remembered **found) {
  Py_ssize_t count = PyTuple_GET_SIZE(self->names);
  refusal why = find_call(&self->recent, given->values, count, seen, found);
  for (Py_ssize_t i = 0; why != ACCEPTED && i < PyTuple_GET_SIZE(self->peers); i++) {
    recent_calls *theirs = &((call *)PyTuple_GET_ITEM(self->peers, i))->recent;
    if (find_call(theirs, given->values, count, seen, found) != ACCEPTED) continue;
    keep_call(&self->recent, *found);
    why = ACCEPTED;
  }
  return why;
}

// `*found` is a new reference, if a call is found.
static refusal find(call *self, const arguments *given, facts *seen, facts *outs,
                    remembered **found) {
  refusal why = look(self, given, seen, outs);
  if (why == ACCEPTED) why = find_anywhere(self, given, seen, found);
  if (why != ACCEPTED || PyTuple_GET_SIZE(self->outs) == 0) return why;
  why = check_outs(*found, seen, outs);
  if (why != ACCEPTED) Py_CLEAR(*found);
  return why;
}

// Asks the op's own functions, which come before its kernel; their answer, NULL with an error set,
// or NotImplemented. They may be anything: tensors are looked at again after them.
static PyObject *ask_op(const call *self, const arguments *given) {
  size_t count = (size_t)self->asked;
  if (self->check != NULL) {
    PyObject *nothing = PyObject_Vectorcall(self->check, given->values, count, NULL);
    if (nothing == NULL) return NULL;
    Py_DECREF(nothing);
  }
  if (self->eager == NULL) return Py_NewRef(Py_NotImplemented);
  return PyObject_Vectorcall(self->eager, given->values, count, NULL);
}

static PyObject *copy_answer(PyObject *answer, const arguments *given, Py_ssize_t count) {
  for (Py_ssize_t i = 0; answer != NULL && i < count; i++) {
    PyObject *value = count == 1 ? Py_NewRef(answer) : PySequence_GetItem(answer, i);
    PyObject *done = NULL;
    if (value != NULL) done = PyObject_CallMethod(given->outs[i], "copy_", "O", value);
    Py_XDECREF(value);
    if (done == NULL) Py_CLEAR(answer);
    Py_XDECREF(done);
  }
  return answer;
}

static PyObject *given_outs(const arguments *given, Py_ssize_t count) {
  if (count == 1) return Py_NewRef(given->outs[0]);
  PyObject *outs = PyTuple_New(count);
  for (Py_ssize_t i = 0; outs != NULL && i < count; i++)
    PyTuple_SET_ITEM(outs, i, Py_NewRef(given->outs[i]));
  return outs;
}

static PyObject *run_call(call *self, const remembered *what, const arguments *given,
                          const facts *seen, const facts *outs, refusal *why) {
  Py_ssize_t count = PyTuple_GET_SIZE(self->outs);
  PyObject *answer = NULL;
  if (count == 0)
    answer = run_new(what, seen, why);
  else if (run_into(what, seen, outs, why))
    answer = given_outs(given, count);
  if (answer != NULL && self->returned >= 0)
    Py_SETREF(answer, Py_NewRef(given->values[self->returned]));
  if (answer != NULL) self->hits++;
  return answer;
}

static PyObject *serve(call *self, const arguments *given, facts *seen, facts *outs, bool asked,
                       refusal *why);

// An op with a function of its own is asked before calls are looked for: its answers are new each
// time, so it may never have one that is remembered.
static PyObject *ask_first(call *self, const arguments *given, facts *seen, facts *outs,
                           refusal *why) {
  *why = look(self, given, seen, outs);
  if (*why != ACCEPTED) return NULL;
  PyObject *answer = ask_op(self, given);
  if (answer == Py_NotImplemented) {
    Py_DECREF(answer);
    forget_facts(seen);
    forget_facts(outs);
    return serve(self, given, seen, outs, true, why);
  }
  Py_ssize_t count = PyTuple_GET_SIZE(self->outs);
  answer = copy_answer(answer, given, count);
  if (answer != NULL && count > 0) Py_SETREF(answer, given_outs(given, count));
  return answer;
}

// Sees, finds and runs; NULL with an error, or with `*why`.
static PyObject *serve(call *self, const arguments *given, facts *seen, facts *outs, bool asked,
                       refusal *why) {
  if (!asked && self->eager != NULL) return ask_first(self, given, seen, outs, why);
  remembered *what = NULL;
  *why = find(self, given, seen, outs, &what);
  if (*why != ACCEPTED) return NULL;
  read_patch(what, given->values, seen);
  PyObject *answer;
  if (asked || self->check == NULL) {
    answer = run_call(self, what, given, seen, outs, why);
  } else if ((answer = ask_op(self, given)) != NULL) {
    Py_DECREF(answer);  // it has a check alone
    forget_facts(seen);
    forget_facts(outs);
    answer = serve(self, given, seen, outs, true, why);
  }
  Py_DECREF((PyObject *)what);
  return answer;
}

static refusal check_gates(const call *self, PyObject *keyset) {
  const launcher *own = self->own;
  if (!own->usable) return REFUSED_UNKNOWN;
  if (PyList_GET_SIZE(self->set_devices) > 0) return REFUSED_DEVICE_SET;
  refusal why = check_profiler(own);
  if (why != ACCEPTED) return why;
  if (self->guarded) {
    why = check_modes(own);
    if (why == ACCEPTED) why = check_tracing(own);
    if (why == ACCEPTED && PyDict_GET_SIZE(self->autocast) > 0) why = check_autocast(own);
    return why == ACCEPTED ? check_tangents(own) : why;
  }
  if (!self->takes_keyset) return why;
  why = check_keyset(own, keyset, self->plain_keyset);
  return why == ACCEPTED ? check_tangents(own) : why;
}

static refusal begin_call(const call *self, arguments *given, PyObject *const *args,
                          Py_ssize_t count, PyObject *keywords) {
  Py_ssize_t skipped = self->takes_keyset;
  if (count < skipped) return REFUSED_COUNT;
  refusal why = check_gates(self, skipped ? args[0] : NULL);
  if (why == ACCEPTED)
    why = order_arguments(self, given, args + skipped, count - skipped, keywords);
  bool knows = self->recent.count > 0 || PyTuple_GET_SIZE(self->peers) > 0 || self->eager != NULL;
  return why == ACCEPTED && !knows ? REFUSED_UNKNOWN : why;
}

static PyObject *pass_on(const call *self, refusal why, PyObject *const *args, size_t flags,
                         PyObject *keywords) {
  if (!self->is_told) return PyObject_Vectorcall(self->slow, args, flags, keywords);
  Py_ssize_t count = PyVectorcall_NARGS(flags);
  size_t all = (size_t)(count + (keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords)));
  PyObject *few[FEW_TENSORS], **passed = few, *answer = NULL;
  if (all >= FEW_TENSORS) passed = PyMem_Malloc((all + 1) * sizeof *passed);
  if (passed == NULL) return PyErr_NoMemory();
  PyObject *number = passed[0] = PyLong_FromLong(why);
  if (all > 0) memcpy(passed + 1, args, all * sizeof *args);
  if (number != NULL)
    answer = PyObject_Vectorcall(self->slow, passed, (size_t)count + 1, keywords);
  Py_XDECREF(number);
  if (passed != few) PyMem_Free(passed);
  return answer;
}

PyObject *call_op(PyObject *object, PyObject *const *args, size_t flags, PyObject *keywords) {
  call *self = (call *)object;
  arguments given;
  refusal why = begin_call(self, &given, args, PyVectorcall_NARGS(flags), keywords);
  if (why == ACCEPTED) {
    facts seen, outs;
    begin_facts(&seen, self->device_type);
    begin_facts(&outs, self->device_type);
    PyObject *answer = serve(self, &given, &seen, &outs, false, &why);
    end_facts(&seen);
    end_facts(&outs);
    if (answer != NULL || PyErr_Occurred()) return answer;
  }
  return pass_on(self, why, args, flags, keywords);
}

PyObject *why_refused(PyObject *object, PyObject *const *args, Py_ssize_t count,
                      PyObject *keywords) {
  call *self = (call *)object;
  arguments given;
  refusal why = begin_call(self, &given, args, count, keywords);
  if (why == ACCEPTED) {
    facts seen, outs;
    remembered *found = NULL;
    begin_facts(&seen, self->device_type);
    begin_facts(&outs, self->device_type);
    why = find(self, &given, &seen, &outs, &found);
    Py_XDECREF((PyObject *)found);
    end_facts(&seen);
    end_facts(&outs);
  }
  return PyLong_FromLong(why);
}
