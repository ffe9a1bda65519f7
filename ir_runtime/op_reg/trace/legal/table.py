"""The table of rewrites: ATen operators that are replaced before the compiler sees them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "Rewrite",
    "decompositions",
    "has_double",
    "overload",
    "plain",
    "promoted",
    "rewrite",
    "rewrites_for",
    "rewritten_operators",
    "scalar_like",
]

Rewrite = Callable[..., Any]
"""Takes an operator's arguments; returns its result, or NotImplemented to keep the operator."""

_ALSO_DECOMPOSED = (
    "_native_batch_norm_legit.default _native_batch_norm_legit.no_stats upsample_bilinear2d.vec"
)
"""Core operators that the compiler lacks; torch has decompositions of them."""

_REWRITES: dict[torch._ops.OpOverload, list[Rewrite]] = {}


def rewrite(*names: str) -> Callable[[Rewrite], Rewrite]:
    """Register a function as a rewrite of ATen operators; a decorator.

    The function is traced instead of the operator. It may call other operators; these are rewritten
    in turn. If an operator has several rewrites, they are tried in the order of registration.

    Args:
        names: overloads such as `relu.default`.
    """

    def register(function: Rewrite) -> Rewrite:
        for name in names:
            _REWRITES.setdefault(overload(name), []).append(function)
        return function

    return register


class _Family(threading.local):
    name = "local"


_family = _Family()


@contextmanager
def rewrites_for(family: str) -> Generator[None]:
    """Use the rewrites for a device family in this thread's traces, in a `with` block.

    Args:
        family: `local` (CPUs), `vulkan`, `cuda` or `hip`.
    """
    before = _family.name
    _family.name = family
    try:
        yield
    finally:
        _family.name = before


def has_double() -> bool:
    """Tell whether f32 may be computed in f64; many GPUs have no f64, or slow f64."""
    return _family.name == "local"


def overload(name: str) -> torch._ops.OpOverload:
    """Return the overload of an ATen operator: `relu.default`."""
    packet, _, kind = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), kind)


def rewritten_operators() -> frozenset[str]:
    """Return the overloads that have a rewrite: `relu.default`."""
    return frozenset(str(op).removeprefix("aten.") for op in _REWRITES)


def decompositions() -> Any:
    """Return torch's decompositions into core ATen operators, with the rewrites before them."""
    from torch._decomp import get_decompositions
    from torch.export import default_decompositions

    table = default_decompositions()
    table.update(get_decompositions([overload(name) for name in _ALSO_DECOMPOSED.split()]))
    for op, rewrites in _REWRITES.items():
        default = table.decomp_table.get(op)
        table[op] = _chain(op, tuple(rewrites), default)
    return table


def _chain(
    op: torch._ops.OpOverload, rewrites: tuple[Rewrite, ...], default: Rewrite | None
) -> Rewrite:
    @functools.wraps(rewrites[0])
    def first_that_applies(*args: Any, **kwargs: Any) -> Any:
        if op is getattr(_plain, "op", None):
            return NotImplemented
        for function in rewrites:
            result = function(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return NotImplemented if default is None else default(*args, **kwargs)

    return first_that_applies


_plain = threading.local()


def plain(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call an operator without its rewrites; for use in a rewrite of the same operator."""
    op = overload(name)
    before, _plain.op = getattr(_plain, "op", None), op
    try:
        return op(*args, **kwargs)
    finally:
        _plain.op = before


def scalar_like(x: Tensor, value: float | bool) -> Tensor:  # noqa: FBT001 -- a number of any kind
    """Return a 0-d tensor of the dtype and device of `x`."""
    return torch.full((), value, dtype=x.dtype, device=x.device)


def promoted(x: Tensor | float, y: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return two operands, at least one a tensor, as tensors of torch's common dtype."""
    like = x if isinstance(x, Tensor) else y
    assert isinstance(like, Tensor)
    kind = torch.result_type(x, y)
    one, other = (
        v.to(kind) if isinstance(v, Tensor) else torch.full((), v, dtype=kind, device=like.device)
        for v in (x, y)
    )
    return one, other
