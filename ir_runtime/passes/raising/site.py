"""The graph as raising sees it: calls, regions, and the places that were raised or refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import fx

from ir_runtime.passes.raising.form import Replacement, Turned, Unfit
from ir_runtime.passes.raising.match import GraphCalls
from ir_runtime.passes.raising.region import is_pure
from ir_runtime.passes.raising.rewriting import write_call

__all__ = ["Site"]


class Site:
    """A graph, while functions in it are raised.

    Attributes:
        graph: it is changed in place.
        calls: its nodes as calls.
        claimed: nodes of the places that are to be raised.
        taken: nodes of the places that were raised.
        refused: by anchor, the form that does not fit there, and why.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self.graph = graph
        self.calls = GraphCalls()
        self.claimed: set[fx.Node] = set()
        self.taken: set[fx.Node] = set()
        self.refused: dict[fx.Node, tuple[str, Unfit]] = {}
        self._renewed: dict[fx.Node, fx.Node] = {}
        self._regions: dict[fx.Node, int] = {}
        region = 0
        for node in graph.nodes:
            region += not is_pure(node)
            self._regions[node] = region

    def calling(self, functions: Iterable[str]) -> list[fx.Node]:
        """Return the nodes that call one of some functions, in order."""
        wanted = frozenset(functions)
        return [n for n in self.graph.nodes if (c := self.calls[n]) and c.function in wanted]

    def is_alone(self, part: Any, kept: Iterable[fx.Node]) -> Unfit | None:
        """Check that nothing else reads or changes what a part computes on the way.

        Args:
            part: has `results` and `nodes`.
            kept: nodes that may have other users.
        """
        nodes = {*part.nodes, *part.results}
        first = part.results[0]
        for node in part.nodes:
            if node in self.claimed:
                return Unfit(node, f"`{node.name}` is part of another function")
            if self._regions[node] != self._regions[first]:
                return Unfit(node, "something is written, or a mode of torch changes, after it")
            call = self.calls[node]
            free = node in part.results or node in kept or (call and call.function == "cast")
            others = [user.name for user in node.users if user not in nodes]
            if others and not free:
                return Unfit(node, f"`{node.name}` is read by `{others[0]}`, too")
        return None

    def comes_after(self, replacement: Replacement) -> Unfit | None:
        """Check that the arguments of a call are there before its first result."""
        first = min(replacement.results)
        for node in self._nodes_of(replacement.arguments):
            if not node < first:
                return Unfit(first, f"`{node.name}` is computed after it")
        return None

    def raise_to(self, replacement: Replacement) -> None:
        """Write a call in place of its nodes."""
        region = self._regions[replacement.results[0]]
        self.taken |= {*replacement.nodes, *replacement.results}
        news, made = write_call(self.graph, replacement, self._renewed)
        self._renewed.update(zip(replacement.results, news, strict=True))
        self._regions.update(dict.fromkeys(made, region))

    def _nodes_of(self, arguments: Iterable[Any]) -> list[fx.Node]:
        plain = [a.node if isinstance(a, Turned) else a for a in arguments]
        return [self._renewed.get(node, node) for node in plain if isinstance(node, fx.Node)]
