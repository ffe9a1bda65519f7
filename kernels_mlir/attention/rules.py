"""Rules and torch functions that the attention ops share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ir_runtime import ir

__all__ = [
    "CACHES",
    "INDICES",
    "MAX_DEPTH",
    "has_channels",
    "head_numbers",
    "of_rank",
    "positive",
    "scale_of",
    "softmax_with_sink",
    "window_of",
]

CACHES = (torch.float32, torch.bfloat16, torch.int8)
"""Dtypes of a cache, whatever the dtype of a query is."""

INDICES = (torch.int32, torch.int64)

MAX_DEPTH = 480
"""Most channels of a head that the CPU kernels take."""


def scale_of(query: Tensor, scale: float | None) -> float:
    """Return the factor of the scores: `1 / sqrt(channels)` by default."""
    return float(query.shape[-1]) ** -0.5 if scale is None else scale


def window_of(window: int | None) -> int | None:
    """Return the window for a kernel, None if no sequence is as long: kernels count in 32 bits."""
    return None if window is None or window >= 1 << 31 else window


def softmax_with_sink(scores: Tensor, sinks: Tensor | None) -> Tensor:
    """Return the softmax along the last dimension, 0 in a row without a finite score.

    Args:
        scores: `[B, *heads, S, L]`, or `[B, *heads, L]`; -inf where a key is not seen.
        sinks: a further score of each head, of the shape that follows the batch; it takes its
            part of a row, and has no value.
    """
    if sinks is not None:
        shape = (1, *sinks.shape, *[1] * (scores.ndim - 1 - sinks.ndim))
        further = sinks.to(scores.dtype).view(shape).expand(*scores.shape[:-1], 1)
        scores = torch.cat((scores, further), dim=-1)
    lost = (scores == float("-inf")).all(-1, keepdim=True)
    # Filled before, too: the gradient of a NaN would reach the keys of all rows.
    weights = torch.softmax(scores.masked_fill(lost, 0.0), dim=-1).masked_fill(lost, 0.0)
    return weights if sinks is None else weights[..., :-1]


def of_rank(argument: str, rank: int) -> ir.Constraint:
    """Return the constraint that a tensor has so many dimensions."""
    plural = "s" if rank > 1 else ""
    return ir.fits(
        argument,
        f"of rank {rank}",
        lambda t: t.ndim == rank,
        expected=lambda _: f"have {rank} dimension{plural}",
    )


def has_channels(argument: str) -> ir.Constraint:
    """Return the constraint that the heads of a tensor, its last dimension, have channels."""
    return ir.fits(
        argument,
        "of at least 1 channel a head",
        lambda t: ir.differ(t.shape[-1], 0),
        expected=lambda _: "have a last dimension of at least 1",
    )


def positive(argument: str) -> ir.Constraint:
    """Return the constraint that a number is positive and finite."""
    return ir.number(argument, "positive and finite", lambda v: 0 < v < math.inf)


def head_numbers(argument: str, heads: int) -> list[ir.Constraint]:
    """Return the constraints that a tensor has one number for each head of `query`.

    Args:
        argument: the tensor.
        heads: the dimension of `query` that has its heads.
    """
    return [
        ir.dtypes(argument, torch.float32, torch.bfloat16, torch.float16, torch.float64),
        ir.fits(
            argument,
            "one number a head of `query`",
            lambda t, query: not ir.differ(t.shape[0], query.shape[heads]),
            beside=("query",),
            expected=lambda _, query: f"have {query.shape[heads]} elements, one a head",
        ),
    ]
