"""Which form of a matrix product does each kind of CPU get, and do forms for others compile?"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from ir_runtime import ir
from ir_runtime.device.cpu import cpu_target_from_flags
from ir_runtime.device.machine import Machine, code_for, this_machine
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from kernels_mlir.attention.form import form_for
from kernels_mlir.library import has_tuned_products
from kernels_mlir.matmul.amx import ROW_TILES, STEP_BYTES, SUM_BYTES, AmxTile
from kernels_mlir.matmul.packed import pack_weight
from kernels_mlir.matmul.tile import tile_for
from tests.device.test_cpu import V2, V3, V4

KIB = 1 << 10
NEON = frozenset({"asimd", "asimddp", "asimdhp"})


def machine(name: str, flags: frozenset[str], first: int, second: int, cores: int) -> Machine:
    target = cpu_target_from_flags(name, flags)
    return Machine(target, cores, first * KIB, second * KIB, 32 * KIB * KIB)


MACHINES = {
    "Zen 4": machine("x86_64", V4 | {"avx512_bf16", "avx512_vnni"}, 32, 1024, 16),
    "Sapphire Rapids": machine(
        "x86_64", V4 | {"avx512_bf16", "amx_tile", "amx_bf16", "amx_int8"}, 48, 2048, 2
    ),
    "AMX refused": machine("x86_64", V4 | {"avx512_bf16"}, 48, 2048, 2),
    "Ice Lake": machine("x86_64", V4 | {"avx512_vnni"}, 48, 1280, 8),
    "laptop with AVX2": machine("x86_64", V3, 32, 256, 2),
    "x86-64 without AVX2": machine("x86_64", V2, 32, 256, 4),
    "Graviton 3": machine("aarch64", NEON | {"bf16", "i8mm", "sve"}, 64, 1024, 16),
    "Cortex-A72": machine("aarch64", NEON, 32, 1024, 4),
}

WIDE, NARROW, PAIRS = "avx512 12x32 96x256", "6x16 96x256", "vdpbf16ps 8x32 24x"
FORMS = {
    "Zen 4": ("12x32 16x16", "12x32vdpbf16ps 16x16", PAIRS + "448x16", "iree"),
    "Sapphire Rapids": ("12x32 16x2", "amx8x16x2", "amx256x2", "iree"),
    "AMX refused": ("12x32 16x2", "12x32vdpbf16ps 16x2", PAIRS + "896x2", "iree"),
    "Ice Lake": ("12x32 16x8", "12x32 16x8", WIDE + "x8", "iree"),
    "laptop with AVX2": ("6x16 4x2", "6x16 4x2", "6x16 24x256x2", "iree"),
    "x86-64 without AVX2": ("6x16 4x4", "6x16 4x4", "6x16 24x256x4", "native"),
    "Graviton 3": ("6x16 16x16", "6x16bfdot 16x16", NARROW + "x16", "native"),
    "Cortex-A72": ("6x16 16x4", "6x16 16x4", NARROW + "x4", "native"),
}
"""The tile of f32 and bf16 (rows x columns, instruction, panels x cores), attention in bf16 (tile,
rows x keys of a block x workers), and the first provider: native where no form was measured on this
kind of CPU."""


@pytest.mark.parametrize("name", MACHINES)
def test_form_of_a_kind_of_cpu(name: str) -> None:
    found = MACHINES[name]
    forms = (
        *(tile_for(dtype, found).name for dtype in (torch.float32, torch.bfloat16)),
        form_for(torch.bfloat16, found).name,
    )
    first = "iree" if has_tuned_products(found) else "native"
    assert (*forms, first) == FORMS[name], found


@pytest.mark.parametrize(
    ("window", "block"), [(None, 448), (1 << 40, 448), (512, 128), (129, 64), (1, 64)]
)
def test_a_short_window_has_short_blocks(window: int | None, block: int) -> None:
    """On average half a block of keys is multiplied that no token of a query block sees."""
    form = form_for(torch.bfloat16, MACHINES["Zen 4"], window)
    assert form.name == f"{PAIRS}{block}x16"


@pytest.mark.parametrize("first", [32, 48, 64])
@pytest.mark.parametrize("second", [512, 1024, 2048, 4096])
def test_blocks_in_amx_tiles_fit_the_caches(first: int, second: int) -> None:
    caches = {"l1_bytes": first * KIB, "l2_bytes": second * KIB}
    form = tile_for(torch.bfloat16, replace(MACHINES["Sapphire Rapids"], **caches))
    assert isinstance(form, AmxTile)
    block = form.block * STEP_BYTES
    assert first * KIB // 3 < 2 * block < first * KIB
    sums = form.panels_many * ROW_TILES * SUM_BYTES
    assert second * KIB // 6 < sums + ROW_TILES * block < second * KIB


HEADS = torch.zeros(1, 2, 4, 8)


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        (ir.ops.linear, (torch.zeros(2, 4), torch.zeros(3, 4), None)),
        (ir.ops.mm_encoder_attn, (HEADS, HEADS, HEADS, None, None)),
    ],
    ids=["linear", "mm_encoder_attn"],
)
def test_native_comes_first_where_no_form_is_tuned(
    op: ir.IrOp, arguments: tuple[torch.Tensor | None, ...]
) -> None:
    tuned = has_tuned_products(this_machine())
    assert op.dispatch(*arguments).provider == ("iree" if tuned else "native")
    ir.set_platform_default(op, native_first=True)
    try:
        assert op.dispatch(*arguments).provider == "native"
        ir.set_platform(ir.current_platform())
        assert op.dispatch(*arguments).provider == "native"
    finally:
        ir.set_platform_default(op, native_first=not tuned)


@pytest.mark.parametrize("packed", [True, False])
def test_form_for_neon_compiles(packed: bool) -> None:
    found = MACHINES["Graviton 3"]
    n, k = 45, 401
    weight = torch.zeros(n, k, dtype=torch.bfloat16)
    op = ALL_CUSTOM_OP_REGS["ir_packed::linear" if packed else "ir_kernels::linear"]
    with code_for(found):
        operands = (pack_weight(weight), None, n, k) if packed else (weight, None)
        x = torch.zeros(7, k, dtype=torch.bfloat16)
        source = kernel_source(op, run_select(op, (x, *operands)))
    assert b"bfdot" in source
    assert compiled_for(found, op, source)


def compiled_for(found: Machine, op: CustomOp, source: bytes) -> bytes:
    flags = (
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        *found.cpu.flags,
        *BASE_FLAGS,
        *op.compile_flags,
    )
    return compile_program(op.name, source, flags).vmfb


@pytest.mark.parametrize("name", ["Graviton 3", "laptop with AVX2", "Ice Lake", "Zen 4"])
def test_forms_of_attention_compile(name: str) -> None:
    found, op = MACHINES[name], ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    heads = torch.zeros(1, 2, 2, 40, dtype=torch.bfloat16)
    bounds = torch.tensor([0, 2], dtype=torch.int32)
    with code_for(found):
        source = kernel_source(op, run_select(op, (heads, heads, heads, None, bounds)))
    assert compiled_for(found, op, source)


HIDDEN_FEATURES = """
import sys
import torch
from ir_runtime.device import Device, cpu

