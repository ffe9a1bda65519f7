"""Sums of many floats are about as exact as torch's, or more."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot

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
