// Where torch keeps what the launcher reads of tensors without asking torch.
#ifndef IR_RUNTIME_LAYOUT_H
#define IR_RUNTIME_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/dlpack.h"

// Where torch keeps the fields of a storage, in words: in the object, the tensor, and its storage.
typedef struct {
  size_t tensor, storage, data, size;
  bool known;
} storage_layout;

enum { PEEK_DTYPES = 64 };

// Where torch keeps the fields of a tensor: in words of its object, the dtype in bytes.
typedef struct {
  size_t keys, gradient, rank;  // sizes and strides follow the rank
  size_t dtype;
  uint64_t plain_keys, inference_keys;  // the dispatch keys of plain tensors
  dl_dtype dtypes[PEEK_DTYPES];         // by torch's number; without bits where unknown
  bool known;
} peek_layout;

#endif
