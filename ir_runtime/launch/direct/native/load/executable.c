// A loaded executable: the functions of one library, and the environment that they run in.
//
// A plan holds its executables, and a running launch holds its plan. So no code of a library runs
// when its last reference is dropped, and the library can be unloaded.
#include <dlfcn.h>
#include <stddef.h>

#include "launcher.h"

#include <structmember.h>

static int call_import(import_function function, void *parameters, void *context,
                       void *reserved) {
  return function(parameters, context, reserved);
}

// Of several imports only optional ones can be served: by none.
static const char *required_import(const library_v0 *library) {
  for (uint32_t i = 0; i < library->imports.count; i++)
    if (library->imports.symbols[i][0] != '?') return library->imports.symbols[i];
  return NULL;
}

static bool refuse(const executable *self, const char *what) {
  PyErr_Format(PyExc_ValueError, "executable %U: %s", self->name, what);
  return false;
}

static bool check_header(const executable *self, const library_header *header) {
  if (header->version != LIBRARY_VERSION) {
    PyErr_Format(PyExc_ValueError,
                 "executable %U: its library is of ABI version %u, must be %d", self->name,
                 header->version, LIBRARY_VERSION);
    return false;
  }
  if (header->features != 0)
    return refuse(self, "asks for features of the host, must ask for none");
  if (header->sanitizer != 0) return refuse(self, "built for a sanitizer, must be built for none");
  return true;
}

static bool check_exports(const executable *self) {
  const library_v0 *library = self->library;
  uint32_t count = library->exports.count;
  if (library->constants.count != 0)
    return refuse(self, "has constants of its own, must have none");
  if (count > 0 && (library->exports.functions == NULL || library->exports.attributes == NULL ||
                    library->exports.names == NULL))
    return refuse(self, "lists functions without their names or attributes, must have them");
  for (uint32_t i = 0; i < count; i++) {
    const dispatch_attributes *attributes = &library->exports.attributes[i];
    if (library->exports.functions[i] == NULL || library->exports.names[i] == NULL)
      return refuse(self, "lists a function that is not there, must have all");
    if (attributes->flags & ~(uint64_t)KNOWN_DISPATCH_FLAGS)
      return refuse(self, "has a function with unknown flags, must have none");
    if (attributes->constant_count > MAX_CONSTANTS || attributes->binding_count > MAX_BINDINGS)
      return refuse(self, "has a function of more than 64 constants or bindings");
  }
  return true;
}

static bool prepare_imports(executable *self) {
  const library_v0 *library = self->library;
  const char *required = required_import(library);
  if (required != NULL) {
    PyErr_Format(PyExc_ValueError, "executable %U: requires the import %s, must require none",
                 self->name, required);
    return false;
  }
  if (library->imports.count == 0) return true;
  import_function *none = PyMem_Calloc(library->imports.count, sizeof *none);
  const void **contexts = PyMem_Calloc(library->imports.count, sizeof *contexts);
  self->environment.imports = none;
  self->environment.import_contexts = contexts;
  if (none != NULL && contexts != NULL) return true;
  PyErr_NoMemory();
  return false;
}

static bool list_functions(executable *self) {
  uint32_t count = self->library->exports.count;
  self->functions = PyTuple_New(count);
  if (self->functions == NULL) return false;
  for (uint32_t i = 0; i < count; i++) {
    PyObject *name = PyUnicode_FromString(self->library->exports.names[i]);
    if (name == NULL) return false;
    PyTuple_SET_ITEM(self->functions, i, name);
  }
  return true;
}

static bool load(executable *self, const char *elf, Py_ssize_t size) {
  const char *name = PyUnicode_AsUTF8(self->name);
  if (name == NULL) return false;
  self->handle = load_library(name, elf, size);
  if (self->handle == NULL) return false;
  library_query query;
  *(void **)&query = dlsym(self->handle, LIBRARY_QUERY_SYMBOL);
  if (query == NULL) return refuse(self, "has no " LIBRARY_QUERY_SYMBOL ", must export it");
  self->environment.thunk = call_import;
  describe_processor(self->environment.processor);
  const library_header **header = query(LIBRARY_VERSION, &self->environment);
  if (header == NULL) return refuse(self, "its library is of a later ABI version, must be 6");
  self->library = (const library_v0 *)header;
  return check_header(self, *header) && check_exports(self) && prepare_imports(self) &&
         list_functions(self);
}

// The code is `bytes`, which nobody can change while it is loaded without the GIL.
static PyObject *new_executable(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  static char *names[] = {"name", "elf", NULL};
  PyObject *name, *elf;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "US:Executable", names, &name, &elf))
    return NULL;
  executable *self = (executable *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  PyObject_GC_UnTrack(self);  // nobody can find it until it is whole
  self->name = Py_NewRef(name);
  Py_INCREF(elf);
  bool loaded = load(self, PyBytes_AS_STRING(elf), PyBytes_GET_SIZE(elf));
  Py_DECREF(elf);
  if (!loaded) {
    Py_DECREF(self);
    return NULL;
  }
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

// It has no `tp_clear`: a plan relies on its executables, and no cycle goes through a tuple of names
// that its type and module would not break.
static int traverse(PyObject *object, visitproc visit, void *arg) {
  executable *self = (executable *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->name);
  Py_VISIT(self->functions);
  return 0;
}

static void free_executable(PyObject *object) {
  executable *self = (executable *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->handle != NULL) dlclose(self->handle);
  PyMem_Free((void *)self->environment.imports);
  PyMem_Free((void *)self->environment.import_contexts);
  Py_XDECREF(self->functions);
  Py_XDECREF(self->name);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *show(PyObject *object) {
  executable *self = (executable *)object;
  return PyUnicode_FromFormat("<ir_runtime Executable: %U>", self->name);
}

static PyMemberDef members[] = {
    {"name", T_OBJECT_EX, offsetof(executable, name), READONLY, NULL},
    {"functions", T_OBJECT_EX, offsetof(executable, functions), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Executable(name, elf)\n--\n\nThe compiled code of a program, loaded."},
    {Py_tp_new, new_executable},
    {Py_tp_dealloc, free_executable},
    {Py_tp_traverse, traverse},
    {Py_tp_repr, show},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {"ir_runtime.launch.direct.native._launcher.Executable", sizeof(executable), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

bool add_executable_type(launcher *own) {
  own->executable_type = PyType_FromModuleAndSpec(own->module, &spec, NULL);
  return own->executable_type != NULL &&
         PyModule_AddType(own->module, (PyTypeObject *)own->executable_type) == 0;
}
