"""Two updates of one tensor that a program makes itself, an `arange`, do not see each other.

IREE 3.13 gives both updates one buffer (https://github.com/iree-org/iree/pull/23665).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot

N = 12


def sort_two(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return *torch.sort(x), *torch.sort(y)


def sort_rows(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return *torch.sort(x.view(4, -1)), *torch.sort(y.view(4, -1), descending=True)


def sort_beside_arange(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    del y
    return *torch.sort(x), torch.arange(N)


def take_largest(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return *torch.topk(x, 3), *torch.topk(y, 3)


def write_slices(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    places = torch.arange(N)
    return (
        places.slice_scatter(x[:3], 0, 2, 5),
        places.slice_scatter(y[:3], 0, 6, 9),
        places,
    )


def write_at_indices(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    places = torch.arange(N)
    return places.index_put((x[:4],), y[:4]), places.index_put((x[4:],), y[4:]), places


def write_into_views(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    rows = torch.arange(N).view(4, -1)
    return (
        rows.slice_scatter(x.view(4, -1)[:1], 0, 1, 2),
        rows.slice_scatter(y.view(4, -1)[:1], 0, 2, 3),
        rows.t(),
    )


def invert_two_orders(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Sort and find the way back, as a mixture of experts does in each layer."""
    inverses = []
    for keys in (x, y):
        ordered, order = torch.sort(keys)
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(order.shape[0])
        inverses += [ordered, inverse]
    return tuple(inverses)


QUICK = (sort_two, write_slices, write_into_views)
LONG = (sort_rows, sort_beside_arange, take_largest, write_at_indices, invert_two_orders)
PROGRAMS = (*QUICK, *(pytest.param(program, marks=pytest.mark.full) for program in LONG))


@pytest.mark.parametrize("program", PROGRAMS)
def test_updates_have_buffers_of_their_own(program: Callable[..., tuple[Tensor, ...]]) -> None:
    torch.manual_seed(2)
    x, y = torch.randperm(N), torch.randperm(N)
    for got, wanted in zip(aot.export(program, (x, y))(x, y), program(x, y), strict=True):
        assert torch.equal(got, wanted)


def test_updates_of_open_sizes_have_buffers_of_their_own() -> None:
    torch.manual_seed(2)
    x, y = torch.randperm(N), torch.randperm(N)
    open_sizes = ({0: Dim.DYNAMIC}, {0: Dim.DYNAMIC})
    compiled = aot.export(invert_two_orders, (x, y), dynamic_shapes=open_sizes)
    for size in (N, 5):
        x, y = torch.randperm(size), torch.randperm(size)
        for got, wanted in zip(compiled(x, y), invert_two_orders(x, y), strict=True):
            assert torch.equal(got, wanted)
