// Which function computes a plain call of an IR op. A call is plain if its tensors are of torch's own
// types and on the CPU, and nothing is to be recorded or transformed. For plain calls like a
// remembered one it is the function that was chosen then, for the others `otherwise`, which chooses.
// Calls that are not plain get the object `not_plain` for an answer.
#include "choice.h"

// What a call must be free of to be plain, besides what its tensors are.
typedef enum { GRADIENTS = 1, TRANSFORMS = 2, OBSERVERS = 4 } sight;

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

static bool fits_in_64_bits(PyObject *number) {
  int beyond = 0;
  (void)PyLong_AsLongLongAndOverflow(number, &beyond);
  return beyond == 0;
}

// Torch converts other arguments, such as an int for a float, or refuses them.
static bool is_as_declared(char kind, PyObject *value) {
  switch (kind) {
    case 'F': case 'I': case 'B': case 'S':
      return value == Py_None || is_as_declared((char)(kind - 'A' + 'a'), value);
    case 'f': return PyFloat_CheckExact(value);
    case 'i': return PyLong_CheckExact(value) && fits_in_64_bits(value);
    case 'b': return PyBool_Check(value);
    case 's': return PyUnicode_CheckExact(value);
    default: return false;
  }
}

// The dispatcher makes numbers of conjugates and negative views; only tensors that are peekable are
// known to be none.
static bool are_as_declared(const choice *self, PyObject *const *values) {
  for (Py_ssize_t i = 0; i < self->count; i++) {
    bool taken = is_declared(self, i)
                     ? values[i] == Py_None || is_peekable(self->own, values[i])
                     : is_as_declared(self->kinds[i], values[i]);
    if (!taken) return false;
  }
  return self->results > 0;
}

// Torch converts other results, such as a list for a tuple, or refuses them.
static bool returns_tensors(const choice *self, PyObject *answer) {
  if (self->results == 1) return is_tensor(self->own, answer);
  if (!PyTuple_CheckExact(answer) || PyTuple_GET_SIZE(answer) != self->results) return false;
  for (Py_ssize_t i = 0; i < self->results; i++)
    if (!is_tensor(self->own, PyTuple_GET_ITEM(answer, i))) return false;
  return true;
}

static bool is_plain(const choice *self, PyObject *const *values, sight sees) {
  const launcher *own = self->own;
  if (sees & OBSERVERS && (!are_as_declared(self, values) || check_observers(own) != ACCEPTED))
    return false;
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

bool find_choice(choice *self, PyObject *const *values, remembered **found) {
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
  if (!(known ? find_choice(self, values, &what) : are_on_cpu(self, values)))
    return Py_NewRef(self->not_plain);
  if (what == NULL) return PyObject_Vectorcall(self->otherwise, values, (size_t)count, NULL);
  PyObject *answer = compute(self, what, values);
  Py_DECREF((PyObject *)what);
  return answer;
}

PyObject *serve_plain(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, GRADIENTS | TRANSFORMS);
}

// What returns something else than the op's results is called again through torch, which says so.
PyObject *serve_unobserved(PyObject *object, PyObject *const *values, Py_ssize_t count) {
  choice *self = (choice *)object;
  PyObject *answer = serve(object, values, count, GRADIENTS | OBSERVERS);
  if (answer != NULL && answer != self->not_plain && !returns_tensors(self, answer))
    Py_SETREF(answer, Py_NewRef(self->not_plain));
  return answer;
}

PyObject *serve_keyed(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, GRADIENTS);
}

PyObject *serve_below(PyObject *self, PyObject *const *values, Py_ssize_t count) {
  return serve(self, values, count, 0);
}
