"""The sharding rules of the ops for `DTensor`: the dimensions along which parts are independent.

The rules are registered with torch when `torch.distributed.tensor` is imported. They are for one
dimension of a device mesh; torch combines them for several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from ir_runtime.op_reg.digest.when_imported import when_imported

__all__ = [
    "NO_TENSOR",
    "Sharding",
    "free_dims",
    "shard_by_element",
    "shard_by_row",
    "shard_by_rule",
    "shard_two_by_row",
]

Sharding = tuple[list[Any], list[Any]]
"""Placements of the results and of the arguments: a dimension to split, None for a copy on each
device, `NO_TENSOR` for a value that is no tensor."""

NO_TENSOR = "no tensor"

Rule = Callable[..., list[Sharding]]
"""Takes the arguments of a call; tensors among them have `shape` and `ndim`. The rule does not
return the sharding with a full copy on each device, which is always possible."""


def shard_by_element(op: str) -> None:
    """Register that any dimension of the first argument may be split."""
    shard_by_rule(op, lambda x, *rest: _first_is_split(x, x.ndim, rest))


def shard_by_row(op: str) -> None:
    """Register that any dimension of the first argument, except the last, may be split."""
    shard_by_rule(op, lambda x, *rest: _first_is_split(x, x.ndim - 1, rest))


def shard_two_by_row(op: str, *, results: int = 1) -> None:
    """Register that any dimension of the first two arguments, except the last, may be split.

    Args:
        op: its name; its second argument, if it is a tensor, has the shape of the first.
        results: how many results of this shape the op has.
    """

    def rule(x: Any, other: Any, *rest: Any) -> list[Sharding]:
        others = [_copy(value) for value in rest]
        two = _is_tensor(other)
        return [
            ([dim] * results, [dim, dim if two else NO_TENSOR, *others])
            for dim in free_dims(x, x.ndim - 1, rest)
        ]

    shard_by_rule(op, rule)


def shard_by_rule(op: str, rule: Rule) -> None:
    """Register the rule of an op and its kernel with torch."""
    when_imported("torch.distributed.tensor", lambda: _register(op, rule))


def free_dims(x: Any, count: int, others: Iterable[Any]) -> range:
    """Return those of the first `count` dimensions of `x` that no other tensor shares."""
    most = max((other.ndim for other in others if _is_tensor(other)), default=0)
    return range(min(count, x.ndim - most))


def _first_is_split(x: Any, count: int, rest: tuple[Any, ...]) -> list[Sharding]:
    others = [_copy(value) for value in rest]
    return [([dim], [dim, *others]) for dim in free_dims(x, count, rest)]


def _copy(value: Any) -> Any:
    return None if _is_tensor(value) else NO_TENSOR


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "tensor_meta")  # torch passes its own description of a tensor


def _register(op: str, rule: Rule) -> None:
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.experimental import register_sharding

    spaces = (torch.ops.ir_runtime, torch.ops.ir_kernels)  # a kernel made from native comes later
    overloads = [getattr(space, op).default for space in spaces if hasattr(space, op)]
    count = len(overloads[0]._schema.returns)

    def placement(where: Any) -> Any:
        if where == NO_TENSOR:
            return None
        return Replicate() if where is None else Shard(where)

    def shardings(*args: Any) -> list[Any]:
        whole: Sharding = ([None] * count, [_copy(value) for value in args])
        return [
            ([placement(w) for w in results], [placement(w) for w in arguments])
            for results, arguments in (whole, *rule(*args))
        ]

    register_sharding(overloads)(shardings)
