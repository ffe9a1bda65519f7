"""Are products with weights in 8 and 4 bits right, for all numbers of rows and odd sizes?

The oracle is float64, of the weight that the numbers and scales stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.device import cpu
from ir_runtime.device.cpu import CpuTarget
from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from kernels_mlir.library import has_tuned_products
from kernels_mlir.matmul.epilogue import end_of
from kernels_mlir.matmul.product_form import integer_form
from kernels_mlir.matmul.quantized_weight import (
    QuantizedWeight,
    quantize_weight_int4,
    quantize_weight_int8,
)
from tests.kernels.test_cpu_kinds import MACHINES, compiled_for

BF16, F32, F16 = torch.bfloat16, torch.float32, torch.float16
ROWS = (1, 2, 3, 4, 5, 12, 13, 29, 265)
"""Around the 4 rows whose integers become numbers in registers, the tiles of 12, and a workgroup's
264."""


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Case:
    """A weight, and what a product with it ends with."""

    bits: int
    dtype: torch.dtype
    size: tuple[int, int]
    group: int | None = None
    symmetric: bool = True
    biased: bool = False
    residual: bool = False
    activation: str = "none"

    @property
    def id(self) -> str:
        return f"w{self.bits}-{self.dtype}-{self.size}-{self.group}-{self.activation}"

    @property
    def op(self) -> ir.IrOp:
        return ir.ops.linear_w8 if self.bits == 8 else ir.ops.linear_w4

    def weight(self) -> QuantizedWeight:
        n, k = self.size
        weight, up = draw(n, k, seed=1) / k**0.5, draw(n, k, seed=2) / k**0.5
        factor = up if self.activation == "silu_and_mul" else None
        if self.bits == 8:
            return quantize_weight_int8(weight, self.group, up=factor)
        return quantize_weight_int4(weight, self.group, up=factor, symmetric=self.symmetric)

    def arguments(self, weight: QuantizedWeight, rows: int) -> tuple[Any, ...]:
        n, k = self.size
        count = 2 * n if weight.gated else n
        bias = draw(count, seed=3).to(self.dtype) if self.biased else None
        residual = draw(rows, n, seed=4).to(self.dtype) if self.residual else None
        zero = () if self.bits == 8 else (weight.zero,)
        x = draw(rows, k, seed=rows).to(self.dtype)
        return x, weight.weight, weight.scale, *zero, bias, residual, n, self.activation


CASES = (
    Case(8, BF16, (41, 401)),
    Case(8, F32, (70, 448), 64, biased=True, residual=True, activation="silu"),
    Case(4, BF16, (97, 512), 128, biased=True, residual=True, activation="relu"),
    Case(4, F32, (33, 401), symmetric=False),
    Case(4, BF16, (40, 576), 32, symmetric=False, biased=True, activation="silu_and_mul"),
    Case(8, F16, (16, 31), activation="silu_and_mul"),
)

each_case = pytest.mark.parametrize(
    "case",
    [*CASES[:-1], pytest.param(CASES[-1], marks=pytest.mark.full)],
    ids=lambda case: case.id,
)


def by_kernel(op: ir.IrOp, arguments: tuple[Any, ...]) -> Tensor:
    with op.set_priority(["iree", "native"]):
        assert op.dispatch(*arguments).provider == "iree"
        return op(*arguments)


def assert_right(weight: QuantizedWeight, arguments: tuple[Any, ...], y: Tensor) -> None:
    """Compare with float64: sums rounded in float32, and the result once to its dtype."""
    x, bias, residual, activation = arguments[0], *arguments[-4:-2], arguments[-1]
    exact_weight = weight.dequantize(torch.float64)
    wide = (None if t is None else t.double() for t in (bias, residual))
    exact = end_of(x.double() @ exact_weight.T, *wide, activation)
    terms = x.double().abs() @ exact_weight.abs().T + 4.0
    if weight.gated:
        terms = terms.amax(-1, keepdim=True) ** 2
    bound = torch.finfo(x.dtype).eps * exact.abs() / 2 + 4 * torch.finfo(F32).eps * terms
    assert (y.shape, y.dtype) == (exact.shape, x.dtype)
    assert ((y.double() - exact).abs() <= bound).all()


@each_case
def test_any_number_of_rows_by_one_binary(case: Case) -> None:
    weight = case.weight()
    forget_kernels()
    with count_since() as counts:
        for rows in ROWS:
            arguments = case.arguments(weight, rows)
            assert_right(weight, arguments, by_kernel(case.op, arguments))
        assert by_kernel(case.op, case.arguments(weight, 0)).shape == (0, case.size[0])
        assert_bits_of_rows(case, arguments)
    assert counts[0].compiles + counts[0].store_hits == 1


def assert_bits_of_rows(case: Case, arguments: tuple[Any, ...]) -> None:
    """A row has the same bits whatever other rows there are."""
    whole = by_kernel(case.op, arguments)
    x, *rest = arguments
    for start, rows in ((0, 1), (5, 2), (9, 4), (200, 30), (264, 1)):
        part = slice(start, start + rows)
        if case.residual:
            rest[-3] = arguments[-3][part]
        assert torch.equal(by_kernel(case.op, (x[part], *rest)), whole[part])


def test_other_ranks_strides_and_a_gradient() -> None:
    """The weight is a constant."""
    case = CASES[3]
    weight = case.weight()
    x, *rest = case.arguments(weight, 6)
    strided = x.view(2, 3, -1).mT.contiguous().mT.requires_grad_()
    y = by_kernel(case.op, (strided, *rest))
    assert_right(weight, (strided.detach(), *rest), y.detach())
    native = case.op.native(strided, *rest)
    torch.testing.assert_close(y, native, **case.op.get_tolerance(case.dtype))
    y.sum().backward()
    torch.testing.assert_close(strided.grad, weight.dequantize().sum(0).expand(2, 3, -1))


OWN = cpu.host_cpu_target()
AVX2, NO_BF16 = CpuTarget(OWN.triple, "x86-64-v3"), replace(OWN, features=())


@pytest.mark.skipif(OWN.cpu != "x86-64-v4", reason="needs AVX-512 to leave out")
@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(CASES[0], AVX2, id="w8-avx2", marks=pytest.mark.full),
        pytest.param(CASES[4], AVX2, id="w4-avx2"),
        pytest.param(CASES[0], NO_BF16, id="w8-no-bf16", marks=pytest.mark.full),
        pytest.param(CASES[4], NO_BF16, id="w4-no-bf16", marks=pytest.mark.full),
    ],
)
def test_forms_of_other_cpus(case: Case, target: CpuTarget) -> None:
    weight = case.weight()
    with code_for(replace(this_machine(), cpu=target)):
        forget_kernels()
        for rows in (1, 4, 9):
            arguments = case.arguments(weight, rows)
            assert_right(weight, arguments, by_kernel(case.op, arguments))
    forget_kernels()


def test_forms_differ_by_the_kind_of_cpu() -> None:
    names = {name: integer_form(4, BF16, machine).name for name, machine in MACHINES.items()}
    assert names["Zen 4"] == names["Sapphire Rapids"].replace("x2", "x16")
    assert len({names["Zen 4"], names["Ice Lake"], names["laptop with AVX2"]}) == 3


@pytest.mark.full
@pytest.mark.parametrize("bits", [8, 4])
def test_a_form_for_neon_compiles(bits: int) -> None:
    case = Case(bits, BF16, (40, 64))
    op, weight = ALL_CUSTOM_OP_REGS[f"ir_kernels::linear_w{bits}"], case.weight()
    found = MACHINES["Graviton 3"]
    with code_for(found):
        source = kernel_source(op, run_select(op, case.arguments(weight, 3)))
    assert compiled_for(found, op, source)


@pytest.mark.parametrize("case", CASES[2:3], ids=lambda case: case.id)
def test_native_comes_first_where_no_form_is_tuned(case: Case) -> None:
    arguments = case.arguments(case.weight(), 2)
    tuned = has_tuned_products(this_machine())
    assert case.op.dispatch(*arguments).provider == ("iree" if tuned else "native")
    ir.set_platform_default(case.op, native_first=True)
    try:
        assert case.op.dispatch(*arguments).provider == "native"
    finally:
        ir.set_platform_default(case.op, native_first=not tuned)


W8, W4 = CASES[1], CASES[3]
REFUSED = {
    "features": (W8, 0, draw(3, 450), ("`x` is f32[3, 450], must have a last dimension of 447 to "
                 "448 as `weight`, and 7 groups in it as `scale`, of a multiple of 32 each")),
    "panels": (W8, 1, torch.zeros(2, 448, 32, dtype=torch.int8),
               ("`weight` is i8[2, 448, 32], must have the shape [3, *, 32], the panels of 70 "
               "output features")),
    "groups": (W8, 2, torch.zeros(3, 28, 32),
               ("`x` is f32[3, 448], must have a last dimension of 447 to 448 as `weight`, and 28 "
               "groups in it as `scale`, of a multiple of 32 each")),
    "number": (W8, 1, torch.zeros(3, 448, 32), "`weight` is f32, must be i8"),
    "words": (W4, 1, torch.zeros(2, 12, 32, dtype=torch.int8), "`weight` is i8, must be i32"),
    "zero": (W4, 3, torch.zeros(2, 2, 32, dtype=torch.int8),
             "`zero` is i8[2, 2, 32], must have the shape of `scale` f32[2, 1, 32]"),
    "bias": (W8, 3, draw(71), "`bias` is f32[71], must have 70 elements"),
    "residual": (W8, 4, draw(3, 71),
                 "`residual` is f32[3, 71], must have the shape [3, 70] of the result"),
    "columns": (W8, 5, 0, "`out_features` is 0, must be at least 1"),
    "activation": (W8, 6, "swish", ("`activation` is 'swish', must be 'none' or 'silu' or 'gelu' "
                   "or 'gelu_tanh' or 'relu' or 'silu_and_mul'")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    case, place, value, message = REFUSED[name]
    weight = case.weight()
    arguments = list(case.arguments(weight, 3))
    if name == "zero":
        arguments[2] = arguments[2].float()
    arguments[place] = value
    for call in (case.op, case.op.packet):
        with pytest.raises(ArgumentError) as caught:
            call(*arguments)
        assert str(caught.value) == f"{case.op.name}: {message}"
