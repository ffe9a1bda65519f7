"""Facts about the values of a graph before autograd, read without a guard on a size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

__all__ = [
    "FLOATING",
    "at_least_as_wide",
    "fixed_number",
    "is_contiguous_in",
    "known_equal",
    "number_of",
    "rank_of",
    "row_order",
    "same_sizes",
    "value_of",
]

FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
"""Dtypes that the ops compute with."""


def value_of(node: Any) -> Tensor | None:
    """Return the example of a node's value if it is a plain tensor.

    None for other values, and for tensors of other kinds: subclasses such as `DTensor`, and those
    that `torch.func` wraps, whose sizes are not those of the data.
    """
    value = node.meta.get("example_value") if isinstance(node, fx.Node) else None
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized:
        return None
    if is_traceable_wrapper_subclass(value) or torch._C._functorch.is_functorch_wrapped_tensor(
        value
    ):
        return None
    return value


def number_of(value: Any) -> float | None:
    """Return the number that an argument is, or has in the call for which the graph is made.

    Args:
        value: an int or float, or a node: with `dynamic=True` an attribute of a module is one.

    Returns:
        None if it is no number, or one that only a run of the graph knows.
    """
    if type(value) in (int, float):
        return float(value)
    symbol = value.meta.get("example_value") if isinstance(value, fx.Node) else None
    hint: Any = symbol.node.hint if isinstance(symbol, torch.SymFloat) else None
    return hint if type(hint) is float else None


def fixed_number(value: Any) -> float:
    """Return a number as `number_of` does, and let the graph hold for this number only.

    torch does so for the scale of attention, too.
    """
    return float(value.meta["example_value"] if isinstance(value, fx.Node) else value)


def rank_of(node: Any) -> int | None:
    """Return the number of dimensions of a node's value, None if it is unknown."""
    value = value_of(node)
    return None if value is None else value.ndim


def known_equal(size: Any, other: Any) -> bool:
    """Tell whether two sizes are equal for all values of the symbols in them."""
    return statically_known_true(size == other)


def same_sizes(sizes: Sequence[Any], others: Sequence[Any]) -> bool:
    """Tell whether two shapes are known to be equal."""
    return len(sizes) == len(others) and all(map(known_equal, sizes, others))


def at_least_as_wide(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Tell whether a floating-point dtype holds all values of another one."""
    return dtype in FLOATING and torch.promote_types(dtype, other) == dtype


def row_order(value: Tensor) -> tuple[int, ...] | None:
    """Return the order of dimensions in which a tensor is contiguous, with the last one last.

    The order is that of `value.permute(order)`; for a contiguous tensor it is `0, 1, ...`. None if
    there is no such order, or if it is not known for all sizes.
    """
    leading = itertools.permutations(range(value.ndim - 1))
    last = (value.ndim - 1,) if value.ndim else ()
    return next((o + last for o in leading if is_contiguous_in(value, o + last)), None)


def is_contiguous_in(value: Tensor, order: Sequence[int]) -> bool:
    """Tell whether `value.permute(order)` is contiguous, for all sizes."""
    sizes, strides = value.shape, value.stride()
    expected: Any = 1
    for dim in reversed(order):
        if not known_equal(sizes[dim], 1) and not known_equal(strides[dim], expected):
            return False
        expected = expected * sizes[dim]
    return True
