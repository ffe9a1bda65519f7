"""Scales for groups of rows and columns: how many there are, and the elements that each serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ir_runtime import ir

__all__ = ["group_scales", "spread_groups"]


def _sizes(x: Tensor, group_shape: Sequence[int]) -> tuple[Any, Any]:
    """Return the rows and columns of a group."""
    rows, columns = group_shape
    return (x.shape[-2] if rows == -1 else rows), (x.shape[-1] if columns == -1 else columns)


def spread_groups(scale: Tensor, x: Tensor, group_shape: Sequence[int]) -> Tensor:
    """Repeat the scales of groups, until each dimension has one or as many as that of `x`."""
    for dim, size in zip((-2, -1), _sizes(x, group_shape), strict=True):
        if size != 1 and scale.shape[dim] != 1:
            scale = scale.repeat_interleave(size, dim).narrow(dim, 0, x.shape[dim])
    return scale


def _scale_shape(x: Tensor, group_shape: Sequence[int]) -> list[Any]:
    """Return the shape of the scales; the last groups may have fewer rows or columns."""
    sizes = zip(x.shape[-2:], _sizes(x, group_shape), strict=True)
    counts = (-(-count // max(size, 1)) for count, size in sizes)
    return [*x.shape[:-2], *counts]


def group_scales(*, optional: bool = False) -> tuple[ir.Constraint, ...]:
    """Return the constraints on `x`, `scale` and `group_shape` for scales of groups.

    Args:
        optional: whether they are also true if `group_shape` is None.
    """

    def is_shape(shape: Any) -> bool:
        if shape is None:
            return optional
        return len(shape) == 2 and all(size == -1 or size >= 1 for size in shape)

    def has_groups(x: Tensor, shape: Any) -> bool:
        return shape is None or x.ndim >= 2

    def counted(scale: Tensor, x: Tensor, shape: Any) -> bool:
        if shape is None:
            return True
        wanted = _scale_shape(x, shape)
        pairs = zip(scale.shape, wanted, strict=False)
        return scale.ndim == len(wanted) and not any(ir.differ(a, b) for a, b in pairs)

    return (
        ir.Constraint(
            "group_shape",
            "two sizes, each at least 1, or -1 for the whole dimension",
            is_shape,
            repr,
            reads=ir.Reads.CALL,
        ),
        ir.fits(
            "x",
            "of rank 2 or more with a `group_shape`",
            has_groups,
            beside=("group_shape",),
            expected=lambda *_: "have at least 2 dimensions for groups of them",
        ),
        ir.fits(
            "scale",
            "one element for each group of `x`",
            counted,
            beside=("x", "group_shape"),
            expected=lambda _, x, shape: (
                f"have the shape {_scale_shape(x, shape)}, one element for each group of `x`"
            ),
        ),
    )
