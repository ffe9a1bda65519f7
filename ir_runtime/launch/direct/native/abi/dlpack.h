// Torch's description of a tensor for C: DLPack 1.x, with its exchange table.
//
// The layout is that of include/dlpack/dlpack.h in dmlc/dlpack (Apache License 2.0), declared here
// again with only the parts that a launch needs.
#ifndef IR_RUNTIME_DLPACK_ABI_H
#define IR_RUNTIME_DLPACK_ABI_H

#include <stdint.h>

enum { DLPACK_MAJOR = 1, DLPACK_CPU = 1, DLPACK_CUDA = 2, DLPACK_ROCM = 10 };

#define DLPACK_EXCHANGE_CAPSULE "dlpack_exchange_api"

typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} dl_dtype;

typedef struct {
  void *data;
  int32_t device_type, device_id;
  int32_t rank;
  dl_dtype dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} dl_tensor;

typedef struct {
  uint32_t major, minor;
  const void *previous;
  void *allocate;
  void *export_owned;
  void *import_owned;
  int (*describe)(void *object, dl_tensor *description);  // valid while the tensor is unchanged
  int (*current_stream)(int32_t device_type, int32_t device_id, void **stream);
} dl_exchange;

#endif
