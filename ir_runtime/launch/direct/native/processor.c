// The features of the processor, for code in executables that asks for them.
//
// The bits are those of runtime/src/iree/schemas/cpu_feature_bits.inl in iree-org/iree, filled as
// IREE's runtime does, so that a kernel takes the same branches under both.
#include "launcher.h"

typedef struct {
  unsigned from, to;
} bit_copy;

static uint64_t copied(uint64_t source, const bit_copy *bits, size_t count) {
  uint64_t result = 0;
  for (size_t i = 0; i < count; i++) result |= (source >> bits[i].from & 1) << bits[i].to;
  return result;
}

#define COPIED(source, ...)                                   \
  copied((source), (const bit_copy[]){__VA_ARGS__},           \
         sizeof((const bit_copy[]){__VA_ARGS__}) / sizeof(bit_copy))

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct {
  unsigned a, b, c, d;
} registers;

static registers ask(unsigned leaf, unsigned part) {
  registers r = {0, 0, 0, 0};
  __get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d);
  return r;
}

void describe_processor(uint64_t fields[PROCESSOR_FIELDS]) {
  enum { YMM = 0x7, ZMM = 0xe7, TILES = 0x60000 };  // register files that the system saves
  registers basic = ask(1, 0), more = ask(7, 0), states = ask(0xd, 0), amd = ask(0x80000001u, 0);
  registers most = more.a >= 1 ? ask(7, 1) : (registers){0, 0, 0, 0};
  uint64_t bits = COPIED(basic.c, {0, 0}, {9, 1}, {19, 2}, {20, 3}) | COPIED(amd.c, {6, 4});
  if ((states.a & YMM) == YMM)
    bits |= COPIED(basic.c, {28, 10}, {12, 11}, {29, 14}) | COPIED(amd.c, {16, 12}, {11, 13}) |
            COPIED(more.b, {5, 15});
  if ((states.a & ZMM) == ZMM)
    bits |= COPIED(more.b, {16, 20}, {28, 21}, {31, 22}, {17, 23}, {30, 24}, {21, 25}) |
            COPIED(more.c, {1, 26}, {14, 27}, {11, 28}, {6, 29}, {12, 30}) |
            COPIED(most.a, {5, 31}) | COPIED(more.d, {23, 32});
  if ((states.a & TILES) == TILES) bits |= COPIED(more.d, {24, 50}, {25, 51}, {22, 52});
  fields[0] = bits;
}

#else
#include <sys/auxv.h>

void describe_processor(uint64_t fields[PROCESSOR_FIELDS]) {
  fields[0] = COPIED(getauxval(AT_HWCAP), {0, 0}, {8, 1}, {10, 10}, {23, 11}, {20, 12}, {22, 20}) |
              COPIED(getauxval(AT_HWCAP2), {13, 13}, {14, 14}, {1, 21}, {36, 22}, {4, 23},
                     {10, 24}, {11, 25}, {23, 30}, {37, 31}, {38, 32}, {42, 33}, {25, 34},
                     {24, 35});
}

#endif
