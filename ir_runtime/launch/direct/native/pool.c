// The threads of large launches: those of torch. The OpenMP library that torch uses is found at run
// time, and never linked, so that there is no second pool.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

#include "launcher.h"

thread_pool pool;

static bool watched, forked;
static _Thread_local bool counted;  // torch has set how many threads work begun here gets

static void mark_forked(void) { forked = true; }

static bool find_in(void *library, thread_pool *found) {
  *(void **)&found->parallel = dlsym(library, "GOMP_parallel");
  *(void **)&found->barrier = dlsym(library, "GOMP_barrier");
  *(void **)&found->max_threads = dlsym(library, "omp_get_max_threads");
  *(void **)&found->in_parallel = dlsym(library, "omp_in_parallel");
  *(void **)&found->thread = dlsym(library, "omp_get_thread_num");
  *(void **)&found->threads = dlsym(library, "omp_get_num_threads");
  return found->parallel && found->barrier && found->max_threads && found->in_parallel &&
         found->thread && found->threads;
}

bool find_pool(bool torch_has_openmp) {
  if (!watched && pthread_atfork(NULL, NULL, mark_forked) != 0) {
    PyErr_SetString(PyExc_RuntimeError, "launcher: cannot watch for forks");
    return false;
  }
  watched = true;  // a process may load the module several times
  if (!torch_has_openmp || pool.parallel != NULL) return true;
  thread_pool found;
  // Symbols bind to the global scope first, then to what the library itself asks for.
  if (find_in(RTLD_DEFAULT, &found)) {
    pool = found;
    return true;
  }
  void *torch = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  if (torch != NULL) {
    if (find_in(torch, &found)) pool = found;
    dlclose(torch);
  }
  return true;
}

int torch_threads(const launcher *own) {
  if (pool.parallel == NULL || forked) return 1;
  if (!counted) {
    PyObject *count = PyObject_CallNoArgs(own->thread_count);
    if (count == NULL) return -1;
    Py_DECREF(count);
    counted = true;
  }
  return pool.in_parallel() ? 1 : pool.max_threads();
}

int has_threads(const launcher *own, int count) {
  if (pool.parallel == NULL || forked || pool.in_parallel()) return 1;
  if (counted) return pool.max_threads() == count;
  int found = torch_threads(own);
  return found < 0 ? -1 : found == count;
}
