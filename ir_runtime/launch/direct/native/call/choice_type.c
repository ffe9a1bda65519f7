// The Python type `Choice`: how Python creates, teaches, clears and frees one.
#include "choice.h"

#include <structmember.h>

// --- what is remembered ---

static bool check_details(const choice *self, PyObject *values, const char *details,
                          Py_ssize_t length) {
  if (PyTuple_GET_SIZE(values) != self->count || length != self->count)
    return plan_fault("remember: %zd arguments and %zd details, must be %zd",
                      PyTuple_GET_SIZE(values), length, self->count);
  for (Py_ssize_t i = 0; i < length; i++)
    if (details[i] != COUNTS_NOT && details[i] != COUNTS_KIND && details[i] != COUNTS_SIZES &&
        details[i] != COUNTS_ALL)
      return plan_fault("remember: the detail of argument %zd is none of n, k, s and a", i);
  return true;
}

// A tensor that stands for a number counts by its value, which nobody looks at here.
static bool has_stray_tensor(const choice *self, PyObject *values) {
  for (Py_ssize_t i = 0; i < self->count; i++)
    if (!is_declared(self, i) && is_any_tensor(self->own, PyTuple_GET_ITEM(values, i))) return true;
  return false;
}

// What was remembered of such a call goes: `otherwise` gets remembered calls now and then.
static void keep(choice *self, PyObject *values, remembered *added) {
  remembered *known = NULL;
  if (self->recent.count > 0) (void)find_choice(self, &PyTuple_GET_ITEM(values, 0), &known);
  if (known != NULL) forget_latest_call(&self->recent);
  Py_XDECREF((PyObject *)known);
  keep_call(&self->recent, added);
}

static PyObject *remember(PyObject *object, PyObject *args, PyObject *keywords) {
  static char *names[] = {"args", "details", "instead", "skips", "declines", NULL};
  choice *self = (choice *)object;
  if (!check_usable(self->own)) return NULL;
  PyObject *values, *instead;
  const char *details;
  Py_ssize_t length;
  int skips = 0, declines = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!s#O|$pp:remember", names, &PyTuple_Type,
                                   &values, &details, &length, &instead, &skips, &declines))
    return NULL;
  if (!check_details(self, values, details, length)) return NULL;
  if (!PyCallable_Check(instead)) {
    plan_fault("remember: %R computes the call, must be a function", instead);
    return NULL;
  }
  if (has_stray_tensor(self, values)) return Py_NewRef(Py_False);
  remembered *added = redirect_call(self->own, values, details, instead);
  if (added == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
  added->skips = skips;
  added->declines = declines;
  keep(self, values, added);
  Py_DECREF((PyObject *)added);
  return Py_NewRef(Py_True);
}

static bool set_capacity(choice *self, Py_ssize_t capacity) {
  if (capacity < 1) return plan_fault("choice: its capacity is %zd, must be at least 1", capacity);
  self->recent.capacity = capacity;
  return true;
}

static PyObject *clear(PyObject *object, PyObject *args) {
  choice *self = (choice *)object;
  Py_ssize_t capacity = self->recent.capacity;
  if (!PyArg_ParseTuple(args, "|n:clear", &capacity)) return NULL;
  forget_calls(&self->recent);
  return set_capacity(self, capacity) ? Py_NewRef(Py_None) : NULL;
}

// --- the type ---

static bool read_kinds(choice *self, const char *kinds, Py_ssize_t count) {
  if (count > MOST_VALUES)
    return plan_fault("choice: %zd arguments, must be at most %d", count, MOST_VALUES);
  self->count = count;
  for (Py_ssize_t i = 0; i < count; i++) {
    self->kinds[i] = kinds[i];
    if (kinds[i] == 't') self->required |= UINT64_C(1) << i;
    if (kinds[i] == 'o') self->optional |= UINT64_C(1) << i;
  }
  return true;
}

