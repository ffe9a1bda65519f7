// States of torch that send every call to the dispatcher: modes, tracing, autocast, gradients.
#include "launcher.h"

static PyObject *found(const char *module, const char *name) {
  PyObject *from = PyImport_ImportModule(module);
  PyObject *object = from == NULL ? NULL : PyObject_GetAttrString(from, name);
  Py_XDECREF(from);
  return object;
}

bool prepare_gates(launcher *own) {
  own->forward_ad = found("torch.autograd.forward_ad", "__dict__");
  own->current_level = PyUnicode_InternFromString("_current_level");
  own->raw_repr = PyUnicode_InternFromString("raw_repr");
  own->profiler = found("torch.autograd.profiler", "__dict__");
  own->profiler_enabled = PyUnicode_InternFromString("_is_profiler_enabled");
  if (own->profiler == NULL || own->profiler_enabled == NULL) return false;
  if (own->forward_ad == NULL || own->current_level == NULL || own->raw_repr == NULL) return false;
  own->is_grad_enabled = found("torch", "is_grad_enabled");
  if (own->is_grad_enabled == NULL) return false;
  own->inference_mode = found("torch", "is_inference_mode_enabled");
  if (own->inference_mode == NULL) return false;
  own->dispatch_modes = found("torch._C", "_len_torch_dispatch_stack");
  if (own->dispatch_modes == NULL) return false;
  own->function_modes = found("torch._C", "_len_torch_function_stack");
  if (own->function_modes == NULL) return false;
  own->functorch_level = found("torch._C._functorch", "maybe_current_level");
  if (own->functorch_level == NULL) return false;
  own->any_transforms = found("torch._C", "_are_functorch_transforms_active");
  if (own->any_transforms == NULL) return false;
  own->is_tracing = found("torch._C", "_is_tracing");
  if (own->is_tracing == NULL) return false;
  own->any_autocast = found("torch._C", "_is_any_autocast_enabled");
  return own->any_autocast != NULL;
}

// The level is borrowed from a dictionary that anyone can write: an object other than an int could
// run Python code as it is converted, and that may free it.
refusal check_tangents(const launcher *own) {
  PyObject *level = PyDict_GetItemWithError(own->forward_ad, own->current_level);
  if (level != NULL && PyLong_CheckExact(level) && PyLong_AsLong(level) < 0 && !PyErr_Occurred())
    return ACCEPTED;
  PyErr_Clear();
  return REFUSED_TANGENT;
}

refusal check_profiler(const launcher *own) {
  PyObject *enabled = PyDict_GetItemWithError(own->profiler, own->profiler_enabled);
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

refusal check_modes(const launcher *own) {
  if (!is_zero(PyObject_CallNoArgs(own->dispatch_modes)) ||
      !is_zero(PyObject_CallNoArgs(own->function_modes)))
    return REFUSED_MODE;
  return check_transforms(own);
}

refusal check_transforms(const launcher *own) {
  PyObject *level = PyObject_CallNoArgs(own->functorch_level);
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

refusal check_active_transforms(const launcher *own) {
  return is_no(PyObject_CallNoArgs(own->any_transforms)) ? ACCEPTED : REFUSED_MODE;
}

// What `torch.jit.trace` records goes through the dispatcher.
refusal check_tracing(const launcher *own) {
  return is_no(PyObject_CallNoArgs(own->is_tracing)) ? ACCEPTED : REFUSED_TRACING;
}

refusal check_autocast(const launcher *own) {
  return is_no(PyObject_CallNoArgs(own->any_autocast)) ? ACCEPTED : REFUSED_AUTOCAST;
}

// All that may see a call pass through the dispatcher, or change it there, besides gradients.
refusal check_observers(const launcher *own) {
  refusal why = check_profiler(own);
  if (why == ACCEPTED) why = check_modes(own);
  if (why == ACCEPTED) why = check_tracing(own);
  return why == ACCEPTED ? check_autocast(own) : why;
}

refusal check_keyset(const launcher *own, PyObject *keyset, uint64_t plain) {
  PyObject *keys = PyObject_CallMethodNoArgs(keyset, own->raw_repr);
  bool same = keys != NULL && PyLong_Check(keys) && PyLong_AsUnsignedLongLongMask(keys) == plain;
  Py_XDECREF(keys);
  PyErr_Clear();
  return same ? ACCEPTED : REFUSED_KEYSET;
}

bool grad_enabled(const launcher *own) {
  PyObject *enabled = PyObject_CallNoArgs(own->is_grad_enabled);
  bool yes = enabled != Py_False;
  Py_XDECREF(enabled);
  PyErr_Clear();
  return yes;
}
