"""The formulas and constraints that norms by the root mean square share."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor

__all__ = ["divides_last_size", "multiplied", "rms_normed", "within_last_size"]


def rms_normed(
    v: Tensor, epsilon: float, *, variance_size: int | None = None, groups: int = 1
) -> Tensor:
    """Divide each row by its root mean square, in the dtype of `v`.

    Args:
        v: f32 or f64.
        epsilon: added to the mean square.
        variance_size: the number of first elements of a row, or group, that enter the mean.
        groups: the number of equal parts of a row that are normed by themselves.
    """

    def normed(part: Tensor) -> Tensor:
        mean = part[..., :variance_size].square().mean(-1, keepdim=True)
        return part * torch.rsqrt(mean + epsilon)

    if groups <= 1:
        return normed(v)
    # Parts of a row stay one row kernel; another dimension would not.
    return torch.cat([normed(part) for part in v.split(v.shape[-1] // groups, -1)], -1)


def multiplied(v: Tensor, weight: Tensor | None) -> Tensor:
    """Multiply rows by a weight, in the dtype of the rows; None for all ones."""
    return v if weight is None else v * weight.to(v.dtype)


def within_last_size(argument: str) -> ir.Constraint:
    """Return the constraint that a number, or None, is one of the sizes 1 to that of a row."""
    return ir.Constraint(
        argument,
        "in 1..n, the last size of `x`",
        lambda size, x: size is None or 1 <= size <= x.shape[-1],
        repr,
        others=("x",),
        expected=lambda _, x: f"be in 1..{x.shape[-1]} as the last dimension of `x`",
    )


def divides_last_size(argument: str) -> ir.Constraint:
    """Return the constraint that a row can be divided by a number, or into as many parts."""
    return ir.Constraint(
        argument,
        "a divisor of the last size of `x`",
        lambda size, x: size is None or (size >= 1 and x.shape[-1] % size == 0),
        repr,
        others=("x",),
        expected=lambda _, x: f"divide the last dimension of `x` {format_tensor(x)}",
    )
