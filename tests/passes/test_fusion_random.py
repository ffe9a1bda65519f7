"""Fusions on random graphs of row ops, views, products and writes: nothing becomes wrong.

The programs run natively, so that each difference is one of order or of operands, not of rounding.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx

import kernels_mlir  # noqa: F401 - announces the ops
from ir_runtime.op_reg.op.native import NATIVES
from ir_runtime.passes import fusion
from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS_SINGLE, is_fused
from ir_runtime.passes.fusion.program import Argument, program_of, replaced
from tests.passes.fused import OPS, ROWS, fused, rows, weight

WIDTH = 16
WEIGHT, MATRIX = weight(width=WIDTH), rows(WIDTH, WIDTH, seed=3) / 8


def normed(x: Tensor, w: Tensor) -> Tensor:
    return OPS.rms_norm(x, w, 1e-5)


def add_normed(x: Tensor, y: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    return OPS.fused_add_rms_norm(x, y, w, 1e-5)


def random_function(seed: int, steps: int = 12) -> Callable[..., list[Tensor]]:
    """Return a function that makes tensors of tensors, writes some, and returns some."""

    def function(a: Tensor, b: Tensor, w: Tensor, matrix: Tensor) -> list[Tensor]:
        draw = random.Random(seed)
        made = [a, b]
        for _ in range(steps):
            x, y = draw.choice(made[-4:]), draw.choice(made)
            kind = draw.choice(KINDS)
            if kind == "write":
                y.mul_(0.5)
            elif kind == "copy":
                y.copy_(x)
            elif kind == "pair":
                made += add_normed(x, y, w)
            else:
                made.append(STEPS[kind](x, y, w, matrix))
        return [t.clone() for t in draw.sample(made, 3)]

    return function


STEPS: dict[str, Callable[..., Tensor]] = {
    "norm": lambda x, y, w, m: normed(x, w),
    "heads": lambda x, y, w, m: normed(x.view(-1, 2, 8), w[:8]).view(-1, WIDTH),
    "add": lambda x, y, w, m: x + y,
    "mul": lambda x, y, w, m: x * w,
    "sigmoid": lambda x, y, w, m: torch.sigmoid(x),
    "half": lambda x, y, w, m: torch.cat([x[:, :8], y[:, 8:]], -1),
    "same": lambda x, y, w, m: x.view(-1, WIDTH),
    "product": lambda x, y, w, m: torch.mm(x, m),
    "sums": lambda x, y, w, m: x - x.sum(0, keepdim=True),
}
KINDS = (*STEPS, "norm", "norm", "add", "pair", "write", "copy")


def natively(text: str, inputs: list[Tensor]) -> list[Tensor]:
    """Run a program, each IR op by its native."""
    made: list[Any] = []

    def value(held: Any) -> Any:
        if isinstance(held, Argument):
            return inputs[held.number]
        return made[held.step] if held.place < 0 else made[held.step][held.place]

    program = program_of(text)
    for step in program.steps:
        function = NATIVES.get(step.target._schema.name, step.target)
        kwargs = {k: replaced(v, value) for k, v in step.kwargs}
        made.append(function(*replaced(step.args, value), **kwargs))
    return [value(r) for r in program.results]


class Natively(fx.Interpreter):
    """Runs IR ops and fused ops by torch functions."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if is_fused(target):
            found = natively(*args)
            return found[0] if target is FUSED_ROWS_SINGLE else found
        name = target._schema.name if isinstance(target, torch._ops.OpOverload) else ""
        return super().call_function(NATIVES.get(name, target), args, kwargs)


def effect(module: fx.GraphModule) -> list[Tensor]:
    """Return the results, and what became of the arguments."""
    args = [rows(ROWS, WIDTH), rows(ROWS, WIDTH, seed=1), WEIGHT.clone(), MATRIX.clone()]
    return [*Natively(module).run(*args), *args]


def check(seeds: range) -> None:
    args = rows(ROWS, WIDTH), rows(ROWS, WIDTH, seed=1), WEIGHT, MATRIX
    matched = 0
    for seed in seeds:
        by = getattr(fusion, fusion.__all__[seed % len(fusion.__all__)])()
        if seed % 3:
            by = fusion.RowNeighbourFusion()
        got = fused(by, random_function(seed), *args)
        matched += got.record.matched_count
        pairs = zip(effect(got.module), effect(got.plain), strict=True)
        assert all(torch.equal(mine, theirs) for mine, theirs in pairs), f"seed {seed}"
    assert matched > len(seeds) / 2


def test_random_graphs():
    check(range(40))


@pytest.mark.full
def test_many_random_graphs():
    check(range(400))
