// A driver of GPUs that runs nothing: it writes down each call, and fails where a test says so.
//
// Device memory is the host's: fills and copies are done. An image is text with PTX's entries, from
// which the parameters of a kernel are known.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/dlpack.h"

enum { MOST_DEVICES = 8, MOST_PARAMETERS = 128, MOST_CAPTURES = 16, MOST_RANGES = 4096 };

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char *text;
static size_t used, room;
static int next_thread;
static _Thread_local int thread_number = -1;
static _Thread_local void *context;
static _Thread_local int device;
static _Thread_local int mode;
static char failing[64];
static int countdown, failure;
static void *captured[MOST_CAPTURES];
static int delay_us, streams_hidden;

static int of_thread(void) {
  if (thread_number < 0) thread_number = next_thread++;
  return thread_number;
}

static void put(const char *format, va_list values) {
  char line[4096];
  int size = vsnprintf(line, sizeof line - 1, format, values);
  if (size > (int)sizeof line - 2) size = sizeof line - 2;
  line[size++] = '\n';
  if (used + (size_t)size + 1 > room) text = realloc(text, room = 2 * (room + (size_t)size + 1));
  memcpy(text + used, line, (size_t)size);
  text[used += (size_t)size] = 0;
}

// Writes a call down, and returns what it is to return.
static int record(const char *name, const char *format, ...) {
  char whole[256];
  pthread_mutex_lock(&guard);
  snprintf(whole, sizeof whole, "%s thread=%d context=%ld %s", name, of_thread(),
           context == NULL ? (long)-1 : (long)(uintptr_t)context - 0x1000, format);
  va_list values;
  va_start(values, format);
  put(whole, values);
  va_end(values);
  bool fails = strcmp(name, failing) == 0 && --countdown == 0;
  if (fails) failing[0] = 0;
  int code = fails ? failure : 0;
  pthread_mutex_unlock(&guard);
  return code;
}

// --- for tests ---

void recorder_note(const char *what) { record("note", "%s", what); }

char *recorder_take(void) {
  pthread_mutex_lock(&guard);
  char *taken = text == NULL ? strdup("") : text;
  text = NULL;
  used = room = 0;
  pthread_mutex_unlock(&guard);
  return taken;
}

void recorder_free(char *taken) { free(taken); }

void recorder_fail(const char *name, int nth, int code) {
  pthread_mutex_lock(&guard);
  snprintf(failing, sizeof failing, "%s", name);
  countdown = nth;
  failure = code;
  pthread_mutex_unlock(&guard);
}

void recorder_capture(void *stream, int begins) {
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MOST_CAPTURES; i++)
    if (begins ? captured[i] == NULL : captured[i] == stream) {
      captured[i] = begins ? stream : NULL;
      break;
    }
  pthread_mutex_unlock(&guard);
}

void recorder_set_context(int number) {
  context = number < 0 ? NULL : (void *)(uintptr_t)(0x1000 + number);
  device = number < 0 ? 0 : number;
}

int recorder_context(void) {
  return context == NULL ? -1 : (int)((uintptr_t)context - 0x1000);
}

int recorder_device(void) { return device; }

void recorder_slow_loads(int us) { delay_us = us; }

static int is_capturing(void *stream) {
  for (int i = 0; i < MOST_CAPTURES; i++)
    if (captured[i] != NULL && captured[i] == stream) return 1;
  return 0;
}

// --- modules ---

typedef struct kernel {
  char name[256];
  int count;
  int sizes[MOST_PARAMETERS];
  struct kernel *next;
} kernel;

typedef struct {
  kernel *kernels;
  bool live;
} module;

static kernel *read_kernel(const char *at) {
  kernel *made = calloc(1, sizeof *made);
  size_t length = strcspn(at, "( \n");
  memcpy(made->name, at, length < sizeof made->name ? length : sizeof made->name - 1);
  const char *begin = strchr(at, '('), *end = begin == NULL ? NULL : strchr(begin, ')');
  for (const char *p = begin; p != NULL && (p = strstr(p, ".param")) != NULL && p < end; p++) {
    const char *type = p + strlen(".param");
    while (*type == ' ') type++;
    if (strncmp(type, ".align", 6) == 0) type = strchr(type + 1, '.');
    made->sizes[made->count++] = strncmp(type + 2, "64", 2) == 0 ? 8 : 4;
  }
  return made;
}

static int load(const char *name, void **out, const char *image) {
  if (delay_us > 0) {
    struct timespec wait = {0, delay_us * 1000L};
    nanosleep(&wait, NULL);
  }
  int code = record(name, "mode=%d bytes=%zu", mode, strlen(image));
  if (code != 0) return code;
  module *made = calloc(1, sizeof *made);
  made->live = true;
  for (const char *p = image; (p = strstr(p, ".entry ")) != NULL;) {
    kernel *each = read_kernel(p += strlen(".entry "));
    each->next = made->kernels;
    made->kernels = each;
  }
  *out = made;
  return 0;
}

