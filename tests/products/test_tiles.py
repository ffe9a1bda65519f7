"""Are products in AMX tiles right, with instructions that are emulated where there are none?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.matmul.packed import pack_weight
from kernels_mlir.matmul.packed_product import finish_packed
from kernels_mlir.matmul.quantized_layout import interleave_gate
from tests.products.emulated_tiles import can_emulate, emulated_tiles
from tests.products.test_fused import BF16, assert_right, by_kernel, draw
from tests.products.test_quantized_linear import Case
from tests.products.test_quantized_linear import by_kernel as by_integers

pytestmark = [
    pytest.mark.skipif(not can_emulate(), reason="needs vdpbf16ps"),
    pytest.mark.full,
]
ROWS = (1, 17, 70, 300)


def test_gate_up_silu(monkeypatch: pytest.MonkeyPatch) -> None:
    n, k = 41, 401
    weight = draw(2 * n, k, dtype=BF16, seed=1) / k**0.5
    bias, op = draw(2 * n, dtype=BF16, seed=2), ir.ops.gate_up_silu
    with emulated_tiles(monkeypatch):
        packed = pack_weight(interleave_gate(*weight.chunk(2)))
        for rows in ROWS:
            x = draw(rows, k, dtype=BF16, seed=rows)
            y = finish_packed(x, packed, bias, None, weight, "silu_and_mul")
            assert_right(op, (x, weight, bias), y)


def test_linear_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a weight that is not packed, whose sums are rounded before the end."""
    n, k = 70, 130
    weight = draw(n, k, dtype=BF16, seed=1) / k**0.5
    bias, op = draw(n, dtype=BF16, seed=2), ir.ops.linear_act
    with emulated_tiles(monkeypatch):
        packed = pack_weight(weight)
        for rows in ROWS:
            x, residual = draw(rows, k, dtype=BF16, seed=rows), draw(rows, n, dtype=BF16, seed=3)
            arguments = (x, weight, bias, residual, "gelu_tanh")
            y = finish_packed(x, packed, bias, residual, weight, "gelu_tanh")
            assert_right(op, arguments, y)
            lying = by_kernel(op, arguments)
            torch.testing.assert_close(lying, op.native(*arguments), rtol=0.02, atol=0.03)


@pytest.mark.parametrize(
    "case",
    [
        Case(8, BF16, (41, 401)),
        Case(8, BF16, (70, 448), 64, biased=True, residual=True, activation="silu"),
        Case(4, BF16, (97, 512), 128, biased=True, residual=True, activation="relu"),
        Case(4, BF16, (40, 576), 32, symmetric=False, biased=True, activation="silu_and_mul"),
    ],
    ids=lambda case: case.id,
)
def test_integers_of_many_rows(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """The weight is rounded to bf16, whose error is added to that of other forms."""
    weight = case.weight()
    with emulated_tiles(monkeypatch):
        for rows in (33, 70, 300):
            arguments = case.arguments(weight, rows)
            y = by_integers(case.op, arguments)
            exact = case.op.native(*(_wide(a) for a in arguments))
            dense = weight.dequantize(torch.float64)
            spread = (arguments[0].double() ** 2 @ (dense**2).T).sqrt() + 1e-3
            if weight.gated:
                spread = 6 * spread.amax(-1, keepdim=True)
            bound = 2.0**-8 * (exact.abs() + 4 * spread)
            assert ((y.double() - exact).abs() <= bound).all()


def _wide(value: object) -> object:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if floating else value
