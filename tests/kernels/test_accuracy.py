"""Is each kernel about as accurate as torch's own?  Errors against float64, at most 1.5 times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
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
from tests.full_inputs import KERNEL_INPUTS
from tests.sampling import covering

FACTOR = 1.5
FACTOR_OF_LARGEST = {"gelu": FACTOR, "mm_encoder_attn": 2.5}
"""For the largest error on one stretch; twice torch's where products of several roundings meet, the
largest of some thousand of which is a matter of luck. Gradients of attention are torch's own matrix
products, which add up 64 numbers in a row; torch's attention adds them up in blocks."""

ROWS = 64
COLUMNS = (384, 4096)
DISTRIBUTIONS = {"N(0,1)": (0.0, 1.0), "N(0,10)": (0.0, 10.0), "N(100,1)": (100.0, 1.0)}
"""Mean and standard deviation of the activations; weights are N(0,1)."""

SEQUENCES = (64, 300)
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


ELEMENTS = {
    "gelu": ((-14, -10), (-10, -8), (-8, -6), (-6, -5), (-5, -4), (-4, -2), (-2, -0.5), (-0.5, 0),
             (0, 0.5), (0.5, 2), (2, 5), (5, 20), (1e-6, 1e-3), (1e10, 1e30), (-1e30, -1e20)),
    "silu_and_mul": ((-95, -80), (-80, -40), (-40, -20), (-20, -8), (-8, -2), (-2, -0.1),
                     (-0.1, 0.1), (0.1, 2), (2, 8), (8, 30), (30, 90), (1e8, 1e18)),
}  # fmt: skip
"""Stretches of the range of the elements, of ops that compute each by itself."""

SUMS = ((0, 1e-10), (0, 1e-3), (0, 0.1), (0, 1), (0, 10), (100, 1), (-20, 3), (5, 0.1))
ROW_STRETCHES = {
    "mm_encoder_attn": SUMS,
    "linear": SUMS,
    "softmax": (*SUMS, (0, 100), (-1e4, 10), (0, 1e18), (0, 1e30)),
}
"""Mean and deviation of the elements of a row."""

EVERYWHERE = (*ROW_STRETCHES["softmax"], (0, 1e-30), (0, 1e-12), (1e30, 1e28), (1e4, 1e-3))
SMALLEST = 128 * torch.finfo(torch.float32).tiny
"""Errors below this are those of numbers that lose digits for being small, or vanish."""

SEEDS = 2


def stretches_of(op: str) -> tuple[tuple[float, float], ...]:
    return ELEMENTS.get(op) or ROW_STRETCHES.get(op, EVERYWHERE)


def draw_in(
    case: OpCase, dtype: torch.dtype, stretch: tuple[float, float], seed: int
) -> tuple[Arguments, Tensor]:
    """Return arguments whose elements lie in a stretch, and a gradient of the result."""
    lead, width = ((2, 64), 32) if case.op == "mm_encoder_attn" else ((64,), 384)
    draw = Draw.seeded(dtype, seed)
    if case.op in ELEMENTS:
        low, high = stretch
        part = torch.rand(64, width, generator=draw.generator, dtype=torch.float64)
        x = (part * (high - low) + low).to(dtype)
        if case.op == "silu_and_mul":
            x = torch.cat((x, draw.activation(64, width)), dim=-1)
        arguments = (x, *case.make(draw, lead, width)[1:])
    else:
        arguments = case.make(Draw.seeded(dtype, seed, *stretch), lead, width)
    shape = case.native(*widen(arguments)).shape
    return arguments, draw.activation(*shape)


def result_and_gradients(
    case: OpCase, function: Callable[..., Tensor], arguments: Arguments, gradient: Tensor
) -> list[Tensor]:
    given = tuple(a.detach().clone() if isinstance(a, Tensor) else a for a in arguments)
    wanted = [given[i].requires_grad_() for i in case.differentiable if given[i] is not None]
    result = function(*given)
    found = torch.autograd.grad(result, wanted, gradient.to(result.dtype))
    return [result.detach(), *found]


def assert_stretch(case: OpCase, dtype: torch.dtype, stretch: tuple[float, float]) -> None:
    """Compare results and gradients over all draws; skip what the dtype cannot hold."""
    assert case.torch_own is not None
    pooled: dict[int, list[list[Tensor]]] = {}
    for seed in range(SEEDS):
        arguments, gradient = draw_in(case, dtype, stretch, seed)
        if not all(a.isfinite().all() for a in arguments if isinstance(a, Tensor)):
            return
        exact = result_and_gradients(case, case.native, widen(arguments), gradient)
        mine = result_and_gradients(case, case.function, arguments, gradient)
        own = result_and_gradients(case, case.torch_own, arguments, gradient)
        for i, three in enumerate(zip(mine, own, exact, strict=True)):
            if three[2].to(dtype).isfinite().all():
                pooled.setdefault(i, []).append([t.double().flatten() for t in three])
    for i, draws in pooled.items():
        mine, own, exact = (torch.cat(parts) for parts in zip(*draws, strict=True))
        assert mine.isfinite().all(), (case.id, stretch, i)
        error, theirs = (mine - exact).abs(), (own - exact).abs()
        if not theirs.isfinite().all():  # torch's overflows
            theirs = 8 * torch.finfo(dtype).eps * exact.abs().max()
        message = f"{case.id} {dtype} {stretch} {i}: {error.max()}, torch's {theirs.max()}"
        assert error.max() <= FACTOR_OF_LARGEST.get(case.op, 2.0) * theirs.max() + SMALLEST, message
        assert error.mean() <= FACTOR * theirs.mean() + SMALLEST, message


@covering(
    case=[c for c in CASES if c.torch_own is not None],
    dtype=DTYPES,
    kinds=BY_OP,
)
def test_each_stretch_of_the_range(case: OpCase, dtype: torch.dtype) -> None:
    """Forward and backward: an error that only shows where results are small counts, too."""
    for stretch in stretches_of(case.op):
        assert_stretch(case, dtype, stretch)


def test_the_yardstick_sees_an_inaccurate_kernel() -> None:
    case = case_named("gelu-erf")
    arguments = case.arguments()
    exact = case.native(*widen(arguments))
    good = Errors.of(case.function(*arguments), exact)
    bad = Errors.of(case.native(arguments[0], "tanh"), exact)
    assert bad.largest > 100 * good.largest
    assert math.isfinite(bad.mean)
