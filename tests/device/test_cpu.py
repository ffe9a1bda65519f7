"""Is a host's CPU reduced to the concrete target that a cache key can name?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ir_runtime.device import Device, cpu
from ir_runtime.device.cpu import CpuTarget, cpu_target_from_flags, host_cpu_target
from ir_runtime.device.machine import this_machine

V2 = frozenset(["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"])
V3 = V2 | frozenset(["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"])
V4 = V3 | frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
X86 = "x86_64-unknown-unknown-eabi-elf"
ARM = "aarch64-unknown-linux-eabi-elf"


@pytest.mark.parametrize(
    ("flags", "cpu"),
    [(frozenset(), "x86-64"), (V2, "x86-64-v2"), (V3, "x86-64-v3"), (V4, "x86-64-v4")],
    ids=["none", "v2", "v3", "v4"],
)
def test_full_flag_set_of_a_level_is_that_level_alone(flags: frozenset[str], cpu: str) -> None:
    assert cpu_target_from_flags("x86_64", flags) == CpuTarget(X86, cpu, ())


@pytest.mark.parametrize(("flags", "cpu"), [(V3, "x86-64-v2"), (V4, "x86-64-v2")])
def test_level_with_a_flag_missing_is_not_claimed(flags: frozenset[str], cpu: str) -> None:
    target = cpu_target_from_flags("x86_64", flags - {"fma"})
    assert target.cpu == cpu
    assert "+fma" not in target.features


def test_partial_avx512_names_only_what_is_there() -> None:
    target = cpu_target_from_flags("x86_64", V3 | {"avx512f", "avx512vl"})
    assert target == CpuTarget(X86, "x86-64-v3", ("+avx512f", "+avx512vl"))


def test_features_beyond_the_level_are_sorted_and_in_llvm_names() -> None:
    target = cpu_target_from_flags("x86_64", V4 | {"avx512_vnni", "amx_tile", "avx512_bf16"})
    assert target.features == ("+amx-tile", "+avx512bf16", "+avx512vnni")


def test_flags_that_change_no_kernel_do_not_change_the_target() -> None:
    assert cpu_target_from_flags("x86_64", V4 | {"hypervisor", "svm"}) == CpuTarget(
        X86, "x86-64-v4", ()
    )


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_arm_names_its_extensions_on_a_generic_core(machine: str) -> None:
    target = cpu_target_from_flags(machine, frozenset({"asimddp", "sve", "fp"}))
    assert target == CpuTarget(ARM, "generic", ("+dotprod", "+sve"))


def test_unknown_machine_gets_a_generic_core() -> None:
    assert cpu_target_from_flags("riscv64", frozenset({"v"})) == CpuTarget(
        "riscv64-unknown-linux-eabi-elf", "generic", ()
    )


def test_target_becomes_three_compiler_flags() -> None:
    assert CpuTarget(X86, "x86-64-v3", ("+a", "+b")).flags == (
        f"--iree-llvmcpu-target-triple={X86}",
        "--iree-llvmcpu-target-cpu=x86-64-v3",
        "--iree-llvmcpu-target-cpu-features=+a,+b",
    )


def test_target_without_features_has_no_feature_flag() -> None:
    assert len(CpuTarget(ARM, "generic").flags) == 2


def test_device_type_spells_out_the_cpu_of_this_host() -> None:
    key = Device("local-sync").type_cache_key
    assert "host" not in key
    assert all(flag in key for flag in host_cpu_target().flags)


def test_both_local_drivers_share_binaries() -> None:
    assert Device("local-sync").type_cache_key == Device("local-task").type_cache_key


@pytest.fixture
def amx_answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """On a machine with AMX, the answers of its Linux to requests; the first is `True`."""
    answers = [True]
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpu, "_host_flags", lambda: V4 | {"amx_tile", "amx_bf16", "amx_int8"})
    monkeypatch.setattr(cpu, "_request_amx", lambda: answers.pop(0))
    host_cpu_target.cache_clear()
    yield answers
    host_cpu_target.cache_clear()


def test_amx_is_asked_for_once(amx_answer: list[bool]) -> None:
    assert "+amx-bf16" in host_cpu_target().features
    assert "+amx-bf16" in host_cpu_target().features
    assert amx_answer == []


def test_refused_amx_is_no_feature_of_the_machine(amx_answer: list[bool]) -> None:
    amx_answer[0] = False
    assert host_cpu_target() == CpuTarget(X86, "x86-64-v4", ())


REFUSED_BY_LINUX = """
import ctypes

class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

memory = ctypes.create_string_buffer(4096)  # too small for the tile registers
small = Stack(ctypes.addressof(memory), 0, 4096)
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(small), None) == 0

import torch
import kernels_mlir
from ir_runtime.device import Device

assert "amx" not in Device("local-sync").type_cache_key
x = torch.ones(3, 32, dtype=torch.bfloat16)
print(kernels_mlir.linear(x, torch.ones(2, 32, dtype=torch.bfloat16)).tolist())
"""


@pytest.mark.skipif(not this_machine().has("amx-bf16"), reason="this CPU has no AMX")
def test_a_process_without_permission_for_amx_runs_other_kernels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED_BY_LINUX], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.returncode) == ("[[32.0, 32.0], [32.0, 32.0], [32.0, 32.0]]\n", 0), (
        done.stderr
    )
