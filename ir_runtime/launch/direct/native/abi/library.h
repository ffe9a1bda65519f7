// The layout of a compiled executable in memory: version 6 of IREE's executable library.
//
// The layout is that of runtime/src/iree/hal/local/executable_library.h in iree-org/iree (Apache
// License v2.0 with LLVM Exceptions), declared here again with only the parts that a launch needs.
#ifndef IR_RUNTIME_LIBRARY_ABI_H
#define IR_RUNTIME_LIBRARY_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
  LIBRARY_VERSION = 6,
  LOCAL_MEMORY_PAGE = 4096,
  MAX_CONSTANTS = 64,
  MAX_BINDINGS = 64,
  PROCESSOR_FIELDS = 8,
};

// A library is not asked for more than a launch can give: other flags are refused.
enum { KNOWN_DISPATCH_FLAGS = 3 };

#define LIBRARY_QUERY_SYMBOL "iree_hal_executable_library_query"

typedef struct {
  uint32_t version;
  const char *name;
  uint32_t features;
  int32_t sanitizer;
} library_header;

typedef int (*import_function)(void *parameters, void *context, void *reserved);
typedef int (*import_thunk)(import_function function, void *parameters, void *context,
                            void *reserved);

typedef struct {
  const uint32_t *constants;
  import_thunk thunk;
  const import_function *imports;
  const void **import_contexts;
  uint64_t processor[PROCESSOR_FIELDS];
} library_environment;

typedef struct {
  uint32_t workgroup_size_x, workgroup_size_y;
  uint16_t workgroup_size_z;
  uint16_t constant_count;
  uint32_t workgroup_count_x, workgroup_count_y;
  uint16_t workgroup_count_z;
  uint8_t max_concurrency;
  uint8_t binding_count;
  const uint32_t *constants;
  void *const *bindings;
  const size_t *binding_lengths;
} dispatch_state;

typedef struct {
  uint32_t x, y;
  uint16_t z;
  uint16_t reserved;
  uint32_t processor_id;
  void *local_memory;
  uint32_t local_memory_size;
} workgroup_state;

typedef int (*dispatch_function)(const library_environment *, const dispatch_state *,
                                 const workgroup_state *);

typedef struct {
  uint64_t flags;
  uint16_t local_memory_pages;
  uint8_t constant_count;
  uint8_t binding_count;
  uint32_t workgroup_size_x, workgroup_size_y;
  uint16_t workgroup_size_z;
  uint16_t parameter_count;
  uint64_t reserved[5];
} dispatch_attributes;

typedef struct {
  const library_header *header;
  struct {
    uint32_t count;
    const char *const *symbols;
  } imports;
  struct {
    uint32_t count;
    const dispatch_function *functions;
    const dispatch_attributes *attributes;
    const void *parameters;
    const void *occupancy;
    const char *const *names;
    const void *tags;
    const void *parameter_names;
    const void *source_locations;
    const void *stage_locations;
  } exports;
  struct {
    uint32_t count;
  } constants;
} library_v0;

typedef const library_header **(*library_query)(uint32_t max_version,
                                                const library_environment *environment);

static_assert(sizeof(library_environment) == 96, "as the compiler lays it out");
static_assert(sizeof(dispatch_state) == 48, "as the compiler lays it out");
static_assert(sizeof(workgroup_state) == 32, "as the compiler lays it out");
static_assert(sizeof(dispatch_attributes) == 64, "as the compiler lays it out");
static_assert(offsetof(library_v0, constants) == 104, "as the compiler lays it out");

#endif
