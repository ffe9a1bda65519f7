"""Sums of many floats are about as exact as torch's, or more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import UnsupportedOperatorError

ROWS, LENGTH = 3, 20_001


def _reduced(x: Tensor) -> list[Tensor]:
    return [
        x.sum(1),
        x.mean(),
        x.var(1),
        torch.linalg.vector_norm(x, dim=1),
        x.cumsum(1),
        x.softmax(1),
        x.log_softmax(1),
        F.layer_norm(x, (x.shape[1],)),
        F.l1_loss(x, x * x),
    ]


def test_long_rows_are_added_up_as_exactly_as_torch_does() -> None:
    x = torch.rand(ROWS, LENGTH, generator=torch.Generator().manual_seed(0)) - 0.3
    program = aot.export(_reduced, (x,), dynamic_shapes=({0: Dim.AUTO, 1: Dim.AUTO},))
    for mine, torchs, exact in zip(program(x), _reduced(x), _reduced(x.double()), strict=True):
        unit = torch.finfo(torch.float32).eps * exact.abs().max()
        error = (mine.double() - exact).abs().max() / unit
        torch_error = (torchs.double() - exact).abs().max() / unit
        assert error <= max(0.5, 2 * torch_error)


def _put(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.index_put(x, (index,), values, accumulate=True)


def _add(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.index_add(x, 0, index, values)


@pytest.mark.parametrize("fn", [_put, _add])
def test_values_of_another_dtype_are_not_widened_with_halves(fn: Callable[..., Tensor]) -> None:
    """Torch refuses them when it runs, not for meta tensors."""
    x, index = torch.ones(5, 3, dtype=torch.float16), torch.tensor([1, 2])
    wrong = (x, index, torch.ones(2, 3))
    with pytest.raises(UnsupportedOperatorError, match=r"aten\.index_put does not compile with"):
        aot.export(fn, wrong)(*wrong)
