"""What do row kernels read and write on GPUs? It is read off the PTX; no GPU is needed."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.dtypes import short_name
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.rows.gpu.centre import gpu_plan
from ir_runtime.rows.gpu.chip import CHIPS as FAMILIES
from ir_runtime.rows.gpu.form import GpuForm, gpu_form
from ir_runtime.rows.trace import trace
from tests.full_inputs import KERNEL_INPUTS
from tests.row_kernels.kernel import kernel_of
from tests.row_kernels.ptx import Ptx, assemble, ptx_of

FULL_INPUTS = (*KERNEL_INPUTS, "ir_runtime/rows")

F32, BF16 = torch.float32, torch.bfloat16
CHIPS = ("sm_80", "sm_89", "sm_90")
"""What `ptxas` assembles for; the compiler knows no chip after sm_89."""


@dataclass(frozen=True)
class Rows:
    """A call of a row op.

    Attributes:
        op: its name.
        width: the last size of the result.
        dtype: of all its tensors.
    """

    op: str
    width: int
    dtype: torch.dtype

    @property
    def id(self) -> str:
        return f"{self.op}-{self.width}-{short_name(self.dtype)}"

    def arguments(self) -> tuple:
        """Return the arguments of the kernel's op."""

        def make(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=self.dtype)

        x, weight = make(7, self.width), make(self.width)
        if self.op == "rotary_embedding":
            size = self.head_size()
            cache = make(9, size)
            return torch.zeros(7, dtype=torch.int64), x, x, size, size, cache, True
        return {
            "rms_norm": (x, weight, 1e-6, None),
            "layer_norm": (x, weight, weight, 1e-5),
            "softmax": (x,),
            "gelu": (x, "none"),
            "gelu_tanh": (x, "tanh"),
            "silu_and_mul": (make(7, 2 * self.width),),
        }[self.op]

    def read(self) -> int:
        """Return how many rows of the width a kernel must read for each one."""
        each = {"rms_norm": 2, "layer_norm": 3, "silu_and_mul": 2, "rotary_embedding": 3}
        return each.get(self.op, 1)  # query and key share their angles

    def aligned(self) -> int:
        """Return the bytes that each access can have: 16, if what a thread reads together has."""
        columns = self.width
        if self.op == "rotary_embedding":  # halves of heads
            columns = self.head_size() // 2
        return math.gcd(16, columns * self.dtype.itemsize)

    def head_size(self) -> int:
        """Return the columns of a head."""
        return 128 if self.width % 128 == 0 else self.width // 2

    def written(self) -> int:
        """Return how many rows of the width it writes for each one."""
        return 2 if self.op == "rotary_embedding" else 1

    def form(self) -> GpuForm:
        """Return how threads share the rows."""
        op, ksel = self.selection()
        tensors = [a for a in self.arguments() if isinstance(a, Tensor)]
        return gpu_form(gpu_plan(trace(op.row_function(ksel), tensors, ())), FAMILIES["cuda"])

    def selection(self) -> tuple[Any, CallSelection]:
        op = ALL_CUSTOM_OP_REGS[f"ir_kernels::{self.op.removesuffix('_tanh')}"]
        ksel = CallSelection(op, self.arguments())
        ksel.device_family = "cuda"
        ksel.own_op.select(ksel)
        return ksel.own_op, ksel

    def compiled(self, chip: str = "sm_80") -> Ptx:
        """Return the PTX of the row kernel, which is the only one beside a check of indices."""
        op, ksel = self.selection()
        flags = ("--iree-hal-target-device=cuda", f"--iree-cuda-target={chip}", *BASE_FLAGS)
        program = compile_program(op.name, kernel_source(op, ksel), flags)
        (ptx,) = ptx_of(program.vmfb)
        (kernel,) = [entry for entry in ptx.entries() if "rows_" in entry.name]
        assert len(ptx.entries()) == (2 if self.op == "rotary_embedding" else 1)
        return kernel


