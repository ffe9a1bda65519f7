"""Constraints on numbers, on strings, and on tensors compared with other arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.ir.constraint import Constraint
from ir_runtime.ir.reads import Reads

__all__ = ["broadcastable", "differ", "fits", "number", "one_of"]


def number(argument: str, wanted: str, test: Callable[[Any], bool]) -> Constraint:
    """Take a number that passes a test, or None for an optional argument."""
    return Constraint(argument, wanted, lambda v: v is None or test(v), repr, reads=Reads.CALL)


def one_of(argument: str, *words: str) -> Constraint:
    """Take one of some strings."""
    wanted = " or ".join(map(repr, words))
    return Constraint(argument, wanted, lambda v: v in words, repr, reads=Reads.CALL)


def fits(
    argument: str,
    wanted: str,
    test: Callable[..., bool],
    *,
    beside: tuple[str, ...] = (),
    expected: Callable[..., str] | None = None,
) -> Constraint:
    """Take a tensor that passes a test, or None for an optional argument.

    Args:
        argument: its name.
        wanted: the condition for all calls in words, to follow `must be`.
        test: takes the tensor and the values of `beside`.
        beside: names of other arguments.
        expected: takes what `test` takes; returns the condition for one call in words, such as
            `have 3 rows`. Default: `be <wanted>`.
    """

    def holds(value: Any, *others: Any) -> bool:
        return value is None or test(value, *others)

    return Constraint(argument, wanted, holds, format_tensor, others=beside, expected=expected)


def broadcastable(argument: str, to: str, expected: Callable[..., str]) -> Constraint:
    """Take a tensor that can be expanded to the shape of another tensor."""

    def test(value: Tensor, other: Tensor) -> bool:
        if value.ndim > other.ndim:
            return False
        mine, theirs = value.shape, other.shape[other.ndim - value.ndim :]
        return not any(differ(m, 1) and differ(m, t) for m, t in zip(mine, theirs, strict=True))

    wanted = f"of a shape that expands to that of `{to}`"
    fitting = fits(argument, wanted, test, beside=(to,), expected=expected)
    return replace(fitting, reads=Reads.CALL)


def differ(one: Any, other: Any) -> bool:
    """Tell whether two sizes differ; False if that is not known yet."""
    if type(one) is int and type(other) is int:
        return one != other
    if torch.compiler.is_dynamo_compiling():
        return bool(one != other)
    from torch.fx.experimental.symbolic_shapes import guard_or_false

    return guard_or_false(one != other)
