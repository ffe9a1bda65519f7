"""Patterns of torch-level graphs, as data: the calls of a function, from its result backwards."""

from __future__ import annotations

from typing import Any

from ir_runtime.frozen import frozen

__all__ = [
    "Apply",
    "Casts",
    "Either",
    "Input",
    "Literal",
    "Named",
    "Number",
    "Pattern",
    "Same",
    "apply",
    "count_calls",
]


class Pattern:
    """A pattern of a node or of an argument."""


@frozen
class Input(Pattern):
    """A node that is an argument of the whole function; `name` is bound to it."""

    name: str


@frozen
class Same(Pattern):
    """The node or value that `name` is bound to already."""

    name: str


@frozen
class Number(Pattern):
    """A number, no bool, to which `name` is bound; a node if it is a symbol, see `number_of`."""

    name: str


@frozen
class Literal(Pattern):
    """A value with no nodes in it, such as the index of a slice, to which `name` is bound."""

    name: str


@frozen
class Named(Pattern):
    """What `of` fits; `name` is bound to the node."""

    name: str
    of: Any


@frozen
class Casts(Pattern):
    """What `of` fits, behind any number of conversions to other dtypes."""

    of: Any


@frozen
class Either(Pattern):
    """What one of several patterns fits."""

    options: tuple[Any, ...]


@frozen
class Apply(Pattern):
    """A call of a function.

    Attributes:
        function: name of the function in `spelling`.
        operands: a pattern for each parameter; other values must be equal, and a tuple stands for
            a list of arguments. The operands of `add` and `mul` may come in any order.
    """

    function: str
    operands: tuple[Any, ...]


def apply(function: str, *operands: Any) -> Apply:
    """Return the pattern of a call."""
    return Apply(function, operands)


def count_calls(pattern: Any) -> int:
    """Count the calls of a pattern, in its longest form."""
    if isinstance(pattern, Apply):
        return 1 + sum(map(count_calls, pattern.operands))
    if isinstance(pattern, Casts | Named):
        return count_calls(pattern.of)
    if isinstance(pattern, Either):
        return max(map(count_calls, pattern.options))
    if isinstance(pattern, tuple):
        return sum(map(count_calls, pattern))
    return 0
