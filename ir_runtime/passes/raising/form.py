"""Forms: how a function is written out in torch's operators, and the IR op that computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.raising.match import Match

__all__ = ["Fixed", "Form", "Replacement", "Turned", "Unfit"]


@frozen
class Unfit:
    """Why an op is no replacement for a place that fits a pattern.

    Attributes:
        node: the node that is not as the op needs it.
        reason: what it is, and what it must be.
    """

    node: fx.Node
    reason: str


@frozen
class Turned:
    """A tensor argument whose dimensions are reordered as those of the results are."""

    node: fx.Node


@frozen
class Fixed:
    """A number argument that may be a symbol: the graph then holds for its present value only."""

    number: Any


@frozen
class Replacement:
    """A call of an IR op in place of some nodes.

    Attributes:
        op: name of the op.
        arguments: nodes, values, and both as `Turned` or `Fixed`, by position.
        results: the nodes that the results of the op replace; one for an op of one result.
        nodes: the nodes that compute the results, and become superfluous.
        order: how `permute` reorders the dimensions of arguments that are `Turned`, so that the
            op computes on contiguous rows; the results are turned back. None: they stay.
    """

    op: str
    arguments: tuple[Any, ...]
    results: tuple[fx.Node, ...]
    nodes: tuple[fx.Node, ...]
    order: tuple[int, ...] | None = None


def _each(parts: Iterable[Any]) -> Iterator[Any]:
    return iter(parts)


@frozen
class Form:
    """A function as models write it out.

    Attributes:
        name: of the form, in settings and records.
        ops: names of the IR ops that it may call.
        patterns: its spellings, tried in order.
        anchor: the function in the patterns that is rarest elsewhere. A node of this function
            that no match has is looked at for a near miss.
        replace: returns the op's call for a match, a part of one for `combine`, or why there is
            none.
        combine: makes calls of the parts, which have `results` and `nodes` as calls have; default:
            each part is a `Replacement`.
        kept: names in the patterns of nodes that are results, too; they may have other users.
        reported: whether places that almost fit are near misses.
        unless_refused: whether it leaves an anchor alone that another form refused.
    """

    name: str
    ops: tuple[str, ...]
    patterns: tuple[Any, ...]
    anchor: str
    replace: Callable[[Match], Any]
    combine: Callable[[Iterable[Any]], Iterator[Replacement | Unfit]] = _each
    kept: tuple[str, ...] = ()
    reported: bool = True
    unless_refused: bool = False
