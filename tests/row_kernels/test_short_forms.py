"""Where shorter functions are used: only if no result shows their errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime.rows.trace import trace


def operations(function: Callable[..., object], dtype: torch.dtype) -> set[str]:
    """Return the operations of a row function."""
    return {v.op for v in trace(function, (torch.ones(4, 64, dtype=dtype),), (0,)).values()}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: torch.softmax(x, -1), "exp_down_short"),
        (functional.silu, "gate_short"),
        (lambda x: functional.gelu(x, approximate="tanh"), "gate_by_two_short"),
        (torch.sigmoid, "sigmoid_short"),
        (lambda x: (x * torch.softmax(x.float(), -1)).sum(-1, keepdim=True).to(x.dtype) * 0, ""),
    ],
)
def test_results_of_16_bits_take_them(
    function: Callable[..., object], operation: str, dtype: torch.dtype
):
    found = {op for op in operations(function, dtype) if op.endswith("_short")}
    assert found == ({operation} - {""})
    assert not any(op.endswith("_short") for op in operations(function, torch.float32))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.log_softmax(x, -1),
        lambda x: (torch.sigmoid(x.float()) - 0.5).to(x.dtype),  # the error is 1e-3 near 0
        lambda x: (torch.sigmoid(x.float()) + x).to(x.dtype),
        lambda x: torch.softmax(x.float(), -1),
        lambda x: (torch.softmax(x, -1), torch.softmax(x.float(), -1)),
        lambda x: (torch.sigmoid(x.float()) > 0.7).to(x.dtype),
        lambda x: (torch.sigmoid(x.float()) * 100).round().to(x.dtype),
        lambda x: (x * torch.sigmoid(x.float())).to(torch.float8_e4m3fn),
        lambda x: torch.sigmoid(x.float()).to(torch.float8_e4m3fn).to(x.dtype),
    ],
)
def test_what_shows_the_error_does_not(function: Callable[[Tensor], object]):
    assert not any(op.endswith("_short") for op in operations(function, torch.bfloat16))


def test_numbers_with_many_uses_are_looked_at_once():
    """Each step has two uses of the one before: all paths would be 2^60."""

    def root(x: Tensor) -> Tensor:
        v = x.float()
        y = v.abs() + 1
        for _ in range(60):
            y = 0.5 * (y + v / y)
        return (torch.sigmoid(v) * y).to(x.dtype)

    assert "divide" in operations(root, torch.bfloat16)


@pytest.mark.parametrize(
    ("function", "is_by_two"),
    [
        (lambda x: x * torch.sigmoid(x * (0.8 + 0.1 * x.square())), True),
        (lambda x: x * torch.sigmoid(x * (3 * x + 0.1 * x.square())), False),
        (lambda x: x * torch.sigmoid(2 * x + 4 * x.neg()), False),
        (lambda x: x * torch.sigmoid(1.7 * x), False),
    ],
)
def test_exponent_of_two_takes_no_terms_that_cancel(
    function: Callable[[Tensor], object], is_by_two: bool
):
    """Their new constants are rounded, and what is left of large terms would show it."""
    assert ("gate_by_two" in operations(function, torch.float32)) == is_by_two
