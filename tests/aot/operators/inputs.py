"""Inputs that operators are tried on: special values of each dtype, and small shapes."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ALL", "FLOATS", "INTS", "line", "lines", "mask", "pairs", "positive", "random"]

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTS = (torch.int64, torch.int32, torch.int8, torch.uint8, torch.int16)
ALL = (*FLOATS, *INTS, torch.bool)

_PLAIN = (0.0, 0.5, 1.5, 2.5, -2.5, 1.0, -1.0, 3.75, -3.75, 10.25, -0.125, 0.001, 5.5, -7.0, 88.0)
_INTEGERS = (0, 1, -1, 2, -2, 3, -3, 7, -7, 100, 13, -128, 127, 64, 5)


def line(dtype: torch.dtype) -> Tensor:
    """Return NaN, infinities, zeros of both signs, extremes and plain values."""
    if dtype == torch.bool:
        return torch.tensor([True, False, False, True, True])
    if not dtype.is_floating_point:
        limits = torch.iinfo(dtype)
        values = [v for v in _INTEGERS if limits.min <= v <= limits.max]
        return torch.tensor([*values, limits.min, limits.max], dtype=dtype)
    limits = torch.finfo(dtype)
    tiny = limits.smallest_normal
    special = [
        float("nan"),
        float("inf"),
        -float("inf"),
        -0.0,
        tiny,
        -tiny,
        limits.max,
        -limits.max,
    ]
    return torch.tensor([*special, *_PLAIN], dtype=torch.float64).to(dtype)


def lines(dtype: torch.dtype) -> Tensor:
    """Return rows that hold the values of `line` in several orders, and rows without NaN."""
    values = line(dtype)
    plain = values[8:] if dtype.is_floating_point else values
    count = 8 if dtype.is_floating_point else min(8, len(values))
    rows = [values[:count], values.flip(0)[:count], plain[:count], plain.flip(0)[:count]]
    short = min(map(len, rows))
    return torch.stack([row[:short] for row in rows])


def pairs(dtype: torch.dtype, *, zeros: bool = True) -> tuple[Tensor, Tensor]:
    """Return each value of `line` against each other one, by broadcasting."""
    values = line(dtype)
    if zeros or dtype.is_floating_point:
        return values[:, None], values[None, :]
    dividends = values[values != torch.iinfo(dtype).min] if dtype.is_signed else values
    return dividends[:, None], values[values != 0][None, :]  # min // -1 ends torch's process


def random(dtype: torch.dtype, *shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
    """Return numbers between two bounds, the same each time."""
    generator = torch.Generator().manual_seed(sum(shape) + len(shape))
    values = torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low
    if dtype == torch.bool:
        return values > 0
    if not dtype.is_floating_point:
        scaled = (values * 5).round()
        return (scaled.abs() if not dtype.is_signed else scaled).to(dtype)
    return values.to(dtype)


def positive(dtype: torch.dtype, *shape: int) -> Tensor:
    return random(dtype, *shape, low=0.125, high=3.0)


def mask(*shape: int) -> Tensor:
    return random(torch.float32, *shape) > 0
