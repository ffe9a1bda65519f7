// Memory for transients. Each thread keeps as much as its largest launch needed, until it ends.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "launcher.h"

enum { KEPT_BYTES = 256 << 20, GRAIN = 4096 };

typedef struct {
  char *start;
  size_t size;
} block;

static _Thread_local struct {
  block transients, local;
  bool busy;
} mine;
static pthread_key_t at_thread_exit;
static bool prepared;
static atomic_size_t held;

static void drop_transients(void) {
  free(mine.transients.start);
  atomic_fetch_sub(&held, mine.transients.size);
  mine.transients = (block){NULL, 0};
}

static void drop_all(void *unused) {
  (void)unused;
  drop_transients();
  free(mine.local.start);
  mine.local = (block){NULL, 0};
}

bool prepare_arenas(void) {
  prepared = prepared || pthread_key_create(&at_thread_exit, drop_all) == 0;
  if (prepared) return true;  // a process may load the module several times
  PyErr_SetString(PyExc_RuntimeError, "launcher: too many kinds of thread-local memory");
  return false;
}

static block new_block(size_t size) {
  block made = {NULL, (size + GRAIN - 1) / GRAIN * GRAIN};
  made.start = aligned_alloc(ALIGNMENT, made.size);
  if (made.start == NULL) made.size = 0;
  pthread_setspecific(at_thread_exit, &mine);
  return made;
}

void *acquire_transients(size_t size) {
  if (mine.busy) return aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  if (mine.transients.size < size) {
    drop_transients();
    mine.transients = new_block(size);
    atomic_fetch_add(&held, mine.transients.size);
  }
  mine.busy = mine.transients.start != NULL;
  return mine.transients.start;
}

void release_transients(void *memory) {
  if (memory != mine.transients.start) {
    free(memory);
    return;
  }
  mine.busy = false;
  if (mine.transients.size > KEPT_BYTES) drop_transients();
}

void *local_memory(size_t size) {
  if (mine.local.size < size) {
    free(mine.local.start);
    mine.local = new_block(size);
  }
  return mine.local.start;
}

size_t transient_bytes(void) { return atomic_load(&held); }
