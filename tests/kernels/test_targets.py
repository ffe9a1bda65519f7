"""Does each kernel of the catalogue compile for GPUs, whether or not one is here to run it?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.cases import CASES, DTYPES, Arguments, OpCase, case_named
from tests.full_inputs import KERNEL_INPUTS
from tests.sampling import covering

TARGETS: dict[str, Sequence[str]] = {
    "cuda": ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"),
    "hip": ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx942"),
    "vulkan": ("--iree-hal-target-device=vulkan",),
    "cuda:sm_89": ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_89"),
    "hip:gfx1100": ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx1100"),
}
"""Device family, or family and chip, to compiler flags; of Vulkan what every device runs."""

FULL_INPUTS = (*KERNEL_INPUTS, "ir_runtime/rows")


def selection(case: OpCase, arguments: Arguments, family: str) -> CallSelection:
    op = ALL_CUSTOM_OP_REGS[f"ir_kernels::{case.op}"]
    ksel = CallSelection(op, arguments)
    ksel.device_family = family.partition(":")[0]
    op.select(ksel)
    return ksel


def compiled(ksel: CallSelection, flags: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the MLIR and the VMFB of a kernel."""
    source = kernel_source(ksel.op, ksel)
    flags = (*flags, *BASE_FLAGS, *ksel.op.compile_flags)
    return source, compile_program(ksel.op.name, source, flags).vmfb


@covering(case=CASES, dtype=DTYPES, family=tuple(TARGETS))
def test_kernel_compiles(case: OpCase, dtype: torch.dtype, family: str) -> None:
    """And without f64, which many GPUs lack, or compute slowly."""
    source, vmfb = compiled(selection(case, case.arguments(dtype), family), TARGETS[family])
    assert vmfb
    assert re.search(rb"\bf64\b|xf64\b", source) is None  # names of kernels are digests


@covering(depth=(1, 80, 512), family=("cuda", "hip", "vulkan"))
def test_attention_compiles_at_any_depth(depth: int, family: str) -> None:
    case = case_named("mm_encoder_attn-packed")
    width = torch.zeros(1, 2, 4, depth)
    bounds = torch.tensor([0, 2], dtype=torch.int32)
    ksel = selection(case, (width, width, width, None, bounds), family)
    assert compiled(ksel, TARGETS[family])[1]