static int unload(const char *name, void *object) {
  int code = record(name, "mode=%d live=%d", mode, ((module *)object)->live);
  ((module *)object)->live = false;  // its memory stays, so that a use of it is seen
  return code;
}

static int find(const char *call, void **out, void *object, const char *name) {
  int code = record(call, "%s", name);
  *out = NULL;
  for (kernel *each = ((module *)object)->kernels; each != NULL; each = each->next)
    if (strcmp(each->name, name) == 0) *out = each;
  if (code != 0) return code;
  return *out == NULL ? 500 : 0;
}

static int launch(const char *name, void *function, const unsigned *grid, const unsigned *block,
                  unsigned shared, void *stream, void **parameters) {
  kernel *what = function;
  char bytes[MOST_PARAMETERS * 17 + 1] = "";
  size_t at = 0;
  for (int i = 0; i < what->count; i++) {
    for (int j = what->sizes[i] - 1; j >= 0; j--)
      at += (size_t)sprintf(bytes + at, "%02x", ((unsigned char *)parameters[i])[j]);
    bytes[at++] = ',';
    bytes[at] = 0;
  }
  int code = record(name, "%s grid=%u,%u,%u block=%u,%u,%u shared=%u stream=%ld parameters=%s",
                    what->name, grid[0], grid[1], grid[2], block[0], block[1], block[2], shared,
                    (long)(uintptr_t)stream, bytes);
  if (code != 0) return code;
  if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0) return 1;  // as drivers do
  return 0;
}

// --- the driver of CUDA ---

int cuInit(unsigned flags) { return record("cuInit", "%u", flags); }
int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
int cuGetErrorName(int code, const char **name) {
  static const char *const known[] = {[2] = "CUDA_ERROR_OUT_OF_MEMORY",
                                      [1] = "CUDA_ERROR_INVALID_VALUE"};
  *name = code == 222   ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
          : code == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : code == 500 ? "CUDA_ERROR_NOT_FOUND"
          : code == 900 ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
          : code == 209 ? "CUDA_ERROR_NO_BINARY_FOR_GPU"
          : code == 1 || code == 2 ? known[code]
                                   : "CUDA_ERROR_UNKNOWN";
  return 0;
}
int cuGetErrorString(int code, const char **words) {
  static _Thread_local char said[32];
  snprintf(said, sizeof said, "error %d", code);
  *words = said;
  return 0;
}
int cuDeviceGet(int *out, int ordinal) {
  *out = ordinal;
  return ordinal < MOST_DEVICES ? record("cuDeviceGet", "%d", ordinal) : 101;
}
int cuDevicePrimaryCtxRetain(void **out, int of) {
  *out = (void *)(uintptr_t)(0x1000 + of);
  return record("cuDevicePrimaryCtxRetain", "%d", of);
}
int cuCtxGetCurrent(void **out) { return *out = context, record("cuCtxGetCurrent", ""); }
int cuCtxSetCurrent(void *to) {
  int code = record("cuCtxSetCurrent", "%ld", to == NULL ? (long)-1 : (long)(uintptr_t)to - 0x1000);
  if (code == 0) context = to;
  return code;
}
int cuModuleLoadDataEx(void **out, const void *image, unsigned count, int *options, void **values) {
  int code = load("cuModuleLoadDataEx", out, image);
  if (code != 0 && count == 2 && options[0] == 5 && options[1] == 6)
    snprintf(values[0], (size_t)values[1], "ptxas: line 1; \xff");
  return code;
}
int cuModuleUnload(void *object) { return unload("cuModuleUnload", object); }
int cuModuleGetFunction(void **out, void *object, const char *name) {
  return find("cuModuleGetFunction", out, object, name);
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  return record("cuFuncSetAttribute", "%s %d %d", ((kernel *)function)->name, attribute, value);
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **parameters, void **extra) {
  (void)extra;
  return launch("cuLaunchKernel", function, (unsigned[]){gx, gy, gz}, (unsigned[]){bx, by, bz},
                shared, stream, parameters);
}
int cuStreamIsCapturing(void *stream, int *status) {
  return *status = is_capturing(stream), record("cuStreamIsCapturing", "%ld", (long)(uintptr_t)stream);
}
int cuThreadExchangeStreamCaptureMode(int *with) {
  int before = mode;
  mode = *with;
  *with = before;
  return 0;
}

static int fill(const char *name, uintptr_t target, const void *value, size_t size, size_t count,
                void *stream) {
  int code = record(name, "%zu stream=%ld", count, (long)(uintptr_t)stream);
  for (size_t i = 0; code == 0 && i < count; i++) memcpy((char *)target + i * size, value, size);
  return code;
}
static int copy(const char *name, uintptr_t target, uintptr_t source, size_t size, void *stream) {
  int code = record(name, "%zu stream=%ld", size, (long)(uintptr_t)stream);
  if (code == 0) memcpy((void *)target, (void *)source, size);
  return code;
}
int cuMemsetD8Async(uintptr_t t, unsigned char v, size_t n, void *s) {
  return fill("cuMemsetD8Async", t, &v, 1, n, s);
}
int cuMemsetD16Async(uintptr_t t, unsigned short v, size_t n, void *s) {
  return fill("cuMemsetD16Async", t, &v, 2, n, s);
}
int cuMemsetD32Async(uintptr_t t, unsigned v, size_t n, void *s) {
  return fill("cuMemsetD32Async", t, &v, 4, n, s);
}
int cuMemcpyDtoDAsync_v2(uintptr_t t, uintptr_t f, size_t n, void *s) {
  return copy("cuMemcpyDtoDAsync", t, f, n, s);
}

