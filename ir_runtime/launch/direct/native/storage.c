// Checks that a tensor's storage holds the whole tensor: a storage may have been shrunk, and torch
// does not check that.
//
// Torch has no C interface for storages. The places of the fields are found once, by a search for
// known values in tensors made for it. If that fails, Python is asked for each tensor.
#include <string.h>

#include "launcher.h"

enum { MOST_WORDS = 12, PROBES = 3 };

static uintptr_t word(const void *from, size_t index) {
  uintptr_t value;
  memcpy(&value, (const char *)from + index * sizeof value, sizeof value);
  return value;
}

// Returns where a value lies in the words from 2 on, after an object's reference count and type;
// MOST_WORDS if nowhere, or at several places.
static size_t find_word(const void *from, size_t words, uintptr_t value) {
  size_t found = MOST_WORDS;
  for (size_t i = 1; i < words && i < MOST_WORDS; i++) {
    if (word(from, i) != value) continue;
    if (found != MOST_WORDS) return MOST_WORDS;
    found = i;
  }
  return found;
}

static bool ask(PyObject *object, const char *name, bool method, uintptr_t *out) {
  PyObject *value = method ? PyObject_CallMethod(object, name, NULL)
                           : PyObject_GetAttrString(object, name);
  if (value == NULL) return false;
  *out = (uintptr_t)PyLong_AsUnsignedLongLong(value);
  Py_DECREF(value);
  return !PyErr_Occurred();
}

typedef struct {
  uintptr_t tensor, storage, data, size;
} asked;

static bool ask_all(PyObject *tensor, asked *out) {
  PyObject *storage = PyObject_CallMethod(tensor, "untyped_storage", NULL);
  bool done = storage != NULL && ask(tensor, "_cdata", false, &out->tensor) &&
              ask(storage, "_cdata", false, &out->storage) &&
              ask(storage, "data_ptr", true, &out->data) &&
              ask(storage, "nbytes", true, &out->size);
  Py_XDECREF(storage);
  return done;
}

static bool find_layout(PyObject *tensor, storage_layout *out) {
  asked is;
  if (!ask_all(tensor, &is)) return false;
  size_t words = (size_t)Py_TYPE(tensor)->tp_basicsize / sizeof(uintptr_t);
  out->tensor = find_word(tensor, words, is.tensor);
  out->storage = find_word((void *)is.tensor, MOST_WORDS, is.storage);
  out->data = find_word((void *)is.storage, MOST_WORDS, is.data);
  out->size = find_word((void *)is.storage, MOST_WORDS, is.size);
  return out->tensor < MOST_WORDS && out->storage < MOST_WORDS && out->size < MOST_WORDS;
}

// The data's address may stand twice in a storage, as what is freed: the first place is meant.
static size_t first_word(const void *from, uintptr_t value) {
  for (size_t i = 1; i < MOST_WORDS; i++)
    if (word(from, i) == value) return i;
  return MOST_WORDS;
}

static bool same_layout(const storage_layout *one, const storage_layout *other) {
  return one->tensor == other->tensor && one->storage == other->storage &&
         one->data == other->data && one->size == other->size;
}

bool prepare_storages(launcher *own, PyObject *torch) {
  static const long sizes[PROBES] = {1000003, 65537, 300007};
  PyObject *empty = PyObject_GetAttrString(torch, "empty_strided");
  PyObject *dtype = PyObject_GetAttrString(torch, "uint8");
  bool ready = empty != NULL && dtype != NULL;
  for (int i = 0; ready && i < PROBES; i++) {
    PyObject *arguments = Py_BuildValue("((l)(i))", sizes[i], 1);
    PyObject *keywords = Py_BuildValue("{sO}", "dtype", dtype);
    PyObject *tensor = arguments && keywords ? PyObject_Call(empty, arguments, keywords) : NULL;
    storage_layout seen;
    asked is;
    ready = tensor != NULL && find_layout(tensor, &seen) && ask_all(tensor, &is);
    if (ready) seen.data = first_word((void *)is.storage, is.data);
    ready = ready && seen.data < MOST_WORDS;
    if (ready && i > 0) ready = same_layout(&seen, &own->storages);
    if (ready) own->storages = seen;
    Py_XDECREF(tensor);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
  }
  own->storages.known = ready;
  Py_XDECREF(dtype);
  Py_XDECREF(empty);
  PyErr_Clear();
  return true;
}

// Asks torch's own functions. No other Python code may run in between, neither a mode nor what the
// garbage collector finds: what has been seen of tensors would be out of date.
static refusal ask_quietly(const launcher *own, PyObject *tensor, asked *out) {
  if (check_modes(own) != ACCEPTED) return REFUSED_MODE;
  int collecting = PyGC_Disable();
  bool answered = ask_all(tensor, out);
  if (collecting) PyGC_Enable();
  if (!answered) PyErr_Clear();
  return answered ? ACCEPTED : REFUSED_STORAGE;
}

refusal check_memory(const launcher *own, const fact *seen) {
  asked is;
  if (seen->bytes == 0) return ACCEPTED;
  if (__builtin_expect(own->storages.known, 1)) {
    const storage_layout *at = &own->storages;
    const void *tensor = (const void *)word(seen->tensor, at->tensor);
    const void *storage = (const void *)word(tensor, at->storage);
    if (storage == NULL) return REFUSED_STORAGE;
    is.data = word(storage, at->data);
    is.size = word(storage, at->size);
  } else {
    refusal why = ask_quietly(own, seen->tensor, &is);
    if (why != ACCEPTED) return why;
  }
  uintptr_t start = (uintptr_t)seen->start;
  bool whole = start >= is.data && start - is.data <= is.size &&
               seen->bytes <= is.size - (start - is.data);
  return whole ? ACCEPTED : REFUSED_STORAGE;
}
