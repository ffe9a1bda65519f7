// What `op.bind` returns: the shortest way from tensors to a kernel, one plan for one layout. It
// does not use the dispatcher, and refuses calls that need what the dispatcher does.
#include "launcher.h"

#include <structmember.h>

typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  launcher *own;
  PyObject *name;       // with the op's namespace
  PyObject *signature;  // an inspect.Signature; None if unknown
  remembered *what;
  PyObject *weak_references;
  PyObject *attributes;  // a dict, as that of a function: where `inspect` finds the signature
} bound_call;

static refusal check(const bound_call *self, PyObject *const *args, Py_ssize_t count, facts *seen) {
  const launcher *own = self->own;
  if (!own->usable) return REFUSED_UNKNOWN;
  refusal why = check_modes(own);
  if (why == ACCEPTED) why = check_tangents(own);
  if (why == ACCEPTED) why = describe_values(own, seen, args, count);
  if (why == ACCEPTED) why = compare_call(self->what, args, count, seen);
  if (why == ACCEPTED) why = check_layouts(seen);
  if (why == ACCEPTED) why = check_all_bits(own, seen);
  return why == ACCEPTED ? check_grad(own, seen) : why;
}

static PyObject *run(PyObject *object, PyObject *const *args, size_t flags, PyObject *keywords) {
  bound_call *self = (bound_call *)object;
  Py_ssize_t count = PyVectorcall_NARGS(flags);
  facts seen;
  begin_facts(&seen, self->what->what->device_type);
  bool named = keywords != NULL && PyTuple_GET_SIZE(keywords) > 0;
  refusal why = named ? REFUSED_COUNT : check(self, args, count, &seen);
  PyObject *answer = why == ACCEPTED ? run_new(self->what, &seen, &why) : NULL;
  end_facts(&seen);
  if (answer == NULL && !PyErr_Occurred())
    PyErr_Format(PyExc_ValueError,
                 "%U: refuses these arguments (%s), must be plain %s tensors and values exactly "
                 "like those it was bound to", self->name, refusal_words[why],
                 self->what->what->device_type == DLPACK_CPU ? "CPU" : "GPU");
  return answer;
}

static remembered *bind(const launcher *own, PyObject *name, PyObject *values, PyObject *what,
                        PyObject *operands, PyObject *results) {
  if (!check_usable(own)) return NULL;
  remembered *made = NULL;
  if (!Py_IS_TYPE(what, (PyTypeObject *)own->plan_type))
    PyErr_Format(PyExc_TypeError, "%U: its plan is %R, must be a Plan", name, what);
  else
    made = remember_call(values, (plan *)what, operands, results, Py_None);
  if (made == NULL && !PyErr_Occurred())
    PyErr_Format(PyExc_ValueError, "%U: cannot be bound to these arguments, must be plain CPU "
                 "tensors, numbers, strings and lists of them", name);
  return made;
}

static PyObject *new_bound_call(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"name", "args", "plan", "operands", "results", "signature", NULL};
  PyObject *name, *values, *what, *operands, *results, *signature = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "UOOOO|O:BoundCall", names, &name, &values,
                                   &what, &operands, &results, &signature))
    return NULL;
  launcher *own = launcher_of(type);
  remembered *made = own == NULL ? NULL : bind(own, name, values, what, operands, results);
  bound_call *self = made == NULL ? NULL : (bound_call *)type->tp_alloc(type, 0);
  if (self == NULL) {
    Py_XDECREF((PyObject *)made);
    release_launcher(own);
    return NULL;
  }
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  self->vectorcall = run;
  self->own = own;
  self->name = Py_NewRef(name);
  self->signature = Py_NewRef(signature);
  self->what = made;
  if (signature != Py_None &&
      PyObject_SetAttrString((PyObject *)self, "__signature__", signature) != 0)
    Py_CLEAR(self);
  if (self != NULL) PyObject_GC_Track(self);
  return (PyObject *)self;
}

// --- what Python's own tools ask of a function ---

static PyObject *short_name(PyObject *object, void *unused) {
  (void)unused;
  PyObject *name = ((bound_call *)object)->name;
  Py_ssize_t length = PyUnicode_GET_LENGTH(name);
  Py_ssize_t colon = PyUnicode_FindChar(name, ':', 0, length, -1);
  return colon == -2 ? NULL : PyUnicode_Substring(name, colon + 1, length);
}

static PyObject *text_signature(PyObject *object, void *unused) {
  (void)unused;
  PyObject *signature = ((bound_call *)object)->signature;
  return signature == Py_None ? Py_NewRef(Py_None) : PyObject_Str(signature);
}

static PyObject *show(PyObject *object) {
  return PyUnicode_FromFormat("<ir_runtime BoundCall: %U>", ((bound_call *)object)->name);
}

// --- the type ---

static int traverse(PyObject *object, visitproc visit, void *arg) {
  bound_call *self = (bound_call *)object;
  Py_VISIT(Py_TYPE(object));
  if (self->own != NULL) Py_VISIT(self->own->module);
  Py_VISIT(self->name);
  Py_VISIT(self->signature);
  Py_VISIT(self->what);
  Py_VISIT(self->attributes);
  return 0;
}

// What it runs stays, as of every object that others may call still.
static int drop_references(PyObject *object) {
  bound_call *self = (bound_call *)object;
  if (self->signature != NULL) Py_SETREF(self->signature, Py_NewRef(Py_None));
  Py_CLEAR(self->attributes);
  return 0;
}

static void free_bound_call(PyObject *object) {
  bound_call *self = (bound_call *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weak_references != NULL) PyObject_ClearWeakRefs(object);
  Py_XDECREF((PyObject *)self->what);
  Py_XDECREF(self->attributes);
  Py_XDECREF(self->signature);
  Py_XDECREF(self->name);
  release_launcher(self->own);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound_call, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(bound_call, weak_references), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(bound_call, attributes), READONLY, NULL},
    {"name", T_OBJECT_EX, offsetof(bound_call, name), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"__name__", short_name, NULL, NULL, NULL},
    {"__qualname__", short_name, NULL, NULL, NULL},
    {"__text_signature__", text_signature, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "BoundCall(name, args, plan, operands, results, signature=None)\n--\n\n"
                "Runs one plan on arguments like `args`, and raises ValueError for any other."},
    {Py_tp_new, new_bound_call},
    {Py_tp_dealloc, free_bound_call},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, drop_references},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_repr, show},
    {Py_tp_members, members},
    {Py_tp_getset, getters},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.BoundCall", sizeof(bound_call), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                               Py_TPFLAGS_HAVE_VECTORCALL,
                           slots};

bool add_bound_call_type(launcher *own) {
  PyObject *type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  bool added = type != NULL && PyModule_AddType(own->module, (PyTypeObject *)type) == 0;
  Py_XDECREF(type);
  return added;
}
