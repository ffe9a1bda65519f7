// What is the shortest way from tensors to a kernel?  One plan, for tensors of one layout, without
// the dispatcher; what that would have seen to is refused.
#include "launcher.h"

#include <structmember.h>

typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject *name;
  remembered *what;
} bound_call;

static refusal check(const bound_call *self, PyObject *const *args, Py_ssize_t count, facts *seen) {
  refusal why = check_modes();
  if (why == ACCEPTED) why = check_tangents();
  if (why == ACCEPTED) why = describe_values(seen, args, count);
  if (why == ACCEPTED) why = compare_call(self->what, args, count, seen);
  if (why == ACCEPTED) why = check_layouts(seen);
  if (why == ACCEPTED) why = check_all_bits(args, count, seen);
  return why == ACCEPTED ? check_grad(args, count) : why;
}

static PyObject *run(PyObject *object, PyObject *const *args, size_t flags, PyObject *keywords) {
  bound_call *self = (bound_call *)object;
  Py_ssize_t count = PyVectorcall_NARGS(flags);
  facts seen;
  begin_facts(&seen);
  bool named = keywords != NULL && PyTuple_GET_SIZE(keywords) > 0;
  refusal why = named ? REFUSED_COUNT : check(self, args, count, &seen);
  PyObject *answer = why == ACCEPTED ? run_new(self->what, &seen) : NULL;
  end_facts(&seen);
  if (answer == NULL && !PyErr_Occurred())
    PyErr_Format(PyExc_ValueError,
                 "%U: refuses these arguments (%s), must be plain CPU tensors and values exactly "
                 "like those it was bound to", self->name,
                 refusal_words[why == ACCEPTED ? REFUSED_ALIGNMENT : why]);
  return answer;
}

static PyObject *new_bound_call(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"name", "args", "plan", "operands", "results", NULL};
  PyObject *name, *values, *what, *operands, *results;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "UOO!OO:BoundCall", names, &name, &values,
                                   plan_type, &what, &operands, &results))
    return NULL;
  remembered *made = remember_call(values, (plan *)what, operands, results);
  if (made == NULL) {
    if (!PyErr_Occurred())
      PyErr_Format(PyExc_ValueError, "%U: cannot be bound to these arguments, must be plain CPU "
                   "tensors, numbers, strings and lists of them", name);
    return NULL;
  }
  bound_call *self = (bound_call *)type->tp_alloc(type, 0);
  if (self == NULL) {
    forget_call(made);
    return NULL;
  }
  self->vectorcall = run;
  self->name = Py_NewRef(name);
  self->what = made;
  return (PyObject *)self;
}

static void free_bound_call(PyObject *object) {
  bound_call *self = (bound_call *)object;
  PyTypeObject *type = Py_TYPE(object);
  forget_call(self->what);
  Py_DECREF(self->name);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound_call, vectorcall), READONLY, NULL},
    {"name", T_OBJECT_EX, offsetof(bound_call, name), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "BoundCall(name, args, plan, operands, results)\n--\n\n"
                "Runs one plan on arguments like `args`, and raises ValueError for any other."},
    {Py_tp_new, new_bound_call},
    {Py_tp_dealloc, free_bound_call},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.BoundCall", sizeof(bound_call), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                               Py_TPFLAGS_HAVE_VECTORCALL,
                           slots};

bool add_bound_call_type(PyObject *module) {
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
  bool added = type != NULL && PyModule_AddType(module, type) == 0;
  Py_XDECREF(type);
  return added;
}
