"""Is each kernel about as accurate as torch's own?  Errors against float64, at most 1.5 times."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tests.cases import (
    BY_OP,
    CASES,
    DTYPES,
    Arguments,
    Draw,
    OpCase,
    attention_arguments,
    case_named,
    widen,
)
from tests.full import KERNEL_INPUTS
from tests.sampling import covering

FACTOR = 1.5
ROWS = 64
COLUMNS = (384, 4096)
DISTRIBUTIONS = {"N(0,1)": (0.0, 1.0), "N(0,10)": (0.0, 10.0), "N(100,1)": (100.0, 1.0)}
"""Mean and standard deviation of the activations; weights are N(0,1)."""

SEQUENCES = (64, 200)
HEADS, BATCH = 12, 2

FULL_INPUTS = KERNEL_INPUTS


@dataclass(frozen=True)
class Errors:
    """Absolute errors against float64, pooled over draws."""

    largest: float = 0.0
    mean: float = 0.0

    @classmethod
    def of(cls, actual: Tensor, exact: Tensor) -> Errors:
        assert actual.isfinite().all()
        error = (actual.double() - exact).abs()
        return cls(error.max().item(), error.mean().item())

    def pooled_with(self, other: Errors) -> Errors:
        return Errors(max(self.largest, other.largest), self.mean + other.mean)


def assert_as_accurate_as_torch(
    case: OpCase, draws: Iterable[Arguments], shown: object = ""
) -> None:
    """Compare the largest and the mean error, each over all draws; none against none passes."""
    assert case.torch_own is not None
    ours = theirs = Errors()
    for arguments in draws:
        exact = case.native(*widen(arguments))
        ours = ours.pooled_with(Errors.of(case.function(*arguments), exact))
        theirs = theirs.pooled_with(Errors.of(case.torch_own(*arguments), exact))
    message = f"{shown}: {ours} against torch's {theirs}"
    assert ours.largest <= FACTOR * theirs.largest, message
    assert ours.mean <= FACTOR * theirs.mean, message


@covering(
    case=[c for c in CASES if c.torch_own is not None and c.op != "mm_encoder_attn"],
    dtype=DTYPES,
    distribution=tuple(DISTRIBUTIONS),
    columns=COLUMNS,
    kinds=BY_OP,
)
def test_rows(case: OpCase, dtype: torch.dtype, distribution: str, columns: int) -> None:
    draw = Draw.seeded(dtype, 0, *DISTRIBUTIONS[distribution])
    assert_as_accurate_as_torch(case, [case.make(draw, (ROWS,), columns)])


@covering(
    dtype=DTYPES,
    distribution=tuple(DISTRIBUTIONS),
    packed=(False, True),
    kv_heads=(12, 4),
    depth=(32, 64),
)
def test_attention(
    dtype: torch.dtype, distribution: str, packed: bool, kv_heads: int, depth: int
) -> None:
    """Single draws are noisy in float32 where the mean is large, so the errors of 8 are pooled."""
    case = case_named("mm_encoder_attn-dense")
    make = attention_arguments(HEADS, kv_heads, packed=packed)
    seeds = 8 if dtype == torch.float32 and distribution == "N(100,1)" else 2
    for sequence in SEQUENCES:
        draws = (
            make(Draw.seeded(dtype, s, *DISTRIBUTIONS[distribution]), (BATCH, sequence), depth)
            for s in range(seeds)
        )
        assert_as_accurate_as_torch(case, draws, sequence)


def test_the_yardstick_sees_an_inaccurate_kernel() -> None:
    case = case_named("gelu-erf")
    arguments = case.arguments()
    exact = case.native(*widen(arguments))
    good = Errors.of(case.function(*arguments), exact)
    bad = Errors.of(case.native(arguments[0], "tanh"), exact)
    assert bad.largest > 100 * good.largest
    assert math.isfinite(bad.mean)
