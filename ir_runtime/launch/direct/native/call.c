// What happens in a call whose like was seen before?  The dispatcher calls this object for an op;
// it compares the arguments with those of the last calls, and runs the plan of the one that fits.
// Any other call it passes on as it came.
#include <string.h>

#include "launcher.h"

#include <structmember.h>

enum { MOST_ARGUMENTS = 64, MOST_OUTS = 16 };

typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject *slow;         // takes exactly what this object is called with
  PyObject *set_devices;  // a list: while it is empty, no call need look for a device
  PyObject *names;        // of all arguments in schema order
  PyObject *outs;         // names of those that results are written into
  PyObject *defaults;     // by name
  PyObject *check, *eager;
  PyObject *autocast;  // a dict: while it is empty, autocast regions do not matter
  PyObject *peers;     // calls of the same parameters, whose memory serves here, too
  bool takes_keyset;
  bool sees_grad;  // whether a gradient may be asked for
  bool guarded;  // nothing stands between the user and this object: it looks for itself at
                 // everything that torch's dispatcher would have seen to
  uint64_t plain_keyset;
  Py_ssize_t positional;
  Py_ssize_t asked;  // how many of the arguments, from the first, `check` and `eager` take
  recent_calls recent;
  int refused;
  unsigned long long hits;
} call;

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
  Py_ssize_t count = PyTuple_GET_SIZE(self->names), out_count = PyTuple_GET_SIZE(self->outs);
  refusal why = describe_values(seen, given->values, count);
  if (why == ACCEPTED) why = check_layouts(seen);
  if (why == ACCEPTED && self->guarded) why = check_all_bits(given->values, count, seen);
  if (why == ACCEPTED && self->sees_grad) why = check_grad(given->values, count);
  if (why != ACCEPTED || out_count == 0) return why;
  why = describe_values(outs, given->outs, out_count);
  if (why == ACCEPTED && outs->count != (size_t)out_count) why = REFUSED_KIND;
  if (why == ACCEPTED) why = check_layouts(outs);
  if (why == ACCEPTED && self->sees_grad) why = check_grad(given->outs, out_count);
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
    (*found)->references++;
    keep_call(&self->recent, *found);
    why = ACCEPTED;
  }
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
                          const facts *seen) {
  Py_ssize_t outs = PyTuple_GET_SIZE(self->outs);
  PyObject *answer = NULL;
  if (outs == 0)
    answer = run_new(what, seen);
  else if (run_into(what, seen, given->outs) == 0)
    answer = given_outs(given, outs);
  if (answer != NULL) self->hits++;
  return answer;
}

// Sees, finds and runs; NULL without an error set if the call is refused.
static PyObject *serve(call *self, const arguments *given, facts *seen, facts *outs, bool asked) {
  remembered *what = NULL;
  refusal why = look(self, given, seen, outs);
  if (why == ACCEPTED) why = find_anywhere(self, given, seen, &what);
  if (why == ACCEPTED && outs->count > 0) why = check_outs(what, seen, outs);
  self->refused = why;
  if (why != ACCEPTED) return NULL;
  PyObject *answer = Py_NotImplemented;
  what->references++;
  if (!asked && (self->check != NULL || self->eager != NULL)) {
    answer = ask_op(self, given);
    if (answer == Py_NotImplemented) {
      Py_DECREF(answer);
      seen->count = outs->count = 0;
      answer = serve(self, given, seen, outs, true);
    } else {
      Py_ssize_t count = PyTuple_GET_SIZE(self->outs);
      answer = copy_answer(answer, given, count);
      if (answer != NULL && count > 0) Py_SETREF(answer, given_outs(given, count));
    }
  } else {
    answer = run_call(self, what, given, seen);
  }
  forget_call(what);
  return answer;
}

static refusal check_gates(const call *self, PyObject *keyset) {
  if (PyList_GET_SIZE(self->set_devices) > 0) return REFUSED_DEVICE_SET;
  refusal why = check_profiler();
  if (why != ACCEPTED) return why;
  if (self->guarded) {
    why = check_modes();
    if (why == ACCEPTED) why = check_tracing();
    if (why == ACCEPTED && PyDict_GET_SIZE(self->autocast) > 0) why = check_autocast();
    return why == ACCEPTED ? check_tangents() : why;
  }
  if (!self->takes_keyset) return why;
  why = check_keyset(keyset, self->plain_keyset);
  return why == ACCEPTED ? check_tangents() : why;
}

