"""Do `gate_up_silu` and `linear_act` finish what `linear` sums, with packed weights and without?"""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from kernels_mlir.matmul.packed import forget_packed, packed_bytes
from kernels_mlir.matmul.tile import tile_for

BF16, F32 = torch.bfloat16, torch.float32
ROWS = (1, 2, 3, 12, 17, 29, 265, 0)


def draw(*shape: int, dtype: torch.dtype = F32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def by_kernel(op: ir.IrOp, arguments: tuple[Any, ...]) -> Tensor:
    with op.set_priority(["iree", "native"]), torch.no_grad():
        assert op.dispatch(*arguments).provider == "iree"
        return op(*arguments)


def assert_right(op: ir.IrOp, arguments: tuple[Any, ...], y: Tensor) -> None:
    """Compare with float64: sums and functions in float32, and the result once to its dtype."""
    x, weight = arguments[:2]
    wide = (a.detach().double() if isinstance(a, Tensor) else a for a in arguments)
    exact = op.native(*wide)
    terms = x.double().abs() @ weight.detach().double().abs().T + 4.0
    if op.name == "gate_up_silu":
        terms = terms.amax(-1, keepdim=True) ** 2
    bound = torch.finfo(x.dtype).eps / 2 * exact.abs() + 4 * torch.finfo(F32).eps * terms
    assert (y.shape, y.dtype) == (exact.shape, x.dtype)
    assert ((y.double() - exact).abs() <= bound).all()


@pytest.mark.parametrize(
    ("dtype", "size", "biased"), [(BF16, (41, 401), False), (F32, (24, 48), True)]
)
def test_gate_up_silu(dtype: torch.dtype, size: tuple[int, int], biased: bool) -> None:
    n, k = size
    weight = nn.Parameter(draw(2 * n, k, dtype=dtype, seed=1) / k**0.5, requires_grad=False)
    bias = draw(2 * n, dtype=dtype, seed=2) if biased else None
    forget_packed()
    with count_since() as counts:
        for rows in ROWS:
            arguments = (draw(rows, k, dtype=dtype, seed=rows), weight, bias)
            assert_right(ir.ops.gate_up_silu, arguments, by_kernel(ir.ops.gate_up_silu, arguments))
    assert counts[0].packs == 1
    assert_changes_are_seen(arguments)
    panels = tile_for(dtype).packed_shape(2 * (-(-n // 16) * 16), k)
    assert packed_bytes() == torch.Size(panels).numel() * dtype.itemsize


def assert_changes_are_seen(arguments: tuple[Any, ...]) -> None:
    """A weight that is changed in place is packed again, once, by one of two threads."""
    _, weight, bias = arguments
    weight.mul_(0.5)
    arguments = (weight.new_ones(3, weight.shape[1]), weight, bias)
    barrier, found = threading.Barrier(2), []

    def call() -> None:
        barrier.wait()
        found.append(by_kernel(ir.ops.gate_up_silu, arguments))

    with count_since() as counts:
        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (counts[0].packs, len(found)) == (1, 2)
    for y in found:
        assert_right(ir.ops.gate_up_silu, arguments, y)


ACTIVATIONS = ("none", "silu", "gelu", "gelu_tanh", "relu")


@pytest.mark.parametrize(
    ("dtype", "activation"),
    [
        (dtype, activation)
        if (dtype, activation) == (BF16, "gelu")
        else pytest.param(dtype, activation, marks=pytest.mark.full)
        for dtype in (BF16, F32)
        for activation in ACTIVATIONS
    ],
)
def test_linear_act_shares_the_packed_weight_of_linear(dtype: torch.dtype, activation: str) -> None:
    n, k = 70, 130
    weight = nn.Parameter(draw(n, k, dtype=dtype, seed=1) / k**0.5, requires_grad=False)
    bias, op = draw(n, dtype=dtype, seed=2), ir.ops.linear_act
    forget_packed()
    with count_since() as counts:
        for rows in ROWS:
            residual = draw(rows, n, dtype=dtype, seed=3)
            x = draw(rows, k, dtype=dtype, seed=rows)
            arguments = (x, weight, bias, residual, activation)
            assert_right(op, arguments, by_kernel(op, arguments))
        by_linear = ir.ops.linear(x, weight, bias)
    assert by_linear.shape == (0, n)
    assert counts[0].packs == 1
    assert packed_bytes() == torch.Size(tile_for(dtype).packed_shape(n, k)).numel() * dtype.itemsize


@pytest.mark.parametrize(
    "name", ["gate_up_silu", pytest.param("linear_act", marks=pytest.mark.full)]
)
def test_a_weight_that_is_no_parameter_is_not_packed(name: str) -> None:
    op, (n, k) = getattr(ir.ops, name), (40, 96)
    forget_packed()
    for rows in (1, 5):
        x = draw(rows, 2, k, seed=rows)
        weight = draw(n, k, seed=1) / k**0.5
        rest = (draw(n, seed=2),)
        if name == "linear_act":
            rest = (draw(n, seed=2), draw(rows, 2, n, seed=3), "gelu_tanh")
        arguments = (x, weight, *rest)
        assert_right(op, arguments, by_kernel(op, arguments))
    assert packed_bytes() == 0


def test_training_needs_no_formula() -> None:
    """The gradient is derived from native."""
    x, weight = draw(3, 8).requires_grad_(), nn.Parameter(draw(8, 8, seed=1))
    with ir.ops.gate_up_silu.set_priority(["native"]):
        ir.ops.gate_up_silu(x, weight, None).sum().backward()
    found = x.grad, weight.grad
    x.grad = weight.grad = None
    gate, up = (x @ weight.T).chunk(2, -1)
    (nn.functional.silu(gate) * up).sum().backward()
    for mine, theirs in zip(found, (x.grad, weight.grad), strict=True):
        torch.testing.assert_close(mine, theirs)


X, W = draw(3, 48), draw(64, 48)
REFUSED = {
    "features": (
        "gate_up_silu",
        (draw(3, 47), W, None),
        "`x` is f32[3, 47], must have a last dimension of 48 as `weight`",
    ),
    "odd": (
        "gate_up_silu",
        (X, W[:63], None),
        "`weight` is f32[63, 48], must have 2 dimensions, the first one even",
    ),
    "gate's bias": (
        "gate_up_silu",
        (X, W, draw(32)),
        "`bias` is f32[32], must have 64 elements, one a row of `weight`",
    ),
    "bias": (
        "linear_act",
        (X, W, draw(48), None, "silu"),
        "`bias` is f32[48], must have 64 elements, one a row of `weight`",
    ),
    "residual": (
        "linear_act",
        (X, W, None, draw(3, 48), "silu"),
        "`residual` is f32[3, 48], must have the shape [3, 64] of the result",
    ),
    "activation": (
        "linear_act",
        (X, W, None, None, "silu_and_mul"),
        (
            "`activation` is 'silu_and_mul', must be 'none' or 'silu' or 'gelu' or 'gelu_tanh' or "
            "'relu'"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str) -> None:
    name, arguments, message = REFUSED[case]
    with pytest.raises(ArgumentError) as caught:
        getattr(ir.ops, name)(*arguments)
    assert str(caught.value) == f"{name}: {message}"
