"""Arguments for the attention of decoders: few shapes, so that tests share kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "DECODER_OPS",
    "DEPTH",
    "HEADS",
    "KV_HEADS",
    "PAGE",
    "cached",
    "called",
    "normal",
    "widen",
]

DECODER_OPS = {"causal_attention", "paged_attention_decode"}
"""Ops with a kernel of their own that are tested in this folder, and not by `tests.cases`."""

HEADS, KV_HEADS, DEPTH, PAGE = 4, 2, 24, 16
"""24 channels: a whole vector and a half."""


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def called(op: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls an op, for a compiler to trace."""

    def call(*args: Any) -> Any:
        return op(*args)

    return call


def widen(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments with floating-point tensors in float64."""
    return tuple(
        v.double() if isinstance(v, Tensor) and v.is_floating_point() else v for v in values
    )


def cached(
    lengths: list[int],
    *,
    dtype: torch.dtype = torch.float32,
    cache: torch.dtype = torch.float32,
    pages: int = 20,
    heads: tuple[int, int] = (HEADS, KV_HEADS),
    depth: int = DEPTH,
    index: torch.dtype = torch.int32,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: bool = False,
) -> list[Any]:
    """Return the arguments of `paged_attention_decode`; what no key needs is NaN, or no page."""
    batch, pages = len(lengths), max(pages, -(-max(lengths) // PAGE))
    blocks = batch * pages + 3
    query = normal(batch, heads[0], depth, dtype=dtype)
    key, value = (normal(blocks, heads[1], PAGE, depth, seed=seed) for seed in (1, 2))
    order = torch.randperm(blocks, generator=torch.Generator().manual_seed(3))
    table = order[: batch * pages].view(batch, pages).to(index)
    seen = torch.zeros(blocks, PAGE, dtype=torch.bool)
    for b, length in enumerate(lengths):
        first = 0 if window is None else max(0, length - window)
        for t in range(first, length):
            seen[table[b, t // PAGE], t % PAGE] = True
        table[b, -(-length // PAGE) :] = 10**6
        table[b, : first // PAGE] = -1
    scales: list[Tensor | None] = [None, None]
    if cache == torch.int8:
        found = [t.abs().amax(-1) / 127 for t in (key, value)]
        key, value = (
            (t / s.unsqueeze(-1)).round() for t, s in zip((key, value), found, strict=True)
        )
        scales = [s.masked_fill(~seen.unsqueeze(1), float("nan")) for s in found]
    else:
        key, value = (t.masked_fill(~seen[:, None, :, None], float("nan")) for t in (key, value))
    more = normal(heads[0], dtype=dtype, seed=4) if sinks else None
    counts = torch.tensor(lengths, dtype=index)
    caches = (key.to(cache), value.to(cache))
    return [query, *caches, table, counts, None, window, soft_cap, more, *scales]
