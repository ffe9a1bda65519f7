"""Functions of open sizes, and sizes that a trace settles, reach the compiler."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot

X = torch.randn(2, 3, 9)
ALL_OPEN = {0: Dim.AUTO, 1: Dim.AUTO, 2: Dim.AUTO}


def test_a_program_computes_with_a_size_in_floating_point() -> None:
    def scaled(x: Tensor) -> Tensor:
        return x * (x.shape[1] / 7.0)

    program = aot.export(scaled, (X,), dynamic_shapes=(ALL_OPEN,))
    x = torch.randn(2, 5, 9)
    assert torch.allclose(program(x), scaled(x))


def test_a_size_that_the_trace_settles_is_static() -> None:
    def pooled(x: Tensor) -> Tensor:
        return F.max_pool1d(x, 3, 2, 1)

    program = aot.export(pooled, (X,), dynamic_shapes=(ALL_OPEN,))
    x = torch.randn(4, 5, 9)
    assert torch.equal(program(x), pooled(x))