static PyObject *new_choice(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"otherwise", "kinds",    "not_plain",   "not_taken",
                          "levels",    "capacity", "set_devices", "results", NULL};
  PyObject *otherwise, *not_plain = NULL, *not_taken = NULL, *levels = NULL, *devices = NULL;
  const char *kinds = NULL;
  Py_ssize_t count, capacity = 16, results = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$s#OOO!nO!n:Choice", names, &otherwise,
                                   &kinds, &count, &not_plain, &not_taken, &PyDict_Type, &levels,
                                   &capacity, &PyList_Type, &devices, &results))
    return NULL;
  if (!kinds || !not_plain || !not_taken || !levels || !devices) {
    PyErr_SetString(PyExc_TypeError,
                    "Choice: needs kinds, not_plain, not_taken, levels and set_devices");
    return NULL;
  }
  choice *self = (choice *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  self->own = launcher_of(type);
  self->otherwise = Py_NewRef(otherwise);
  self->not_plain = Py_NewRef(not_plain);
  self->not_taken = Py_NewRef(not_taken);
  self->levels = Py_NewRef(levels);
  self->set_devices = Py_NewRef(devices);
  self->results = results;
  self->debug = PyLong_FromLong(LEVEL_DEBUG);
  if (self->own == NULL || self->debug == NULL || !set_capacity(self, capacity) ||
      !read_kinds(self, kinds, count)) {
    Py_DECREF(self);
    return NULL;
  }
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  choice *self = (choice *)object;
  Py_VISIT(Py_TYPE(object));
  if (self->own != NULL) Py_VISIT(self->own->module);
  Py_VISIT(self->otherwise);
  Py_VISIT(self->not_plain);
  Py_VISIT(self->not_taken);
  Py_VISIT(self->levels);
  Py_VISIT(self->set_devices);
  for (Py_ssize_t i = 0; i < self->recent.count; i++) Py_VISIT(self->recent.calls[i].what);
  return 0;
}

static int drop_references(PyObject *object) {
  choice *self = (choice *)object;
  Py_XSETREF(self->otherwise, Py_NewRef(Py_None));  // another finaliser may call it still
  forget_calls(&self->recent);
  return 0;
}

static void free_choice(PyObject *object) {
  choice *self = (choice *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  drop_references(object);
  Py_XDECREF(self->otherwise);
  Py_XDECREF(self->not_plain);
  Py_XDECREF(self->not_taken);
  Py_XDECREF(self->levels);
  Py_XDECREF(self->debug);
  Py_XDECREF(self->set_devices);
  release_launcher(self->own);
  type->tp_free(object);
  Py_DECREF(type);
}

#define FAST(function) (PyCFunction)(void (*)(void))function, METH_FASTCALL

static PyMethodDef methods[] = {
    {"plain", FAST(serve_plain),
     "plain(*values)\n--\n\nCompute a call if it is plain; else return `not_plain`."},
    {"unobserved", FAST(serve_unobserved),
     "unobserved(*values)\n--\n\nThe same, if besides nothing would see the call in torch's "
     "dispatcher, and torch would take its arguments as they are."},
    {"keyed", FAST(serve_keyed),
     "keyed(*values)\n--\n\nThe same, where the key set says that no transform is active."},
    {"below", FAST(serve_below),
     "below(*values)\n--\n\nThe same, below autograd: nothing is to be recorded."},
    {"remember", (PyCFunction)(void (*)(void))remember, METH_VARARGS | METH_KEYWORDS,
     "remember(args, details, instead, *, skips=False, declines=False)\n--\n\nLet the function "
     "`instead` compute calls like this one; returns whether such can be recognised. `details` "
     "says by a letter how much of each argument counts: n for nothing, k for dtype and rank, s "
     "for sizes, too, a for strides, too."},
    {"clear", clear, METH_VARARGS,
     "clear([capacity])\n--\n\nForget all calls; remember at most `capacity` from now on."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"remembered", T_PYSSIZET, offsetof(choice, recent.count), READONLY, NULL},
    {"threads", T_INT, offsetof(choice, threads), 0, NULL},
    {"asks_again", T_UINT, offsetof(choice, asks_again), 0, NULL},
    {"hits", T_ULONGLONG, offsetof(choice, hits), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Choice(otherwise, *, kinds, not_plain, not_taken, levels, set_devices, "
                "capacity=16, results=0)\n--\n\nWhich function computes a plain call. `kinds` has a letter an "
                "argument: t for a tensor, o for a tensor or None, f, i, b and s for a float, int, bool and "
                "str, in capitals if it may be None, another for other values. `results` is the "
                "number of tensors that it returns, 0 for other results."},
    {Py_tp_new, new_choice},
    {Py_tp_dealloc, free_choice},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, drop_references},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.Choice", sizeof(choice), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

bool add_choice_type(launcher *own) {
  PyObject *type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  bool added = type != NULL && PyModule_AddType(own->module, (PyTypeObject *)type) == 0;
  Py_XDECREF(type);
  return added;
}