static PyObject *call_op(PyObject *object, PyObject *const *args, size_t flags,
                         PyObject *keywords) {
  call *self = (call *)object;
  Py_ssize_t count = PyVectorcall_NARGS(flags), skipped = self->takes_keyset;
  PyObject *answer = NULL;
  arguments given;
  facts seen, outs;
  refusal why =
      count >= skipped ? check_gates(self, skipped ? args[0] : NULL) : REFUSED_COUNT;
  if (why == ACCEPTED)
    why = order_arguments(self, &given, args + skipped, count - skipped, keywords);
  self->refused = why;
  if (why == ACCEPTED && (self->recent.count > 0 || PyTuple_GET_SIZE(self->peers) > 0)) {
    begin_facts(&seen);
    begin_facts(&outs);
    answer = serve(self, &given, &seen, &outs, false);
    end_facts(&seen);
    end_facts(&outs);
    if (answer != NULL || PyErr_Occurred()) return answer;
  }
  return PyObject_Vectorcall(self->slow, args, flags, keywords);
}

// --- what is remembered ---

static PyObject *remember(PyObject *object, PyObject *args, PyObject *keywords) {
  static char *names[] = {"args", "plan", "operands", "results", NULL};
  call *self = (call *)object;
  PyObject *values, *what, *operands, *results;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO!OO:remember", names, &values, plan_type,
                                   &what, &operands, &results))
    return NULL;
  remembered *added = remember_call(values, (plan *)what, operands, results);
  if (added == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
  keep_call(&self->recent, added);
  return Py_NewRef(Py_True);
}

static PyObject *clear(PyObject *object, PyObject *unused) {
  (void)unused;
  call *self = (call *)object;
  forget_calls(&self->recent);
  return Py_NewRef(Py_None);
}

// --- the type ---

static bool all_named(PyObject *names, const char *what) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    if (!PyUnicode_CheckExact(name))
      return plan_fault("call: the name of %s is %R, must be a str", what, name);
  }
  return true;
}

static bool set_lists(call *self, PyObject *parameters, PyObject *outs) {
  self->names = PySequence_Tuple(parameters);
  self->outs = outs == NULL ? PyTuple_New(0) : PySequence_Tuple(outs);
  if (self->names == NULL || self->outs == NULL) return false;
  if (PyTuple_GET_SIZE(self->names) > MOST_ARGUMENTS || PyTuple_GET_SIZE(self->outs) > MOST_OUTS)
    return plan_fault("call: has more than %d arguments or %d outs", MOST_ARGUMENTS, MOST_OUTS);
  return all_named(self->names, "a parameter") && all_named(self->outs, "an out");
}

static bool set_guards(call *self, PyTypeObject *type, PyObject *autocast, PyObject *peers) {
  self->guarded = autocast != Py_None;
  self->autocast = self->guarded ? Py_NewRef(autocast) : NULL;
  self->sees_grad = self->guarded || self->takes_keyset;
  self->peers = peers == NULL ? PyTuple_New(0) : PySequence_Tuple(peers);
  if (self->peers == NULL) return false;
  if (self->guarded && (self->takes_keyset || !PyDict_Check(autocast)))
    return plan_fault("call: one with `autocast`, a dict, has no key set");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->peers); i++) {
    PyObject *peer = PyTuple_GET_ITEM(self->peers, i);
    if (!Py_IS_TYPE(peer, type) ||
        PyTuple_GET_SIZE(((call *)peer)->names) != PyTuple_GET_SIZE(self->names))
      return plan_fault("call: its peer is %R, must be a Call of the same parameters", peer);
  }
  return true;
}

