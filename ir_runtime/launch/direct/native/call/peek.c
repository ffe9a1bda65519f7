// Reads what torch records of a plain tensor: dtype, sizes, strides, whether a gradient may be
// needed. Torch's own ways to ask take as long as a small kernel.
//
// The places of the fields are found once, by a search for known values in tensors made for it. If
// that fails, torch is asked for each tensor. The dispatch keys tell which tensors are plain: dense
// ones on the CPU, without a mode, a transform, conj or neg. Only of those the fields are read.
#include <malloc.h>
#include <string.h>

#include "launcher.h"

enum { PROBE_DIMS = 5 };  // as many sizes as torch keeps in the tensor itself

static uint64_t word(const void *from, size_t index) {
  uint64_t value;
  memcpy(&value, (const char *)from + index * sizeof value, sizeof value);
  return value;
}

static const void *object_of(const launcher *own, PyObject *tensor) {
  return (const void *)(uintptr_t)word(tensor, own->storages.tensor);
}

// Torch's object of a plain tensor; NULL for others.
static const void *plain_object(const launcher *own, PyObject *tensor) {
  const peek_layout *at = &own->peek;
  if (!at->known || !is_tensor(own, tensor)) return NULL;
  const void *object = object_of(own, tensor);
  if (object == NULL) return NULL;
  uint64_t keys = word(object, at->keys);
  return keys == at->plain_keys || keys == at->inference_keys ? object : NULL;
}

bool is_peekable(const launcher *own, PyObject *tensor) {
  return plain_object(own, tensor) != NULL;
}

bool has_no_gradient(const launcher *own, PyObject *tensor) {
  const void *object = plain_object(own, tensor);
  return object != NULL && word(object, own->peek.gradient) == 0;
}

bool peek_tensor(const launcher *own, PyObject *tensor, fact *out) {
  const peek_layout *at = &own->peek;
  const void *object = plain_object(own, tensor);
  if (object == NULL) return false;
  uint64_t rank = word(object, at->rank);
  uint16_t number;
  memcpy(&number, (const char *)object + at->dtype, sizeof number);
  if (rank > PROBE_DIMS || number >= PEEK_DTYPES || at->dtypes[number].bits == 0) return false;
  for (size_t i = 0; i < rank; i++) {
    out->sizes.few[i] = (int64_t)word(object, at->rank + 1 + i);
    out->sizes.few[rank + i] = (int64_t)word(object, at->rank + 1 + PROBE_DIMS + i);
  }
  out->tensor = Py_NewRef(tensor);
  out->start = NULL;
  out->bytes = 0;
  out->dtype = at->dtypes[number];
  out->device = 0;
  out->rank = (int32_t)rank;
  out->layout = REFUSED_UNKNOWN;  // a plan cannot take it: nobody looked where its elements lie
  return true;
}

// --- the search ---

// What a search looks at: an object of torch, and how many bytes of it there are.
typedef struct {
  PyObject *tensor;
  const void *object;
  size_t bytes;
} probe;

static bool make_probe(const launcher *own, probe *self, PyObject *shape, PyObject *strides,
                       PyObject *dtype) {
  PyObject *keywords = dtype == NULL ? NULL : Py_BuildValue("{sO}", "dtype", dtype);
  PyObject *torch = PyImport_ImportModule("torch");
  PyObject *make = torch == NULL ? NULL : PyObject_GetAttrString(torch, "empty_strided");
  PyObject *arguments = shape == NULL || strides == NULL ? NULL : PyTuple_Pack(2, shape, strides);
  self->tensor = make && arguments && keywords ? PyObject_Call(make, arguments, keywords) : NULL;
  Py_XDECREF(shape);
  Py_XDECREF(strides);
  Py_XDECREF(keywords);
  Py_XDECREF(torch);
  Py_XDECREF(make);
  Py_XDECREF(arguments);
  if (self->tensor == NULL) return false;
  self->object = object_of(own, self->tensor);
  self->bytes = malloc_usable_size((void *)(uintptr_t)self->object);
  return true;
}