// --- the driver of HIP ---

int hipInit(unsigned flags) { return record("hipInit", "%u", flags); }
int hipDriverGetVersion(int *version) { return *version = 60000000, 0; }
const char *hipGetErrorName(int code) { return code == 2 ? "hipErrorOutOfMemory" : "hipErrorUnknown"; }
const char *hipGetErrorString(int code) { return code == 2 ? "out of memory" : "unknown error"; }
int hipGetDevice(int *out) { return *out = device, record("hipGetDevice", ""); }
int hipSetDevice(int to) {
  int code = record("hipSetDevice", "%d", to);
  if (code == 0) device = to;
  return code;
}
int hipModuleLoadDataEx(void **out, const void *image, unsigned count, int *options, void **values) {
  (void)count, (void)options, (void)values;
  return load("hipModuleLoadDataEx", out, image);
}
int hipModuleUnload(void *object) { return unload("hipModuleUnload", object); }
int hipModuleGetFunction(void **out, void *object, const char *name) {
  return find("hipModuleGetFunction", out, object, name);
}
int hipModuleLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                          unsigned by, unsigned bz, unsigned shared, void *stream,
                          void **parameters, void **extra) {
  (void)extra;
  return launch("hipModuleLaunchKernel", function, (unsigned[]){gx, gy, gz},
                (unsigned[]){bx, by, bz}, shared, stream, parameters);
}
int hipStreamIsCapturing(void *stream, int *status) {
  return *status = is_capturing(stream), record("hipStreamIsCapturing", "%ld", (long)(uintptr_t)stream);
}
int hipThreadExchangeStreamCaptureMode(int *with) {
  return cuThreadExchangeStreamCaptureMode(with);
}
int hipMemsetD8Async(uintptr_t t, unsigned char v, size_t n, void *s) {
  return fill("hipMemsetD8Async", t, &v, 1, n, s);
}
int hipMemsetD16Async(uintptr_t t, unsigned short v, size_t n, void *s) {
  return fill("hipMemsetD16Async", t, &v, 2, n, s);
}
int hipMemsetD32Async(uintptr_t t, int v, size_t n, void *s) {
  return fill("hipMemsetD32Async", t, &v, 4, n, s);
}
int hipMemcpyDtoDAsync(uintptr_t t, uintptr_t f, size_t n, void *s) {
  return copy("hipMemcpyDtoDAsync", t, f, n, s);
}

// --- torch's view of device memory ---

static const dl_exchange *real;
static dl_exchange seen;
static int32_t kind;
static struct {
  uintptr_t begin, end;
  int32_t device;
} ranges[MOST_RANGES];
static _Thread_local void *streams[MOST_DEVICES];

void recorder_add_memory(uintptr_t begin, size_t size, int of) {
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MOST_RANGES; i++)
    if (ranges[i].end == 0) {
      ranges[i].begin = begin;
      ranges[i].end = begin + (size ? size : 1);
      ranges[i].device = of;
      break;
    }
  pthread_mutex_unlock(&guard);
}

void recorder_remove_memory(uintptr_t begin) {
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MOST_RANGES; i++)
    if (ranges[i].end != 0 && ranges[i].begin == begin) {
      ranges[i].end = 0;
      break;
    }
  pthread_mutex_unlock(&guard);
}

void recorder_set_stream(int of, void *stream) { streams[of] = stream; }

void recorder_hide_streams(int hidden) { streams_hidden = hidden; }

static int describe(void *object, dl_tensor *out) {
  int code = real->describe(object, out);
  if (code != 0) return code;
  uintptr_t data = (uintptr_t)out->data;
  pthread_mutex_lock(&guard);
  for (int i = 0; i < MOST_RANGES; i++)
    if (ranges[i].end != 0 && data >= ranges[i].begin && data < ranges[i].end) {
      out->device_type = kind;
      out->device_id = ranges[i].device;
      break;
    }
  pthread_mutex_unlock(&guard);
  return 0;
}

static int current_stream(int32_t type, int32_t of, void **stream) {
  if (type == DLPACK_CPU) return real->current_stream(type, of, stream);
  *stream = streams[of];
  return streams_hidden ? -1 : 0;
}

const void *recorder_exchange(const dl_exchange *torchs, int of_kind) {
  real = torchs;
  kind = of_kind;
  seen = *torchs;
  seen.describe = describe;
  seen.current_stream = current_stream;
  return &seen;
}
