"""Regions of a graph: between two nodes of one region nothing is written, and no mode changes."""

from __future__ import annotations

import functools
import inspect
import operator
from typing import Any

import torch
from torch import fx

__all__ = ["is_pure"]

_OPERATORS = frozenset(
    {
        operator.add,
        operator.and_,
        operator.eq,
        operator.floordiv,
        operator.ge,
        operator.getitem,
        operator.gt,
        operator.invert,
        operator.le,
        operator.lt,
        operator.matmul,
        operator.mod,
        operator.mul,
        operator.ne,
        operator.neg,
        operator.not_,
        operator.or_,
        operator.pos,
        operator.pow,
        operator.sub,
        operator.truediv,
        operator.xor,
    }
)

_MODULES = ("torch", "torch.nn.functional", "torch._C._nn", "torch.functional", "torch.special")
"""Modules whose functions write no argument, unless their name ends in `_` or they are told to."""


def is_pure(node: fx.Node) -> bool:
    """Tell whether a node is known to write nothing and to change no mode of torch."""
    if node.op in ("placeholder", "get_attr", "output"):
        return True
    if node.op == "call_method":
        name = str(node.target)
        return not name.endswith("_") and not name.startswith("__set")
    if node.op != "call_function" or node.kwargs.get("out") is not None:
        return False
    return not _is_in_place(node) and _writes_nothing(node.target)


def _is_in_place(node: fx.Node) -> bool:
    """Tell whether the argument `inplace` of a function is not False."""
    named = node.kwargs.get("inplace", False)
    position = _place_of_inplace(node.target)
    given = position is not None and len(node.args) > position and node.args[position]
    return named is not False or given not in (None, False)


@functools.cache
def _place_of_inplace(target: Any) -> int | None:
    try:
        parameters = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):  # a builtin; none of them has this argument
        return None
    return parameters.index("inplace") if "inplace" in parameters else None


def _writes_nothing(target: Any) -> bool:
    if isinstance(target, torch._ops.OpOverload):
        return not target._schema.is_mutable
    if isinstance(target, torch._ops.OpOverloadPacket):
        schemas = target._schemas.values()
        return not any(schema.is_mutable for schema in schemas)
    if target in _OPERATORS:
        return True
    name = str(getattr(target, "__name__", "_"))
    if name.endswith("_") or name.startswith("_"):
        return False
    return _module_of(target) in _MODULES


def _module_of(target: Any) -> str:
    module = getattr(target, "__module__", None)
    if module is None:  # builtins of torch, such as torch.rsqrt
        return "torch" if getattr(torch, target.__name__, None) is target else ""
    return str(module)
