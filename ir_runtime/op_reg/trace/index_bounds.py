"""Bounds of integers that a traced program computes from constants, ranges and sizes.

An index that is always in range needs no check: for example an index of `unfold`, of a relative
position, or the result of `argmax`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

__all__ = ["Bounds", "bounds_of"]

Bounds = tuple[int, int]
"""The least and the greatest possible value."""

_MOST_NODES = 64
_SAME = (
    "alias", "cat", "clone", "detach", "expand", "flatten", "lift_fresh_copy", "permute", "repeat",
    "reshape", "select", "slice", "squeeze", "t", "transpose", "unsqueeze", "view", "_unsafe_view",
)  # fmt: skip


def bounds_of(node: Any, constants: Mapping[str, torch.Tensor]) -> Bounds | None:
    """Return bounds of the elements of a tensor, None if they are not known.

    Args:
        node: a node of a graph, or a number.
        constants: the constant tensors of the program, by the names of their nodes.
    """
    return _Search(constants).bounds(node)


class _Search:
    def __init__(self, constants: Mapping[str, torch.Tensor]) -> None:
        self._constants = constants
        self._left = _MOST_NODES

    def bounds(self, node: Any) -> Bounds | None:
        if type(node) is int:
            return node, node
        # The search is limited: a shared node is visited once for each path to it.
        self._left -= 1
        if not isinstance(node, torch.fx.Node) or self._left < 0:
            return None
        constant = self._constants.get(node.name)
        if constant is not None:
            return _of_constant(constant)
        if not isinstance(node.target, torch._ops.OpOverload) or node.target.namespace != "aten":
            return None
        found = self._of_call(node, node.target._schema.name.partition("::")[2])
        dtype = getattr(node.meta.get("val"), "dtype", None)
        return found if found is not None and _fits(found, dtype) else None

    def _of_call(self, node: Any, name: str) -> Bounds | None:
        # Operators that only move elements: the bounds are those of the inputs.
        if name in _SAME:
            first = node.args[0]
            return self._all(first if isinstance(first, list | tuple) else [first])
        if name == "_to_copy":
            is_integer = not node.args[0].meta["val"].is_floating_point()
            return self.bounds(node.args[0]) if is_integer else None
        if name == "arange":
            return self._of_range(node)
        if name in ("argmax", "argmin"):
            return self._below_size(node)
        if name == "where":
            return self._all(node.args[1:])
        if name in ("full", "scalar_tensor"):
            return self.bounds(node.args[name == "full"])
        # `alpha` and other options are not in the table.
        combine = _ARITHMETIC.get(name)
        if combine is None or node.kwargs:
            return None
        both = [self.bounds(value) for value in node.args[:2]]
        if len(node.args) != 2 or both[0] is None or both[1] is None:
            return None
        return combine(both[0], both[1])

    def _all(self, nodes: Any) -> Bounds | None:
        every = [self.bounds(node) for node in nodes]
        known = [found for found in every if found is not None]
        if not known or len(known) < len(every):
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def _of_range(self, node: Any) -> Bounds | None:
        numbers = list(node.args)
        if not all(type(number) is int for number in numbers):
            return None
        start, end = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
        step = numbers[2] if len(numbers) > 2 else 1
        values = range(start, end, step)
        return (min(values), max(values)) if values else (0, 0)

    def _below_size(self, node: Any) -> Bounds | None:
        value = node.args[0].meta["val"]
        dim = node.args[1] if len(node.args) > 1 else None
        size = value.numel() if dim is None else value.shape[dim] if value.ndim else 1
        return (0, size - 1) if type(size) is int and size > 0 else None


def _of_constant(constant: torch.Tensor) -> Bounds | None:
    if constant.is_floating_point() or constant.is_complex() or not constant.numel():
        return None
    return int(constant.min()), int(constant.max())


def _fits(bounds: Bounds, dtype: torch.dtype | None) -> bool:
    """Tell whether the bounds fit the dtype, so that no element can have wrapped around."""
    if dtype is None or dtype.is_floating_point or dtype.is_complex or dtype == torch.bool:
        return False
    limits = torch.iinfo(dtype)
    return limits.min <= bounds[0] and bounds[1] <= limits.max


def _multiplied(one: Bounds, other: Bounds) -> Bounds:
    products = [a * b for a in one for b in other]
    return min(products), max(products)


def _remainder(one: Bounds, other: Bounds) -> Bounds | None:
    del one
    return (0, other[1] - 1) if other[0] > 0 else None


def _truncated_remainder(one: Bounds, other: Bounds) -> Bounds | None:
    found = _remainder(one, other)
    return None if found is None else (0 if one[0] >= 0 else -found[1], found[1])


_ARITHMETIC: dict[str, Callable[[Bounds, Bounds], Bounds | None]] = {
    "add": lambda one, other: (one[0] + other[0], one[1] + other[1]),
    "sub": lambda one, other: (one[0] - other[1], one[1] - other[0]),
    "mul": _multiplied,
    "remainder": _remainder,
    "fmod": _truncated_remainder,
    "maximum": lambda one, other: (max(one[0], other[0]), max(one[1], other[1])),
    "minimum": lambda one, other: (min(one[0], other[0]), min(one[1], other[1])),
    "clamp_min": lambda one, other: (max(one[0], other[0]), max(one[1], other[1])),
}