flags = frozenset(f for f in cpu._host_flags() if not f.startswith(tuple(sys.argv[1:])))
cpu._host_flags = lambda: flags

import kernels_mlir
from kernels_mlir.attention.mm_encoder_attn import native_mm_encoder_attn
from kernels_mlir.matmul.linear import native_linear

key = Device("local-sync").type_cache_key
assert not any(name in key for name in sys.argv[1:])
torch.manual_seed(0)
for dtype in (torch.float32, torch.bfloat16):
    weight = torch.nn.Parameter(torch.randn(97, 401).to(dtype), requires_grad=False)
    for rows in (1, 30, 300):
        x = torch.randn(rows, 401).to(dtype)
        packed, lying = kernels_mlir.linear(x, weight), kernels_mlir.linear(x, weight.detach())
        assert torch.equal(packed, lying)
        exact = native_linear(x.double(), weight.double())
        bound = torch.finfo(dtype).eps * exact.abs() + 1e-3
        assert ((packed.double() - exact).abs() <= bound).all()
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    query = torch.randn(2, 70, 4, 40).to(dtype)
    key, value = torch.randn(2, 2, 70, 2, 40).to(dtype)
    for bounds in (None, torch.tensor([0, 1, 33, 70], dtype=torch.int32)):
        found = kernels_mlir.mm_encoder_attn(query, key, value, -0.2, bounds).double()
        exact = native_mm_encoder_attn(*(t.double() for t in (query, key, value)), -0.2, bounds)
        bound = 2 * torch.finfo(dtype).eps * exact.abs() + torch.finfo(dtype).eps / 4 + 1e-6
        assert ((found - exact).abs() <= bound).all()
print("right")
"""


@pytest.mark.skipif(not this_machine().has("avx512bf16"), reason="this CPU has nothing to hide")
@pytest.mark.parametrize("hidden", [("amx",), ("amx", "avx512", "gfni")])
def test_a_process_for_a_weaker_cpu_has_right_results(hidden: tuple[str, ...]) -> None:
    """The kernels are compiled for the features that are left, and run."""
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN_FEATURES, *hidden],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.stdout, done.returncode) == ("right\n", 0), done.stderr
