"""The matcher: whether a pattern fits the graph behind a node, exactly or but for one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.raising.fact import number_of
from ir_runtime.passes.raising.pattern import (
    Apply,
    Casts,
    Either,
    Input,
    Literal,
    Named,
    Number,
    Pattern,
    Same,
)
from ir_runtime.passes.raising.spelling import Call, call_of, describe

__all__ = ["Difference", "GraphCalls", "Match", "find_matches"]

_COMMUTATIVE = frozenset({"add", "mul"})


@frozen
class Difference:
    """The one place where a graph is not as a pattern wants it.

    Attributes:
        node: the node that differs, or that has the argument which differs.
        expected: the pattern there.
        found: the graph there.
    """

    node: fx.Node
    expected: str
    found: str


@frozen
class Match:
    """A place that a pattern fits.

    Attributes:
        root: the node of the result.
        bound: nodes and values by the names of the pattern.
        nodes: the nodes that compute the result, `root` first.
        differences: where the graph differs from the pattern.
    """

    root: fx.Node
    bound: Mapping[str, Any]
    nodes: tuple[fx.Node, ...]
    differences: tuple[Difference, ...] = ()


class GraphCalls:
    """The nodes of a graph, each read as a call once."""

    def __init__(self) -> None:
        self._calls: dict[fx.Node, Call | None] = {}

    def __getitem__(self, node: fx.Node) -> Call | None:
        if node not in self._calls:
            self._calls[node] = call_of(node)
        return self._calls[node]


def find_matches(
    pattern: Any, root: fx.Node, calls: GraphCalls, *, differences: int = 0
) -> Iterator[Match]:
    """Yield each way in which a pattern fits the graph behind a node.

    Args:
        pattern: of the result.
        root: the node of the result.
        calls: of the graph.
        differences: how many places may differ.
    """
    matcher = _Matcher(calls, differences)
    for state in matcher.fit(pattern, root, root, _State({}, (), ())):
        nodes = tuple(dict.fromkeys(state.nodes))
        yield Match(root, state.bound, nodes, state.differences)


@frozen
class _State:
    bound: Mapping[str, Any]
    nodes: tuple[fx.Node, ...]
    differences: tuple[Difference, ...]

    def bind(self, name: str, value: Any) -> _State:
        return _State({**self.bound, name: value}, self.nodes, self.differences)

    def visit(self, node: fx.Node) -> _State:
        return _State(self.bound, (*self.nodes, node), self.differences)


class _Matcher:
    """Walks a pattern and a graph at once; each method yields the states that go on from here."""

    def __init__(self, calls: GraphCalls, allowed: int) -> None:
        self._calls = calls
        self._allowed = allowed

    def fit(self, pattern: Any, value: Any, user: fx.Node, state: _State) -> Iterator[_State]:
        """Fit a pattern to an argument of `user`, or to the root."""
        if isinstance(pattern, Apply):
            return self._apply(pattern, value, user, state)
        if isinstance(pattern, Casts):
            return self._casts(pattern, value, user, state)
        if isinstance(pattern, Either):
            return self._either(pattern, value, user, state)
        if isinstance(pattern, Named):
            return self.fit(pattern.of, value, user, state.bind(pattern.name, value))
        if isinstance(pattern, tuple) and any(isinstance(p, Pattern) for p in pattern):
            return self._list(pattern, value, user, state)
        return self._leaf(pattern, value, user, state)

    def _apply(self, pattern: Apply, value: Any, user: fx.Node, state: _State) -> Iterator[_State]:
        call = self._calls[value] if isinstance(value, fx.Node) else None
        if call is None or call.function != pattern.function:
            node = value if isinstance(value, fx.Node) else user
            yield from self._differ(node, pattern.function, value, state)
            return
        inside = state.visit(value)
        yield from self._list(pattern.operands, call.operands, value, inside)
        if pattern.function in _COMMUTATIVE:
            yield from self._list(pattern.operands, call.operands[::-1], value, inside)

    def _list(
        self, patterns: Sequence[Any], values: Any, user: fx.Node, state: _State
    ) -> Iterator[_State]:
        if not isinstance(values, list | tuple) or len(values) != len(patterns):
            yield from self._differ(user, f"{len(patterns)} arguments", values, state)
            return
        if not patterns:
            yield state
            return
        for after in self.fit(patterns[0], values[0], user, state):
            yield from self._list(patterns[1:], values[1:], user, after)

    def _casts(self, pattern: Casts, value: Any, user: fx.Node, state: _State) -> Iterator[_State]:
        call = self._calls[value] if isinstance(value, fx.Node) else None
        if call is not None and call.function == "cast":
            yield from self._casts(pattern, call.operands[0], value, state.visit(value))
        yield from self.fit(pattern.of, value, user, state)

    def _either(
        self, pattern: Either, value: Any, user: fx.Node, state: _State
    ) -> Iterator[_State]:
        for option in pattern.options:
            yield from self.fit(option, value, user, state)

    def _leaf(self, pattern: Any, value: Any, user: fx.Node, state: _State) -> Iterator[_State]:
        if isinstance(pattern, Same):
            fits = pattern.name in state.bound and _same(value, state.bound[pattern.name])
            expected = f"`{pattern.name}`"
        elif isinstance(pattern, Input | Number | Literal):
            fits, expected = _is_kind(pattern, value), _KINDS[type(pattern)]
            state = state.bind(pattern.name, value) if fits else state
        else:
            fits, expected = _same(value, pattern), repr(pattern)
        if fits:
            yield state
        else:
            yield from self._differ(user, expected, value, state)

    def _differ(self, node: fx.Node, expected: str, value: Any, state: _State) -> Iterator[_State]:
        if len(state.differences) < self._allowed:
            difference = Difference(node, expected, describe(value))
            yield _State(state.bound, state.nodes, (*state.differences, difference))


_KINDS: dict[type, str] = {Input: "a tensor", Number: "a number", Literal: "a constant"}


def _is_kind(pattern: Input | Number | Literal, value: Any) -> bool:
    if isinstance(pattern, Input):
        return isinstance(value, fx.Node)
    if isinstance(pattern, Number):
        return number_of(value) is not None
    return not _has_nodes(value)


def _has_nodes(value: Any) -> bool:
    found: list[fx.Node] = []
    fx.node.map_arg(value, found.append)
    return bool(found)


def _same(value: Any, other: Any) -> bool:
    """Tell whether two constants are equal; True is no number, and a node equals only itself."""
    if isinstance(value, fx.Node) or isinstance(other, fx.Node):
        return value is other
    if type(value) in (int, float) and type(other) in (int, float):
        return value == other
    return type(value) is type(other) and value == other