static bool has_sizes(const probe *self, size_t at, const uint64_t *sizes, const uint64_t *strides,
                      uint64_t rank) {
  if (word(self->object, at) != rank) return false;
  for (size_t i = 0; i < rank; i++)
    if (word(self->object, at + 1 + i) != sizes[i] ||
        word(self->object, at + 1 + PROBE_DIMS + i) != strides[i])
      return false;
  return true;
}

static bool find_sizes(peek_layout *into, const probe *large, const probe *small) {
  static const uint64_t sizes[] = {3, 5, 7, 11, 13}, strides[] = {2, 1, 4, 6, 9};
  static const uint64_t few[] = {17, 19}, steps[] = {23, 1};
  size_t room = (large->bytes < small->bytes ? large->bytes : small->bytes) / sizeof(uint64_t);
  size_t found = 0;
  for (size_t at = 1; at + 2 * PROBE_DIMS < room; at++) {
    if (!has_sizes(large, at, sizes, strides, PROBE_DIMS) || !has_sizes(small, at, few, steps, 2))
      continue;
    into->rank = at;
    found++;
  }
  return found == 1;
}

static bool keys_of(PyObject *tensor, uint64_t *keys) {
  PyObject *core = PyImport_ImportModule("torch._C");
  PyObject *set = core == NULL ? NULL : PyObject_CallMethod(core, "_dispatch_keys", "O", tensor);
  PyObject *number = set == NULL ? NULL : PyObject_CallMethod(set, "raw_repr", NULL);
  if (number != NULL) *keys = PyLong_AsUnsignedLongLong(number);
  Py_XDECREF(core);
  Py_XDECREF(set);
  Py_XDECREF(number);
  return number != NULL && !PyErr_Occurred();
}

static bool find_keys(peek_layout *into, const probe *one, const probe *other) {
  uint64_t keys;
  size_t found = 0, room = (one->bytes < other->bytes ? one->bytes : other->bytes) / sizeof keys;
  if (!keys_of(one->tensor, &into->plain_keys) || !keys_of(other->tensor, &keys) ||
      keys != into->plain_keys || keys == 0)
    return false;
  for (size_t at = 1; at < room; at++) {
    if (word(one->object, at) != keys || word(other->object, at) != keys) continue;
    into->keys = at;
    found++;
  }
  return found == 1;
}

// The word that is null in plain tensors, and only then, in tensors that require no gradient.
static bool find_gradient(peek_layout *into, const probe *plain, const probe *other) {
  PyObject *set = PyObject_CallMethod(other->tensor, "requires_grad_", "O", Py_True);
  size_t found = 0, room = (plain->bytes < other->bytes ? plain->bytes : other->bytes) / 8;
  Py_XDECREF(set);
  for (size_t at = 1; set != NULL && at < room; at++) {
    bool in_sizes = at >= into->rank && at <= into->rank + 2 * PROBE_DIMS;
    if (in_sizes || word(plain->object, at) != 0 || word(other->object, at) == 0) continue;
    into->gradient = at;
    found++;
  }
  return found == 1;
}

// --- dtypes ---

// Torch's numbers of them, which it also stores in files.
static const char *const numbered[] = {"uint8",   "int8",    "int16",   "int32",
                                       "int64",   "float16", "float32", "float64"};
static const char *const others[] = {"complex64",     "complex128",    "bool",
                                     "bfloat16",      "float8_e5m2",   "float8_e4m3fn",
                                     "float8_e5m2fnuz", "float8_e4m3fnuz"};
enum { NUMBERED = sizeof numbered / sizeof *numbered, OTHERS = sizeof others / sizeof *others };

static bool make_typed(const launcher *own, probe *self, PyObject *torch, const char *name) {
  PyObject *dtype = PyObject_GetAttrString(torch, name);
  bool made = dtype != NULL && make_probe(own, self, Py_BuildValue("(i)", 1),
                                          Py_BuildValue("(i)", 1), dtype);
  Py_XDECREF(dtype);
  return made;
}

