// The Python type `Call`: how Python creates, teaches, clears and frees one.
#include "call.h"

#include <structmember.h>

// --- what is remembered ---

static PyObject *remember(PyObject *object, PyObject *args, PyObject *keywords) {
  static char *names[] = {"args", "plan", "operands", "results", "alike", NULL};
  call *self = (call *)object;
  if (!check_usable(self->own)) return NULL;
  PyObject *values, *what, *operands, *results, *range = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO!OO|O:remember", names, &values,
                                   self->own->plan_type, &what, &operands, &results, &range))
    return NULL;
  if (((plan *)what)->device_type != self->device_type)
    return PyErr_Format(PyExc_ValueError, "remember: a plan for device type %d, must be for %d",
                        ((plan *)what)->device_type, self->device_type);
  remembered *added = remember_call(values, (plan *)what, operands, results, range);
  if (added == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
  keep_call(&self->recent, added);
  Py_DECREF((PyObject *)added);
  return Py_NewRef(Py_True);
}

static bool set_capacity(call *self, Py_ssize_t capacity) {
  if (capacity < 1) return plan_fault("call: its capacity is %zd, must be at least 1", capacity);
  self->recent.capacity = capacity;
  return true;
}

static PyObject *clear(PyObject *object, PyObject *args) {
  call *self = (call *)object;
  Py_ssize_t capacity = self->recent.capacity;
  if (!PyArg_ParseTuple(args, "|n:clear", &capacity)) return NULL;
  forget_calls(&self->recent);
  return set_capacity(self, capacity) ? Py_NewRef(Py_None) : NULL;
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
                          "autocast",   "peers",        "is_told",      "returned",
                          "device_type", NULL};
  PyObject *slow, *devices = NULL, *parameters = NULL, *defaults = NULL;
  PyObject *check = Py_None, *eager = Py_None, *outs = NULL;
  PyObject *autocast = Py_None, *peers = NULL;
  int takes_keyset = -1, is_told = 0, device_type = DLPACK_CPU;
  unsigned long long plain = 0;
  Py_ssize_t positional = -1, capacity = 16, asked = -1, returned = -1;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$pKO!OnO!OOOnnOOpni:Call", names, &slow,
                                   &takes_keyset, &plain, &PyList_Type, &devices, &parameters,
                                   &positional, &PyDict_Type, &defaults, &check, &eager, &outs,
                                   &capacity, &asked, &autocast, &peers, &is_told,
                                   &returned, &device_type))
    return NULL;
  if (takes_keyset < 0 || !devices || !parameters || positional < 0 || !defaults) {
    PyErr_SetString(PyExc_TypeError, "Call: needs takes_keyset, plain_keyset, set_devices, "
                                     "parameters, positional and defaults");
    return NULL;
  }
  call *self = (call *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  self->own = launcher_of(type);
  self->vectorcall = call_op;
  self->slow = Py_NewRef(slow);
  self->set_devices = Py_NewRef(devices);
  self->defaults = PyDict_Copy(defaults);
  self->check = check == Py_None ? NULL : Py_NewRef(check);
  self->eager = eager == Py_None ? NULL : Py_NewRef(eager);
  self->takes_keyset = takes_keyset;
  self->is_told = is_told;
  self->plain_keyset = plain;
  self->device_type = device_type;
  if (!set_capacity(self, capacity) || self->own == NULL || self->defaults == NULL || !set_lists(self, parameters, outs) ||
      !set_guards(self, type, autocast, peers)) {
    Py_DECREF(self);
    return NULL;
  }
  Py_ssize_t total = PyTuple_GET_SIZE(self->names);
  self->positional = positional < total ? positional : total;
  self->asked = asked >= 0 && asked < total ? asked : total;
  self->returned = returned < total ? returned : -1;
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  call *self = (call *)object;
  Py_VISIT(Py_TYPE(object));
  if (self->own != NULL) Py_VISIT(self->own->module);
  Py_VISIT(self->slow);
  Py_VISIT(self->set_devices);
  Py_VISIT(self->defaults);
  Py_VISIT(self->check);
  Py_VISIT(self->eager);
  Py_VISIT(self->autocast);
  Py_VISIT(self->peers);
  Py_VISIT(self->names);
  Py_VISIT(self->outs);
  for (Py_ssize_t i = 0; i < self->recent.count; i++) Py_VISIT(self->recent.calls[i].what);
  return 0;
}

static int drop_references(PyObject *object) {
  call *self = (call *)object;
  Py_XSETREF(self->slow, Py_NewRef(Py_None));  // another finaliser may call it still
  Py_CLEAR(self->check);
  Py_CLEAR(self->eager);
  forget_calls(&self->recent);
  return 0;
}

static void free_call(PyObject *object) {
  call *self = (call *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  drop_references(object);
  Py_XDECREF(self->slow);
  Py_XDECREF(self->set_devices);
  Py_XDECREF(self->defaults);
  Py_XDECREF(self->names);
  Py_XDECREF(self->outs);
  Py_XDECREF(self->autocast);
  Py_XDECREF(self->peers);
  release_launcher(self->own);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"remember", (PyCFunction)(void (*)(void))remember, METH_VARARGS | METH_KEYWORDS,
     "remember(args, plan, operands, results, alike=None)\n--\n\nRun `plan` in calls with arguments like "
     "`args`; returns whether such can be recognised."},
    {"clear", clear, METH_VARARGS,
     "clear([capacity])\n--\n\nForget all calls; remember at most `capacity` from now on."},
    {"why_refused", (PyCFunction)(void (*)(void))why_refused, METH_FASTCALL | METH_KEYWORDS,
     "why_refused(*args, **kwargs)\n--\n\nReturn why a call with such arguments would be passed on "
     "(REFUSALS), 0 if it would be served."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(call, vectorcall), READONLY, NULL},
    {"remembered", T_PYSSIZET, offsetof(call, recent.count), READONLY, NULL},
    {"hits", T_ULONGLONG, offsetof(call, hits), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Call(slow, *, takes_keyset, plain_keyset, set_devices, parameters, positional, "
                "defaults, check=None, eager=None, outs=(), capacity=16, asked=-1, "
                "autocast=None, peers=(), is_told=False, returned=-1, device_type=1)\n--\n\n"
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

bool add_call_type(launcher *own) {
  PyObject *type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  bool added = type != NULL && PyModule_AddType(own->module, (PyTypeObject *)type) == 0;
  Py_XDECREF(type);
  return added;
}