OPS = (
    *("rms_norm", "layer_norm", "softmax", "gelu", "gelu_tanh", "silu_and_mul"),
    "rotary_embedding",
)
WIDTHS = (64, 80, 1000, 4096, 11008)
QUICK = {  # each form once: short rows, long rows, vectors of any row, groups
    Rows("layer_norm", 80, BF16),
    Rows("rms_norm", 11008, BF16),
    Rows("silu_and_mul", 1000, F32),
    Rows("rotary_embedding", 4096, BF16),
}
MORE_WIDTHS = (2880, 18944)
"""Of models, with odd factors."""
EVERY = [
    *(Rows(op, width, dtype) for op in OPS for width in WIDTHS for dtype in (BF16, F32)),
    *(Rows(op, width, BF16) for op in OPS for width in MORE_WIDTHS),
]


@pytest.mark.parametrize(
    "rows",
    [pytest.param(r, id=r.id, marks=() if r in QUICK else pytest.mark.full) for r in EVERY],
)
def test_memory_is_passed_once_in_whole_vectors(rows: Rows, tmp_path: Path) -> None:
    """A thread reads as many vectors as it must, no width leaves most threads without one."""
    ptx, form = rows.compiled(), rows.form()
    loads, stores = ptx.bytes_each("ld"), ptx.bytes_each("st")
    assert not ptx.has_loops
    if rows.op == "rotary_embedding":
        loads -= Counter({8: 1})  # the position
    vector = rows.aligned()
    assert (set(loads), set(stores)) == ({vector}, {vector})
    assert (ptx.threads, form.threads % 32) == (form.threads, 0)
    vectors = rows.width * rows.dtype.itemsize / vector
    most = 1.35 if form.team > 32 and not form.flat else 2.0  # with masks
    read, written = (counted[vector] * form.team for counted in (loads, stores))
    assert rows.read() * vectors <= read <= most * rows.read() * vectors
    assert rows.written() * vectors <= written <= most * rows.written() * vectors
    for chip in CHIPS:
        said = assemble(ptx, chip, tmp_path)
        assert said is None or "0 bytes spill stores, 0 bytes spill loads" in said


def turned(x: Tensor) -> Tensor:
    return torch.sin(x) + torch.cos(x)


def test_sine_and_cosine_take_no_float64_and_their_sums_stay_as_they_are(tmp_path: Path) -> None:
    """An assembler may join a product and a sum that have no `.rn`; parts of pi would be lost."""
    op = ALL_CUSTOM_OP_REGS[kernel_of(turned).default._schema.name]
    ksel = CallSelection(op, (torch.zeros(7, 64),))
    ksel.device_family = "cuda"
    ksel.own_op.select(ksel)
    assert ksel.own_op.why_traced == ""
    flags = ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80", *BASE_FLAGS)
    (ptx,) = ptx_of(compile_program(op.name, kernel_source(op, ksel), flags).vmfb)
    assert ".f64" not in ptx.text
    assert re.search(r"\b(add|sub|mul)\.rn\.f32", ptx.text)
    assert not re.search(r"\b(add|sub|mul)\.(ftz\.)?f32", ptx.text)
    said = assemble(ptx, "sm_80", tmp_path)
    assert said is None or "0 bytes spill stores, 0 bytes spill loads" in said


@pytest.mark.parametrize("family", ["cuda", "vulkan"])
def test_no_nan_is_taken_for_one_with_clear_bits_on_gpus(family: str) -> None:
    """NVIDIA's own NaN is 0x7FFFFFFF: rounded without a look it would become -0."""
    op = ALL_CUSTOM_OP_REGS["ir_kernels::rms_norm"]
    x = torch.zeros(7, 64, dtype=BF16)
    ksel = CallSelection(op, (x, x[0], 1e-6, None))
    ksel.device_family = family
    ksel.own_op.select(ksel)
    text = kernel_source(op, ksel).decode()
    assert "arith.cmpf uno" in text