static bool find_dtype(peek_layout *into, const probe *probes) {
  size_t found = 0;
  for (size_t at = 8; at + 2 <= probes[0].bytes; at++) {
    bool same = true;
    for (size_t i = 0; same && i < NUMBERED; i++) {
      uint16_t number;
      memcpy(&number, (const char *)probes[i].object + at, sizeof number);
      same = at + 2 <= probes[i].bytes && number == i;
    }
    if (!same) continue;
    into->dtype = at;
    found++;
  }
  return found == 1;
}

static void add_dtype(const launcher *own, peek_layout *into, const probe *typed) {
  dl_tensor view;
  uint16_t number;
  memcpy(&number, (const char *)typed->object + into->dtype, sizeof number);
  if (number >= PEEK_DTYPES || view_tensor(own, typed->tensor, DLPACK_CPU, &view) != ACCEPTED) return;
  into->dtypes[number] = view.dtype;
}

static bool find_dtypes(const launcher *own, peek_layout *into, PyObject *torch) {
  probe probes[NUMBERED + OTHERS] = {{0}};
  size_t made = 0;
  while (made < NUMBERED && make_typed(own, &probes[made], torch, numbered[made])) made++;
  bool ready = made == NUMBERED && find_dtype(into, probes);
  for (size_t i = 0; ready && i < OTHERS; i++) {
    if (make_typed(own, &probes[made], torch, others[i])) made++;
    PyErr_Clear();  // an older torch has fewer of them
  }
  for (size_t i = 0; i < made; i++) {
    if (ready) add_dtype(own, into, &probes[i]);
    Py_DECREF(probes[i].tensor);
  }
  return ready;
}

// Tensors made in inference mode have fewer keys.
static bool find_inference_keys(const launcher *own, peek_layout *into, PyObject *torch,
                                PyObject *dtype) {
  PyObject *mode = PyObject_CallMethod(torch, "inference_mode", NULL);
  PyObject *entered = mode == NULL ? NULL : PyObject_CallMethod(mode, "__enter__", NULL);
  probe made = {0};
  bool found = entered != NULL &&
               make_probe(own, &made, Py_BuildValue("(i)", 1), Py_BuildValue("(i)", 1), dtype) &&
               keys_of(made.tensor, &into->inference_keys) &&
               word(made.object, into->keys) == into->inference_keys;
  PyObject *left = entered == NULL ? NULL
                                   : PyObject_CallMethod(mode, "__exit__", "OOO", Py_None, Py_None,
                                                         Py_None);
  Py_XDECREF(mode);
  Py_XDECREF(entered);
  Py_XDECREF(left);
  Py_XDECREF(made.tensor);
  return found && left != NULL;
}

void prepare_peek(launcher *own) {
  peek_layout at = {0};
  probe large = {0}, small = {0};
  PyObject *torch = own->storages.known ? PyImport_ImportModule("torch") : NULL;
  PyObject *dtype = torch == NULL ? NULL : PyObject_GetAttrString(torch, "float32");
  at.known = dtype != NULL &&
             make_probe(own, &large, Py_BuildValue("(iiiii)", 3, 5, 7, 11, 13),
                        Py_BuildValue("(iiiii)", 2, 1, 4, 6, 9), dtype) &&
             make_probe(own, &small, Py_BuildValue("(ii)", 17, 19), Py_BuildValue("(ii)", 23, 1),
                        dtype) &&
             find_sizes(&at, &large, &small) && find_keys(&at, &large, &small) &&
             find_dtypes(own, &at, torch) && find_inference_keys(own, &at, torch, dtype) &&
             find_gradient(&at, &large, &small);
  own->peek = at;
  Py_XDECREF(large.tensor);
  Py_XDECREF(small.tensor);
  Py_XDECREF(dtype);
  Py_XDECREF(torch);
  PyErr_Clear();
}
