"""sample_tokens: choose a token of each row of logits, by its temperature, its limits and its seed.

There is no kernel: the time is that of sorting, which torch does, and only where a row needs it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING

__all__ = ["sample_tokens"]

GOLDEN = -0x61C8864680B583EB
"""The odd number nearest to 2**64 / the golden ratio, as a signed number."""
MIX = ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15))
INDICES = (torch.int64, torch.int32)


def _mixed(x: Tensor) -> Tensor:
    """Return 64 bits of which each depends on all bits of `x`; the finaliser of SplitMix64."""
    for shift, factor in MIX:
        x = (x ^ _shifted(x, shift)) * factor
    return x ^ _shifted(x, 31)


def _shifted(x: Tensor, by: int) -> Tensor:
    """Shift to the right as unsigned numbers."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def _uniform(seeds: Tensor, positions: Tensor) -> Tensor:
    """Return a number in 0..1, float64, for each pair of a seed and a position."""
    bits = _mixed(_mixed(seeds.to(torch.int64)) + (positions.to(torch.int64) + 1) * GOLDEN)
    return _shifted(bits, 11).to(torch.float64) * 2.0**-53


def _has_rows(argument: str) -> list[ir.Constraint]:
    return [
        ir.rank(argument, 1),
        ir.fits(
            argument,
            "of one number a row of `logits`",
            lambda t, logits: not ir.differ(t.shape[0], logits.shape[0]),
            beside=("logits",),
            expected=lambda _, logits: f"have {logits.shape[0]} elements, one a row of `logits`",
        ),
    ]


@ir.register_op(
    activations=["logits"],
    accepts=[
        ir.dtypes("logits", *FLOATING),
        ir.fits(
            "logits",
            "of rank 2, with at least one column",
            lambda t: t.ndim == 2 and ir.differ(t.shape[1], 0),
            expected=lambda _: "have 2 dimensions and at least one column",
        ),
        *(ir.dtypes(name, *FLOATING) for name in ("temperature", "top_p", "min_p")),
        *(ir.dtypes(name, *INDICES) for name in ("seeds", "positions", "top_k")),
        *(
            constraint
            for name in ("temperature", "seeds", "positions", "top_k", "top_p", "min_p")
            for constraint in _has_rows(name)
        ),
    ],
)
def sample_tokens(
    logits: Tensor,
    temperature: Tensor,
    seeds: Tensor,
    positions: Tensor,
    top_k: Tensor | None = None,
    top_p: Tensor | None = None,
    min_p: Tensor | None = None,
) -> Tensor:
    """Choose a token of each row at random, by the softmax of what its limits leave.

    The logits of a row are divided by its temperature. `min_p` leaves tokens whose probability is
    at least that part of the largest one. Of those, `top_k` leaves the ones with the largest
    logits, all that are equal to the last of them too, and `top_p` then the fewest of the largest
    ones whose probabilities add up to it, at least one.

    The random number of a row is a function of its seed and its position: equal ones give equal
    tokens, in whatever batch the row is, and whether a limit that limits nothing is given or None.

    Args:
        logits: `[B, V]` f32, bf16, f16 or f64.
        temperature: `[B]` floating point; 0 or less takes the largest logit, the first of equal
            ones.
        seeds: `[B]` int32 or int64, any numbers.
        positions: `[B]` int32 or int64: the number of the token in its sequence, so that each step
            has another random number.
        top_k: `[B]` int32 or int64; below 1 is no limit. Default: none.
        top_p: `[B]` floating point in 0..1; 1 or more is no limit. Default: none.
        min_p: `[B]` floating point in 0..1; 0 is no limit. Default: none.

    Returns:
        `[B]` int64, each in `0..V - 1`; any token for a row that has a NaN or +inf, or only -inf.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        Probabilities in float32, their sums in float64. The random number has 53 bits.

    Source:
        Top-p: The Curious Case of Neural Text Degeneration, arXiv:1904.09751; min-p:
        arXiv:2407.01082; the random number: SplitMix64, doi:10.1145/2660193.2660195.

    Example:
        >>> row = torch.tensor([[1.0, 3.0, 2.0]])
        >>> cold, hot = torch.tensor([0.0]), torch.tensor([1.0])
        >>> seed, position = torch.tensor([7]), torch.tensor([0])
        >>> sample_tokens(row, cold, seed, position)
        tensor([1])
        >>> sample_tokens(row, hot, seed, position, top_k=torch.tensor([1]))
        tensor([1])
    """
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    greedy = scores.argmax(-1)
    heat = temperature.to(scores.dtype).unsqueeze(1)
    # The difference first: small temperatures would make infinities of logits, and NaN of those.
    scores = scores - scores.amax(-1, keepdim=True)
    scores = scores / torch.where(heat > 0, heat, 1.0).clamp(max=torch.finfo(heat.dtype).max)
    if min_p is not None:
        least = min_p.to(scores.dtype).unsqueeze(1).log().clamp(max=0.0)
        scores = scores.masked_fill(scores < least, float("-inf"))
    if top_k is not None or top_p is not None:
        largest, order = torch.sort(scores, dim=-1, descending=True, stable=True)
        # Back in the order of tokens: a row without limits gets the token that it gets elsewhere.
        scores = torch.scatter(scores, -1, order, _limited(largest, top_k, top_p))
    sums = scores.exp().to(torch.float64).cumsum(-1)
    wanted = _uniform(seeds, positions).unsqueeze(1) * sums[:, -1:]
    place = (sums <= wanted).sum(-1).clamp(max=scores.shape[1] - 1)
    return torch.where(heat.squeeze(1) > 0, place, greedy)


def _limited(scores: Tensor, top_k: Tensor | None, top_p: Tensor | None) -> Tensor:
    """Return sorted scores with -inf for those beyond the limits."""
    if top_k is not None:
        size = scores.shape[1]
        count = torch.where(top_k < 1, size, top_k.to(torch.int64)).clamp(max=size)
        last = scores.gather(-1, (count - 1).unsqueeze(1))
        scores = scores.masked_fill(scores < last, float("-inf"))
    if top_p is not None:
        parts = torch.softmax(scores, dim=-1).to(torch.float64)
        before = parts.cumsum(-1) - parts
        limit = top_p.to(torch.float64).unsqueeze(1)
        cut = (before >= limit) & (limit < 1)
        cut = cut & (torch.arange(scores.shape[1], device=scores.device) > 0)
        scores = scores.masked_fill(cut, float("-inf"))
    return scores


@sample_tokens.register_fake
def _fake(logits: Tensor, *others: Any) -> Tensor:
    del others
    return logits.new_empty(logits.shape[0], dtype=torch.int64)


@sample_tokens.register_input_generator
def sample_tokens_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size` logits, and one choice of each limit."""

    def of_each(value: float) -> Tensor:
        return torch.full((num_tokens,), value, device=device)

    logits = torch.randn(num_tokens, hidden_size, device=device).to(dtype)
    seeds, positions = torch.arange(num_tokens, device=device), of_each(3)
    return logits, of_each(0.8), seeds, positions, of_each(40), of_each(0.9), of_each(0.05)


ir.set_platform_default(sample_tokens, native_first=True)
