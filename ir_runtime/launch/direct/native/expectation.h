// What a remembered call expects of an argument, and makes of a result.
#ifndef IR_RUNTIME_EXPECTATION_H
#define IR_RUNTIME_EXPECTATION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "abi/dlpack.h"

typedef enum {
  EXPECT_ANY,
  EXPECT_TENSOR,
  EXPECT_SAME,
  EXPECT_INT,
  EXPECT_RANGE,
  EXPECT_FLOAT,
  EXPECT_TEXT,
  EXPECT_LIST
} kind;

typedef struct {
  kind what;
  dl_dtype dtype;     // of a tensor
  int32_t device;     // of a tensor: its number
  int32_t rank;       // of a tensor
  int64_t *shape;     // of a tensor: its sizes, then its strides if it is `strided`; NULL: any
  bool strided;       // whether the strides count
  PyObject *object;   // the value itself, or the type of a list
  int64_t integer;    // or the lowest one of a range
  int64_t highest;
  uint64_t bits;      // of a float
  Py_ssize_t length;  // of a list, whose items follow
} expectation;

typedef struct {
  PyObject *allocation;  // what its allocation is called with: shape, strides, dtype
  dl_dtype dtype;
  int32_t rank;
  int64_t *shape;
  uint64_t bytes;
} result;

#endif
