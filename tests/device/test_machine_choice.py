"""Which sizes are chosen for described machines, and why (`pytest -s` prints it)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.device.cpu_name import cpu_name, cpu_named
from ir_runtime.device.machine import Machine, code_for, this_machine
from ir_runtime.device.machine_choice import choices_for
from ir_runtime.launch.direct import native
from ir_runtime.launch.operand.launch_type import local_uri_for_work
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source, run_select

KIB, MIB = 1 << 10, 1 << 20
ZEN_4 = Machine(cpu_named("x86-64-v4+avx512bf16"), 8, 32 * KIB, 1 * MIB, 32 * MIB)
SAPPHIRE_RAPIDS = Machine(
    cpu_named("x86-64-v4+avx512bf16+amx-tile+amx-bf16"), 56, 48 * KIB, 2 * MIB, 105 * MIB
)
LAPTOP = Machine(cpu_named("x86-64-v3"), 2, 32 * KIB, 256 * KIB, 4 * MIB)
GRAVITON_3 = Machine(cpu_named("aarch64+bf16+sve"), 64, 64 * KIB, 1 * MIB, 32 * MIB)
CHOSEN = {
    # threads from KiB, worker pool from MiB, past the cache from MiB, elements of a group
    "Zen 4": (ZEN_4, 100, 3.9, 32, 2048),
    "Sapphire Rapids": (SAPPHIRE_RAPIDS, 400, 3.9, 105, 2048),
    "2-core AVX2 laptop": (LAPTOP, 31.25, 1.95, 4, 2048),
    "Graviton 3": (GRAVITON_3, 112.5, 0.98, 32, 4096),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_sizes_of_described_machines(name: str) -> None:
    machine, threads_kib, pool_mib, stream_mib, group = CHOSEN[name]
    chosen = choices_for(machine)
    for what, choice in chosen.items():
        print(f"{name}, {what}: {choice.size}, since {choice.why}")
    assert chosen["parallel_bytes"].size == threads_kib * KIB
    assert chosen["worker_pool_bytes"].size == pytest.approx(pool_mib * MIB, rel=0.01)
    assert chosen["streaming_bytes"].size == stream_mib * MIB
    assert chosen["group_elements"].size == group
    assert all(choice.why for choice in chosen.values())


def test_reasons_have_the_facts() -> None:
    whys = {what: choice.why for what, choice in choices_for(LAPTOP).items()}
    assert whys["parallel_bytes"].startswith("2 cores take 1.25 us to start; a core with vectors")
    assert whys["streaming_bytes"] == "the last cache has 4 MiB"
    assert whys["group_elements"].startswith("the first cache has 32 KiB")


@pytest.mark.parametrize("op", ["gelu", "silu_and_mul"])
def test_what_changes_code_changes_the_key(op: str) -> None:
    """Machines of one instruction set and different caches have kernels of their own."""
    custom = ALL_CUSTOM_OP_REGS[f"ir_kernels::{op}"]
    x = torch.randn(2, 16384)
    arguments = [x, "none"] if op == "gelu" else [x]
    found: dict[str, bytes] = {}
    for machine in (ZEN_4, replace(ZEN_4, l3_bytes=MIB), replace(ZEN_4, l1_bytes=64 * KIB)):
        with code_for(machine):
            ksel = run_select(custom, arguments)
        source = kernel_source(custom, ksel)  # made for the machine of the selection
        assert found.setdefault(ksel.spec_key, source) == source
    assert len(found) == len(set(found.values())) == 2


def test_results_go_past_the_cache_of_the_machine_that_code_is_made_for() -> None:
    custom = ALL_CUSTOM_OP_REGS["ir_kernels::rms_norm"]
    arguments = [torch.empty(1 << 12, 1 << 10, device="meta"), None, 1e-6, None]  # 16 MiB
    variants: list[str] = []
    for machine in (ZEN_4, SAPPHIRE_RAPIDS, LAPTOP):
        with code_for(machine):
            variants.append(run_select(custom, arguments).variant)
    assert variants == ["streamed", "default", "streamed"]


def test_tiles_of_described_machines() -> None:
    """The matrix product asks for the machine, too."""
    from kernels_mlir.matmul.tile import tile_for

    names: dict[str, str] = {}
    for machine in (ZEN_4, SAPPHIRE_RAPIDS, LAPTOP, GRAVITON_3):
        with code_for(machine):
            names[cpu_name(machine.cpu)] = tile_for(torch.bfloat16).name
    assert names["x86-64-v4+avx512bf16"] != names["x86-64-v3"]


def test_this_machine_uses_its_own_sizes() -> None:
    chosen = choices_for(this_machine())
    limit = chosen["worker_pool_bytes"].size
    uris = [local_uri_for_work(size) for size in (limit - 1, limit)]
    assert uris == ["local-sync", "local-task"]
    if native.why_absent() is None:
        from ir_runtime.launch.direct.native import _launcher

        before = _launcher.set_parallel_bytes(1)
        _launcher.set_parallel_bytes(before)
        assert before == chosen["parallel_bytes"].size
