// Loads a compiled executable into this process.
//
// For a path that it has seen, the C library returns the old library, even if the file has changed.
// So each load has its own path: an anonymous file, or a temporary file where anonymous files are
// forbidden or must not be executed. The temporary file has no name, so that a killed process
// leaves nothing behind; it has a name only where the file system supports no other files.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

#if defined(__x86_64__)
enum { HOST_MACHINE = EM_X86_64 };
#define HOST_NAME "x86-64"
#elif defined(__aarch64__)
enum { HOST_MACHINE = EM_AARCH64 };
#define HOST_NAME "aarch64"
#else
#error "the launcher runs on x86-64 and aarch64"
#endif

static atomic_uint serial;

enum { REASON_SIZE = 512, PATH_SIZE = 512 };

// The loader believes what an ELF file says of its size, and dies of a truncated one.
static const char *elf_fault(const unsigned char *elf, size_t size) {
  Elf64_Ehdr header;
  if (size < sizeof header || memcmp(elf, ELFMAG, SELFMAG) != 0)
    return "not an ELF file, must be one";
  memcpy(&header, elf, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != HOST_MACHINE)
    return "an ELF file for another machine, must be for " HOST_NAME;
  if (header.e_type != ET_DYN) return "an ELF file of another type, must be a shared object";
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size ||
      header.e_phnum > (size - header.e_phoff) / sizeof(Elf64_Phdr))
    return "a truncated ELF file, must be whole";
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    memcpy(&segment, elf + header.e_phoff + i * sizeof segment, sizeof segment);
    bool read = segment.p_type == PT_LOAD || segment.p_type == PT_DYNAMIC;
    if (read && (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
      return "a truncated ELF file, must be whole";
  }
  return NULL;
}

static bool write_all(int file, const char *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= (size_t)written;
  }
  return true;
}

static void note(char *reasons, const char *where, const char *reason) {
  size_t used = strlen(reasons);
  snprintf(reasons + used, REASON_SIZE - used, "%s%s: %s", used ? "; " : "", where, reason);
}

static void *open_path(const char *path, const char *where, char *reasons) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) note(reasons, where, dlerror());
  return handle;
}

// The number of a descriptor is used again, so that its path is made unique by the steps in it.
static void unique_descriptor_path(char *path, size_t size, int file) {
  unsigned bits = atomic_fetch_add(&serial, 1);
  char steps[2 * 8 * sizeof bits + 1];
  for (size_t i = 0; i < 8 * sizeof bits; i++) {
    steps[2 * i] = '/';
    steps[2 * i + 1] = bits >> i & 1 ? '.' : '/';
  }
  steps[sizeof steps - 1] = 0;
  snprintf(path, size, "/proc/self/fd%s/%d", steps, file);
}

static void *load_anonymous(const char *name, const char *elf, size_t size, char *reasons) {
  int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) {
    note(reasons, "memfd_create", strerror(errno));
    return NULL;
  }
  void *handle = NULL;
  if (write_all(file, elf, size)) {
    char path[PATH_SIZE];
    unique_descriptor_path(path, sizeof path, file);
    handle = open_path(path, "memfd_create", reasons);
  } else {
    note(reasons, "memfd_create", strerror(errno));
  }
  close(file);
  return handle;
}

static void *load_nameless(const char *root, const char *elf, size_t size) {
  int file = open(root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return NULL;
  void *handle = NULL;
  if (write_all(file, elf, size)) {
    char path[PATH_SIZE];
    unique_descriptor_path(path, sizeof path, file);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  close(file);
  return handle;
}

static void *load_temporary(const char *root, const char *elf, size_t size, char *reasons) {
  void *nameless = load_nameless(root, elf, size);
  if (nameless != NULL) return nameless;
  char path[PATH_SIZE];
  unsigned number = atomic_fetch_add(&serial, 1);
  int length = snprintf(path, sizeof path, "%s/ir-runtime-%ld-%u-XXXXXX", root, (long)getpid(),
                        number);
  if (length >= (int)sizeof path) {
    note(reasons, root, "the path is too long");
    return NULL;
  }
  int file = mkostemp(path, O_CLOEXEC);  // readable by this user only
  if (file < 0) {
    note(reasons, root, strerror(errno));
    return NULL;
  }
  void *handle = NULL;
  if (write_all(file, elf, size))
    handle = open_path(path, root, reasons);
  else
    note(reasons, root, strerror(errno));
  close(file);
  unlink(path);
  return handle;
}

void *load_library(const char *name, const char *elf, Py_ssize_t size) {
  const char *fault = elf_fault((const unsigned char *)elf, (size_t)size);
  if (fault != NULL) {
    PyErr_Format(PyExc_ValueError, "executable %s: %s", name, fault);
    return NULL;
  }
  char reasons[REASON_SIZE] = "";
  char label[200];
  snprintf(label, sizeof label, "ir-runtime-%s", name);
  const char *roots[] = {getenv("TMPDIR"), "/tmp", getenv("XDG_RUNTIME_DIR"), "/dev/shm"};
  void *handle;
  Py_BEGIN_ALLOW_THREADS
  handle = load_anonymous(label, elf, (size_t)size, reasons);
  for (size_t i = 0; handle == NULL && i < sizeof roots / sizeof *roots; i++)
    if (roots[i] != NULL && *roots[i])
      handle = load_temporary(roots[i], elf, (size_t)size, reasons);
  Py_END_ALLOW_THREADS
  if (handle == NULL)
    PyErr_Format(PyExc_ValueError, "executable %s: cannot be loaded (%s)", name, reasons);
  return handle;
}
