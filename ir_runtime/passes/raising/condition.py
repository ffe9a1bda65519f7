"""Conditions under which an op computes what the matched nodes compute: dtypes, shapes, strides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, fx

from ir_runtime.passes.raising.fact import (
    FLOATING,
    at_least_as_wide,
    number_of,
    row_order,
    same_sizes,
    value_of,
)
from ir_runtime.passes.raising.form import Unfit

__all__ = ["computes_as", "first_unfit", "in_place_of", "is_feature", "is_finite", "shaped_as"]


def first_unfit(*conditions: Unfit | None) -> Unfit | None:
    """Return the first condition that does not hold."""
    return next((c for c in conditions if c is not None), None)


def computes_as(nodes: Iterable[fx.Node], result: fx.Node, x: fx.Node) -> Unfit | None:
    """Check that nodes compute in the dtype of `x` or a wider one, and that the result has it.

    An op of ours computes in float32 or wider, and rounds its result once.
    """
    value = value_of(x)
    if value is None or value.dtype not in FLOATING:
        return Unfit(x, f"{shown(x)}, must be a plain tensor of {', '.join(map(str, FLOATING))}")
    for node in nodes:
        if isinstance(node.meta.get("example_value"), list | tuple):
            continue  # of a split, whose parts are nodes, too
        computed = value_of(node)
        if computed is None or computed.device != value.device:
            return Unfit(node, f"{shown(node)}, must be a plain tensor on {value.device}")
        if not at_least_as_wide(computed.dtype, value.dtype):
            return Unfit(node, f"{shown(node)}, must be of the dtype of {shown(x)} or wider")
    rounded = value_of(result)
    if rounded is None or rounded.dtype != value.dtype:
        return Unfit(result, f"{shown(result)}, must be of the dtype of {shown(x)}")
    return None


def shaped_as(node: fx.Node, x: fx.Node) -> Unfit | None:
    """Check that a value has the shape of another one, whatever the values of symbols are."""
    value, other = value_of(node), value_of(x)
    if value is None or other is None or not same_sizes(value.shape, other.shape):
        return Unfit(node, f"{shown(node)}, must have the shape of {shown(x)}")
    return None


def is_feature(node: Any, x: fx.Node) -> Unfit | None:
    """Check that a value has one floating-point number for each element of a row of `x`."""
    value, rows = value_of(node), value_of(x)
    fits = (
        value is not None
        and rows is not None
        and rows.ndim > 0
        and value.device == rows.device
        and value.dtype in FLOATING
        and same_sizes(value.shape, rows.shape[-1:])
    )
    if fits:
        return None
    return Unfit(
        node if isinstance(node, fx.Node) else x,
        f"{shown(node)}, must have one number for each element of a row of {shown(x)}",
    )


def is_finite(node: fx.Node, name: str, number: Any) -> Unfit | None:
    """Check that a number is one that an op takes: finite, not negative."""
    value = number_of(number)
    if value is not None and 0.0 <= value < float("inf"):
        return None
    return Unfit(node, f"{name} is {value}, must be finite and >= 0")


def in_place_of(node: fx.Node) -> tuple[int, ...] | Unfit:
    """Return the order of dimensions in which a result is contiguous, with the last one last."""
    value = value_of(node)
    order = None if value is None else row_order(value)
    if order is None:
        return Unfit(node, f"{shown(node)}, must be rows whose dimensions are only reordered")
    return order


def shown(node: Any) -> str:
    """Describe a value: name, dtype and shape."""
    if not isinstance(node, fx.Node):
        return repr(node)
    value: Any = node.meta.get("example_value")
    if not isinstance(value, Tensor):
        kind = "of unknown value" if value is None else f"of type {type(value).__name__}"
        return f"`{node.name}` {kind}"
    sizes = ", ".join(map(str, value.shape))
    return f"`{node.name}` {str(value.dtype).removeprefix('torch.')}[{sizes}]"
