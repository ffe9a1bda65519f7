"""The host's CPU as a compiler target: LLVM's triple, CPU name and features.

The target is part of the key of each CPU kernel. It is found without the compiler, since machines
without a compiler look up stored kernels by it.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Mapping
from pathlib import Path

from ir_runtime.frozen import frozen

__all__ = [
    "ARM_EXTRA",
    "X86_EXTRA",
    "X86_LEVELS",
    "CpuTarget",
    "cpu_target_from_flags",
    "host_cpu_target",
]

_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_XFEATURE_XTILEDATA = 18

# Kernel flag (in /proc/cpuinfo) -> LLVM feature, by the x86-64 psABI level that brings it.
X86_LEVELS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "x86-64-v2",
        {
            "cx16": "cx16",
            "lahf_lm": "sahf",
            "popcnt": "popcnt",
            "pni": "sse3",
            "sse4_1": "sse4.1",
            "sse4_2": "sse4.2",
            "ssse3": "ssse3",
        },
    ),
    (
        "x86-64-v3",
        {
            "avx": "avx",
            "avx2": "avx2",
            "bmi1": "bmi",
            "bmi2": "bmi2",
            "f16c": "f16c",
            "fma": "fma",
            "abm": "lzcnt",
            "movbe": "movbe",
            "xsave": "xsave",
        },
    ),
    (
        "x86-64-v4",
        {
            "avx512f": "avx512f",
            "avx512bw": "avx512bw",
            "avx512cd": "avx512cd",
            "avx512dq": "avx512dq",
            "avx512vl": "avx512vl",
        },
    ),
)
# Features that no level includes, and that change the code of tensor kernels.
X86_EXTRA: Mapping[str, str] = {
    "avx_vnni": "avxvnni",
    "avx512_vnni": "avx512vnni",
    "avx512_bf16": "avx512bf16",
    "avx512_fp16": "avx512fp16",
    "avx512ifma": "avx512ifma",
    "avx512vbmi": "avx512vbmi",
    "avx512_vbmi2": "avx512vbmi2",
    "avx512_bitalg": "avx512bitalg",
    "avx512_vpopcntdq": "avx512vpopcntdq",
    "amx_tile": "amx-tile",
    "amx_bf16": "amx-bf16",
    "amx_int8": "amx-int8",
    "gfni": "gfni",
}
ARM_EXTRA: Mapping[str, str] = {
    "asimddp": "dotprod",
    "asimdhp": "fullfp16",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "sve2": "sve2",
}


@frozen
class CpuTarget:
    """A concrete CPU to compile for.

    Attributes:
        triple: LLVM target triple, such as `x86_64-unknown-linux-eabi-elf`.
        cpu: LLVM CPU name: a psABI level on x86-64, `generic` elsewhere.
        features: LLVM features beyond `cpu`, sorted, each with its `+`.
    """

    triple: str
    cpu: str
    features: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Compiler flags that select this CPU."""
        features = (
            (f"--iree-llvmcpu-target-cpu-features={','.join(self.features)}",)
            if self.features
            else ()
        )
        return (
            f"--iree-llvmcpu-target-triple={self.triple}",
            f"--iree-llvmcpu-target-cpu={self.cpu}",
            *features,
        )


def cpu_target_from_flags(machine: str, flags: frozenset[str]) -> CpuTarget:
    """Choose the target for a machine name (`x86_64`, `aarch64`) and its `/proc/cpuinfo` flags."""
    if machine in ("x86_64", "AMD64"):
        return _x86_target(flags)
    if machine in ("aarch64", "arm64"):
        extra = tuple(sorted(f"+{llvm}" for flag, llvm in ARM_EXTRA.items() if flag in flags))
        return CpuTarget("aarch64-unknown-linux-eabi-elf", "generic", extra)
    return CpuTarget(f"{machine}-unknown-linux-eabi-elf", "generic")


def _x86_target(flags: frozenset[str]) -> CpuTarget:
    cpu = "x86-64"
    features: set[str] = set()
    complete = True
    # A level counts if all lower ones are complete. Features of other levels are listed one by one.
    for level, needed in X86_LEVELS:
        complete = complete and needed.keys() <= flags
        if complete:
            cpu = level
        else:
            features.update(llvm for flag, llvm in needed.items() if flag in flags)
    features.update(llvm for flag, llvm in X86_EXTRA.items() if flag in flags)
    return CpuTarget(
        "x86_64-unknown-unknown-eabi-elf", cpu, tuple(sorted(f"+{f}" for f in features))
    )


@functools.cache
def host_cpu_target() -> CpuTarget:
    """Return the target of the machine that this process runs on.

    The kernel of the operating system grants AMX to a process that asks for it; code with AMX
    kills a process without that. So the first call asks. If it is refused, the target has no AMX,
    and no key of this process has it.
    """
    flags = _host_flags()
    if "amx_tile" in flags and not _request_amx():
        flags = frozenset(flag for flag in flags if not flag.startswith("amx_"))
    return cpu_target_from_flags(platform.machine(), flags)


def _request_amx() -> bool:
    """Ask Linux for the tile registers, for all threads of this process; return whether it agrees.

    It refuses where a thread's alternate signal stack is too small to save them.
    """
    try:
        syscall = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return False
    return syscall(_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA) == 0


def _host_flags() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()
