"""A graph as it was before a pass, and the way back to it after the pass failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import fx

__all__ = ["GraphSnapshot"]


class _NodeState(NamedTuple):  # of each node before each pass, and quicker made than a dataclass
    node: fx.Node
    name: str
    op: str
    target: Any
    args: Any
    kwargs: Any
    type: Any
    meta: dict[str, Any]


class GraphSnapshot:
    """The nodes of a graph and of the graphs nested in it, with all that a pass may change.

    Taking one copies no node: it keeps the nodes themselves, their arguments and entries of their
    metadata. After `restore`, the same nodes are in the graph again.

    Args:
        graph: the graph.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self._graphs = [(g, [_state(node) for node in g.nodes]) for g in _with_nested(graph)]

    def restore(self) -> None:
        """Put the graphs back into the state in which the snapshot was taken."""
        for graph, states in self._graphs:
            _restore(graph, states)


def _with_nested(graph: fx.Graph) -> Iterator[fx.Graph]:
    yield graph
    module = graph.owning_module
    if isinstance(module, fx.GraphModule):
        for nested in module.modules():
            if isinstance(nested, fx.GraphModule) and nested.graph is not graph:
                yield nested.graph


def _state(node: fx.Node) -> _NodeState:
    return _NodeState(
        node, node.name, node.op, node.target, node.args, node.kwargs, node.type, dict(node.meta)
    )


def _restore(graph: fx.Graph, states: list[_NodeState]) -> None:
    known = {state.node for state in states}
    for node in graph.nodes:  # then nothing has users, and what is new can be erased
        node.args, node.kwargs = (), {}
    for node in list(graph.nodes):
        if node not in known:
            graph.erase_node(node)
    for state in states:
        if state.node._erased:
            _revive(graph, state.node)
        _reset(state)
    for state in states:  # each goes to the end of the list, so the old order comes out
        graph._root.prepend(state.node)
    for state in states:
        state.node.args, state.node.kwargs = state.args, state.kwargs


def _revive(graph: fx.Graph, node: fx.Node) -> None:
    node._erased = False
    graph._root.prepend(node)
    graph._find_nodes_lookup_table.insert(node)
    graph._len += 1


def _reset(state: _NodeState) -> None:
    node = state.node
    for name in ("name", "op", "target", "type"):
        if getattr(node, name) is not getattr(state, name):
            setattr(node, name, getattr(state, name))
    node.meta.clear()
    node.meta.update(state.meta)
