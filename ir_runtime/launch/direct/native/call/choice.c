// The Python type `Choice`: which function computes a plain call of an IR op. A call is plain if its
// tensors are of torch's own types and on the CPU, and nothing is to be recorded or transformed. For
// plain calls like a remembered one it is the function that was chosen then, for the others
// `otherwise`, which chooses. Calls that are not plain get the object `not_plain` for an answer.
#include "launcher.h"

#include <structmember.h>

enum { MOST_VALUES = 64, LEVEL_DEBUG = 10 };

// What a call must be free of to be plain, besides what its tensors are.
typedef enum { GRADIENTS = 1, TRANSFORMS = 2 } sight;

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
  int threads;           // what it remembers holds for so many of torch's threads; 0: for any
  unsigned asks_again;   // after so many calls `otherwise` gets a remembered one; 0: never
  unsigned since_asked;  // how many came since
  recent_calls recent;
  unsigned long long hits;
} choice;

// --- the way of a call ---

static bool is_declared(const choice *self, Py_ssize_t i) {
  return (self->required | self->optional) >> i & 1;
}

static bool are_tensors(const choice *self, PyObject *const *values) {
  for (Py_ssize_t i = 0; i < self->count; i++) {
    if (!is_declared(self, i) || is_tensor(self->own, values[i])) continue;
    if (values[i] != Py_None || self->required >> i & 1) return false;
  }
  return true;
}

static bool are_on_cpu(const choice *self, PyObject *const *values) {
  for (Py_ssize_t i = 0; i < self->count; i++)
    if (is_declared(self, i) && values[i] != Py_None && !is_plain_tensor(self->own, values[i]))
      return false;
  return true;
}

static bool is_plain(const choice *self, PyObject *const *values, sight sees) {
  const launcher *own = self->own;
  if (sees & GRADIENTS) {
    if (check_tangents(own) != ACCEPTED) return false;
    if (any_requires_grad(own, values, self->count) && grad_enabled(own)) return false;
  }
  return !(sees & TRANSFORMS) || check_active_transforms(own) == ACCEPTED;
}

// Tells whether what is remembered may be used; -1 with an exception set.
static int holds(choice *self) {
  if (self->recent.count == 0 || PyList_GET_SIZE(self->set_devices) > 0) return 0;
  if (self->asks_again > 0 && ++self->since_asked >= self->asks_again) {
    self->since_asked = 0;
    return 0;
  }
  return self->threads > 0 ? has_threads(self->own, self->threads) : 1;
}

static refusal glimpse(const choice *self, PyObject *const *values, facts *seen) {
  refusal why = ACCEPTED;
  for (Py_ssize_t i = 0; why == ACCEPTED && i < self->count; i++) {
    PyObject *value = values[i];
    if (value == Py_None) continue;
    if (is_any_tensor(self->own, value))
      why = add_glimpse(self->own, seen, value);
    else
      why = describe_values(self->own, seen, &value, 1);
  }
  return why;
}

// Finds the call that is like this one, a new reference; NULL if there is none. False if a tensor is
// not on the CPU.
static bool find(choice *self, PyObject *const *values, remembered **found) {
  facts seen;
  begin_facts(&seen, DLPACK_CPU);
  refusal why = glimpse(self, values, &seen);
  bool described = why == ACCEPTED;
  if (described) (void)find_call(&self->recent, values, self->count, &seen, found);
  end_facts(&seen);
  return described || are_on_cpu(self, values);
}

// Skipped functions are logged by `otherwise`, which also fills the logger's cache of levels.
static bool must_log(const choice *self) {
  PyObject *enabled = PyDict_GetItemWithError(self->levels, self->debug);
  PyErr_Clear();
  return enabled != Py_False;
}

static PyObject *compute(choice *self, const remembered *what, PyObject *const *values) {
  size_t count = (size_t)self->count;
  if (what->skips && must_log(self))
    return PyObject_Vectorcall(self->otherwise, values, count, NULL);
  self->hits++;
  PyObject *answer = PyObject_Vectorcall(what->instead, values, count, NULL);
  if (answer != NULL || !what->declines || !PyErr_ExceptionMatches(self->not_taken)) return answer;
  PyErr_Clear();
  forget_calls(&self->recent);
  return PyObject_Vectorcall(self->otherwise, values, count, NULL);
}

static PyObject *serve(PyObject *object, PyObject *const *values, Py_ssize_t count, sight sees) {
  choice *self = (choice *)object;
  if (count != self->count || !self->own->usable || !are_tensors(self, values) ||
      !is_plain(self, values, sees))
    return Py_NewRef(self->not_plain);
  remembered *what = NULL;
  int known = holds(self);
  if (known < 0) return NULL;
  if (!(known ? find(self, values, &what) : are_on_cpu(self, values)))
    return Py_NewRef(self->not_plain);
  if (what == NULL) return PyObject_Vectorcall(self->otherwise, values, (size_t)count, NULL);
  PyObject *answer = compute(self, what, values);
  Py_DECREF((PyObject *)what);
  return answer;
}

static PyObject *serve_plain(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, GRADIENTS | TRANSFORMS);
}

static PyObject *serve_keyed(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, GRADIENTS);
}

static PyObject *serve_below(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, 0);
}

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
  if (self->recent.count > 0) (void)find(self, &PyTuple_GET_ITEM(values, 0), &known);
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
    if (kinds[i] == 't') self->required |= UINT64_C(1) << i;
    if (kinds[i] == 'o') self->optional |= UINT64_C(1) << i;
  }
  return true;
}

static PyObject *new_choice(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"otherwise", "kinds",  "not_plain",   "not_taken",
                          "levels",    "capacity", "set_devices", NULL};
  PyObject *otherwise, *not_plain = NULL, *not_taken = NULL, *levels = NULL, *devices = NULL;
  const char *kinds = NULL;
  Py_ssize_t count, capacity = 16;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$s#OOO!nO!:Choice", names, &otherwise,
                                   &kinds, &count, &not_plain, &not_taken, &PyDict_Type, &levels,
                                   &capacity, &PyList_Type, &devices))
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
                "capacity=16)\n--\n\nWhich function computes a plain call. `kinds` has a letter an "
                "argument: t for a tensor, o for a tensor or None, another for other values."},
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
