// What sends a call another way, whatever its arguments are?
#include "launcher.h"

static PyObject *forward_ad;  // the module's names, of which one is the level that is active
static PyObject *profiler, *profiler_enabled;  // likewise
static PyObject *current_level, *raw_repr, *is_grad_enabled;
static PyObject *dispatch_modes, *function_modes, *functorch_level;
static PyObject *is_tracing, *any_autocast;

static PyObject *found(const char *module, const char *name) {
  PyObject *from = PyImport_ImportModule(module);
  PyObject *object = from == NULL ? NULL : PyObject_GetAttrString(from, name);
  Py_XDECREF(from);
  return object;
}

bool prepare_gates(void) {
  forward_ad = found("torch.autograd.forward_ad", "__dict__");
  current_level = PyUnicode_InternFromString("_current_level");
  raw_repr = PyUnicode_InternFromString("raw_repr");
  profiler = found("torch.autograd.profiler", "__dict__");
  profiler_enabled = PyUnicode_InternFromString("_is_profiler_enabled");
  if (profiler == NULL || profiler_enabled == NULL) return false;
  if (forward_ad == NULL || current_level == NULL || raw_repr == NULL) return false;
  is_grad_enabled = found("torch", "is_grad_enabled");
  if (is_grad_enabled == NULL) return false;
  dispatch_modes = found("torch._C", "_len_torch_dispatch_stack");
  if (dispatch_modes == NULL) return false;
  function_modes = found("torch._C", "_len_torch_function_stack");
  if (function_modes == NULL) return false;
  functorch_level = found("torch._C._functorch", "maybe_current_level");
  if (functorch_level == NULL) return false;
  is_tracing = found("torch._C", "_is_tracing");
  if (is_tracing == NULL) return false;
  any_autocast = found("torch._C", "_is_any_autocast_enabled");
  return any_autocast != NULL;
}

refusal check_tangents(void) {
  PyObject *level = PyDict_GetItemWithError(forward_ad, current_level);
  if (level != NULL && PyLong_AsLong(level) < 0 && !PyErr_Occurred()) return ACCEPTED;
  PyErr_Clear();
  return REFUSED_TANGENT;
}

refusal check_profiler(void) {
  PyObject *enabled = PyDict_GetItemWithError(profiler, profiler_enabled);
  if (enabled == Py_False) return ACCEPTED;
  PyErr_Clear();
  return REFUSED_PROFILER;
}

static bool is_zero(PyObject *number) {
  bool zero = number != NULL && PyLong_Check(number) && PyLong_AsLong(number) == 0;
  Py_XDECREF(number);
  PyErr_Clear();
  return zero;
}

refusal check_modes(void) {
  if (!is_zero(PyObject_CallNoArgs(dispatch_modes)) ||
      !is_zero(PyObject_CallNoArgs(function_modes)))
    return REFUSED_MODE;
  return check_transforms();
}

refusal check_transforms(void) {
  PyObject *level = PyObject_CallNoArgs(functorch_level);
  bool none = level == Py_None;
  Py_XDECREF(level);
  PyErr_Clear();
  return none ? ACCEPTED : REFUSED_MODE;
}

static bool is_no(PyObject *answer) {
  bool no = answer == Py_False;
  Py_XDECREF(answer);
  PyErr_Clear();
  return no;
}

// What `torch.jit.trace` records goes through the dispatcher.
refusal check_tracing(void) {
  return is_no(PyObject_CallNoArgs(is_tracing)) ? ACCEPTED : REFUSED_TRACING;
}

refusal check_autocast(void) {
  return is_no(PyObject_CallNoArgs(any_autocast)) ? ACCEPTED : REFUSED_AUTOCAST;
}

refusal check_keyset(PyObject *keyset, uint64_t plain) {
  PyObject *keys = PyObject_CallMethodNoArgs(keyset, raw_repr);
  bool same = keys != NULL && PyLong_Check(keys) && PyLong_AsUnsignedLongLongMask(keys) == plain;
  Py_XDECREF(keys);
  PyErr_Clear();
  return same ? ACCEPTED : REFUSED_KEYSET;
}

bool grad_enabled(void) {
  PyObject *enabled = PyObject_CallNoArgs(is_grad_enabled);
  bool yes = enabled != Py_False;
  Py_XDECREF(enabled);
  PyErr_Clear();
  return yes;
}
