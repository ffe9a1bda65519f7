"""Random graphs of views, scatters, splits and writes have the same effect after each pass."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.passes import GraphPass, PassRecord
from ir_runtime.passes.cleanup.noop_elimination import NoOpElimination
from ir_runtime.passes.cleanup.post_cleanup import PostCleanup
from ir_runtime.passes.cleanup.scatter_split import ScatterSplitReplacement
from ir_runtime.passes.cleanup.split_coalescing import SplitCoalescing
from tests.passes.traced_graphs import assert_same_effect, aten, traced

PASSES = (NoOpElimination(), SplitCoalescing(), ScatterSplitReplacement(), PostCleanup())
SHAPES = ((4, 8), (8, 4), (32,), (2, 16), (2, 2, 8))
PER_TEST = 10
matches: dict[str, int] = {}


class Program:
    """A random function of two tensors of 32 numbers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, x: Tensor, y: Tensor) -> list[Tensor]:
        choose = random.Random(self.seed)
        pool = [x, y]
        for _ in range(choose.randint(4, 12)):
            step = choose.choice(STEPS)
            made = step(choose, pool)
            pool.extend(made if isinstance(made, list) else [made])
        return [choose.choice(pool) for _ in range(choose.randint(1, 3))]


def whole(choose: random.Random, pool: list[Tensor]) -> Tensor:
    """Return a tensor of 32 numbers of the pool, the latest ones first."""
    wholes = [t for t in pool if t.numel() == 32]
    return choose.choice(wholes[-4:])


def reshape(choose: random.Random, pool: list[Tensor]) -> Tensor:
    source, shape = whole(choose, pool), list(choose.choice(SHAPES))
    if not source.is_contiguous():
        return source.t() if source.ndim == 2 else source + 1
    if choose.random() < 0.3:
        shape[choose.randrange(len(shape))] = -1
    return aten.view.default(source, shape)


def cut(choose: random.Random, pool: list[Tensor]) -> Tensor:
    source = choose.choice(pool)
    dim = choose.randrange(source.ndim)
    size = source.shape[dim]
    start, end = choose.choice([(0, size), (0, 2**62), (-size, size), (1, size), (0, -1)])
    return aten.slice.Tensor(source, dim, start, end)


def scatter(choose: random.Random, pool: list[Tensor]) -> Tensor:
    base = whole(choose, pool)
    dim = choose.randrange(base.ndim)
    size = base.shape[dim]
    start, end = choose.choice([(0, size), (0, size // 2), (size // 2, size)])
    piece = aten.slice.Tensor(base, dim, start, end)
    same = [t for t in pool if t.shape == piece.shape]
    source = choose.choice(same) if same and choose.random() < 0.5 else piece * 2
    return aten.slice_scatter.default(base, source, dim, start, end)


def split(choose: random.Random, pool: list[Tensor]) -> list[Tensor]:
    source = whole(choose, pool)
    dim = source.ndim - 1
    half = source.shape[dim] // 2
    sizes = choose.choice([[half, half], [half // 2, half // 2, half]])
    return list(aten.split_with_sizes.default(source, sizes, dim))


def rotate(choose: random.Random, pool: list[Tensor]) -> list[Tensor]:
    """Split, change the first parts, scatter them back, and split again."""
    source = whole(choose, pool)
    dim = source.ndim - 1
    half = source.shape[dim] // 2
    sizes = [half // 2, half // 2, half]
    parts = aten.split_with_sizes.default(source, sizes, dim)
    both = aten.slice_scatter.default(source, parts[0] + 1, dim, 0, half // 2)
    both = aten.slice_scatter.default(both, parts[1].cos(), dim, half // 2, half)
    return list(aten.split_with_sizes.default(both, sizes, dim))


def write(choose: random.Random, pool: list[Tensor]) -> Tensor:
    return choose.choice(pool).add_(1)


STEPS: tuple[Any, ...] = (
    *(reshape, reshape, reshape, cut, scatter, scatter, split, rotate),
    lambda choose, pool: choose.choice(pool) * 2,
    lambda choose, pool: choose.choice(pool).clone(),
    lambda choose, pool: choose.choice(pool).sum() + whole(choose, pool),
    write,
)


def run(each: GraphPass, module: Any) -> None:
    record = PassRecord(each.name)
    each.run(module.graph, record)
    matches[each.name] = matches.get(each.name, 0) + record.matched_count


def check(seeds: range) -> None:
    x, y = torch.arange(32.0).reshape(4, 8), torch.arange(32.0, 64.0).reshape(8, 4)
    for seed in seeds:
        before = traced(Program(seed), x, y)
        together = copy.deepcopy(before)
        for each in PASSES:
            alone = copy.deepcopy(before)
            run(each, alone)
            assert_same_effect(before, alone, (x, y))
            run(each, together)
            assert_same_effect(before, together, (x, y))


@pytest.mark.parametrize("part", range(3))
def test_a_pass_changes_no_effect(part: int):
    check(range(PER_TEST * part, PER_TEST * (part + 1)))


@pytest.mark.full
@pytest.mark.timeout(900)
def test_passes_change_no_effect_of_400_graphs():
    matches.clear()
    check(range(1000, 1400))
    assert all(matches[each.name] >= 20 for each in PASSES)  # they do something here