static PyObject *new_call(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"slow",       "takes_keyset", "plain_keyset", "set_devices",
                          "parameters", "positional",   "defaults",     "check",
                          "eager",      "outs",         "capacity",     "asked",
                          "autocast",   "peers",        NULL};
  PyObject *slow, *devices = NULL, *parameters = NULL, *defaults = NULL;
  PyObject *check = Py_None, *eager = Py_None, *outs = NULL;
  PyObject *autocast = Py_None, *peers = NULL;
  int takes_keyset = -1;
  unsigned long long plain = 0;
  Py_ssize_t positional = -1, capacity = 16, asked = -1;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$pKO!OnO!OOOnnOO:Call", names, &slow,
                                   &takes_keyset, &plain, &PyList_Type, &devices, &parameters,
                                   &positional, &PyDict_Type, &defaults, &check, &eager, &outs,
                                   &capacity, &asked, &autocast, &peers))
    return NULL;
  if (takes_keyset < 0 || !devices || !parameters || positional < 0 || !defaults) {
    PyErr_SetString(PyExc_TypeError, "Call: needs takes_keyset, plain_keyset, set_devices, "
                                     "parameters, positional and defaults");
    return NULL;
  }
  if (capacity < 1 || capacity > MOST_CALLS) {
    plan_fault("call: its capacity is %zd, must be from 1 to %d", capacity, MOST_CALLS);
    return NULL;
  }
  call *self = (call *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->vectorcall = call_op;
  self->slow = Py_NewRef(slow);
  self->set_devices = Py_NewRef(devices);
  self->defaults = Py_NewRef(defaults);
  self->check = check == Py_None ? NULL : Py_NewRef(check);
  self->eager = eager == Py_None ? NULL : Py_NewRef(eager);
  self->takes_keyset = takes_keyset;
  self->plain_keyset = plain;
  self->recent.capacity = capacity;
  if (!set_lists(self, parameters, outs) || !set_guards(self, type, autocast, peers)) {
    Py_DECREF(self);
    return NULL;
  }
  Py_ssize_t total = PyTuple_GET_SIZE(self->names);
  self->positional = positional < total ? positional : total;
  self->asked = asked >= 0 && asked < total ? asked : total;
  return (PyObject *)self;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  call *self = (call *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->slow);
  Py_VISIT(self->set_devices);
  Py_VISIT(self->defaults);
  Py_VISIT(self->check);
  Py_VISIT(self->eager);
  Py_VISIT(self->autocast);
  Py_VISIT(self->peers);
  return 0;
}

static int drop_references(PyObject *object) {
  call *self = (call *)object;
  Py_XSETREF(self->slow, Py_NewRef(Py_None));  // another finaliser may call it still
  Py_CLEAR(self->check);
  Py_CLEAR(self->eager);
  return 0;
}

static void free_call(PyObject *object) {
  call *self = (call *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  forget_calls(&self->recent);
  drop_references(object);
  Py_XDECREF(self->slow);
  Py_XDECREF(self->set_devices);
  Py_XDECREF(self->defaults);
  Py_XDECREF(self->names);
  Py_XDECREF(self->outs);
  Py_XDECREF(self->autocast);
  Py_XDECREF(self->peers);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"remember", (PyCFunction)(void (*)(void))remember, METH_VARARGS | METH_KEYWORDS,
     "remember(args, plan, operands, results)\n--\n\nRun `plan` in calls with arguments like "
     "`args`; returns whether such can be recognised."},
    {"clear", clear, METH_NOARGS, "clear()\n--\n\nForget all calls."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(call, vectorcall), READONLY, NULL},
    {"remembered", T_PYSSIZET, offsetof(call, recent.count), READONLY, NULL},
    {"refused", T_INT, offsetof(call, refused), READONLY, NULL},
    {"hits", T_ULONGLONG, offsetof(call, hits), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Call(slow, *, takes_keyset, plain_keyset, set_devices, parameters, positional, "
                "defaults, check=None, eager=None, outs=(), capacity=16, asked=-1, "
                "autocast=None, peers=())\n--\n\n"
                "What the dispatcher calls for an op."},
    {Py_tp_new, new_call},
    {Py_tp_dealloc, free_call},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, drop_references},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.Call", sizeof(call), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                               Py_TPFLAGS_HAVE_VECTORCALL,
                           slots};

bool add_call_type(PyObject *module) {
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
  bool added = type != NULL && PyModule_AddType(module, type) == 0;
  Py_XDECREF(type);
  return added;
}
