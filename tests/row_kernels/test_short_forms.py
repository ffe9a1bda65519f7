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
    ],
)
def test_what_shows_the_error_does_not(function: Callable[[Tensor], object]):
    assert not any(op.endswith("_short") for op in operations(function, torch.bfloat16))
