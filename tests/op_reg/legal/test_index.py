"""Reads and writes at places of open sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import LaunchError

OPEN = {0: Dim.AUTO, 1: Dim.AUTO}
X = torch.arange(20.0).reshape(4, 5)
FIRST, SECOND = torch.tensor([0, -1, 2]), torch.tensor([1, -2, 3])


def _pairs(x: Tensor, i: Tensor, j: Tensor) -> Tensor:
    return x[i, j]


def _slice_written(x: Tensor, s: Tensor) -> Tensor:
    u = x.clone()
    u[1:3] = s
    return u


@pytest.fixture(scope="module")
def pairs() -> aot.Program:
    one = {0: Dim.AUTO}
    return aot.export(_pairs, (X, FIRST, SECOND), dynamic_shapes=(OPEN, one, one))


@pytest.mark.parametrize("shape", [(4, 5), (3, 7)])
def test_several_indices_of_open_sizes_read_as_in_torch(pairs: aot.Program, shape) -> None:
    x = torch.randn(shape)
    assert torch.equal(pairs(x, FIRST, SECOND), x[FIRST, SECOND])


def test_each_of_several_indices_is_checked(pairs: aot.Program) -> None:
    with pytest.raises((IndexError, LaunchError)):
        pairs(X, torch.tensor([0, 1, 2]), torch.tensor([0, 5, 0]))  # in range of the joint index


def test_strides_of_an_open_size_read_as_in_torch() -> None:
    def strided(x: Tensor) -> Tensor:
        return x.as_strided([2, 3], [5, 2], 1)

    assert torch.equal(aot.export(strided, (X,), dynamic_shapes=(OPEN,))(X), strided(X))


def test_slices_of_an_open_size_are_written_as_in_torch() -> None:
    s = torch.ones(2, 5)
    program = aot.export(_slice_written, (X, s), dynamic_shapes=(OPEN, OPEN))
    for x, written in [(X, s), (torch.randn(7, 3), torch.ones(2, 3))]:
        assert torch.equal(program(x, written), _slice_written(x, written))
