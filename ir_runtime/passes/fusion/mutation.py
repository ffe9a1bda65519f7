"""Which nodes of a graph write the memory of others, and where."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, fx

from ir_runtime.passes.graph.storage import written_arguments

__all__ = ["Mutations"]


class Mutations:
    """The nodes of a graph that write.

    Two nodes share memory if their fake tensors do, or if the schema of an op says that one is a
    view of the other.

    Args:
        nodes: all nodes in order.
    """

    def __init__(self, nodes: Sequence[fx.Node]) -> None:
        self._memories: dict[fx.Node, frozenset[Any]] = {}
        self._writers: list[tuple[int, fx.Node, frozenset[Any]]] = []
        for at, node in enumerate(nodes):
            written = [m for argument in written_arguments(node) for m in self._memory(argument)]
            if written:
                self._writers.append((at, node, frozenset(written)))

    def between(self, first: int, last: int, read: fx.Node) -> fx.Node | None:
        """Return a node between two positions that may write what a node made.

        Args:
            first: nodes behind this position are searched.
            last: nodes before this position are searched.
            read: the node whose tensors are read.
        """
        for at, node, written in self._writers:
            if first < at < last:
                memory = self._memory(read)
                if "unknown" in memory or "unknown" in written or memory & written:
                    return node
        return None

    def _memory(self, node: fx.Node) -> frozenset[Any]:
        found = self._memories.get(node)
        if found is None:
            found = self._memories[node] = frozenset(self._memory_now(node))
        return found

    def _memory_now(self, node: fx.Node) -> Iterator[Any]:
        yield node
        yield from _storages(node.meta.get("val"))
        for source in _viewed(node):
            yield from self._memory(source)


def _viewed(node: fx.Node) -> Iterator[fx.Node]:
    """Yield the nodes that a node's results may be views of."""
    if node.op != "call_function":
        return
    if node.target is operator.getitem:
        yield from node.all_input_nodes
        return
    schema = getattr(node.target, "_schema", None)
    for at, argument in enumerate(schema.arguments if schema is not None else ()):
        if argument.alias_info is None:
            continue
        given = node.args[at] if at < len(node.args) else node.kwargs.get(argument.name)
        for value in given if isinstance(given, list | tuple) else (given,):
            if isinstance(value, fx.Node):
                yield value


def _storages(value: Any) -> Iterator[Any]:
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, Tensor):
            try:
                yield each.untyped_storage()._cdata
            except (RuntimeError, NotImplementedError):  # such as a sparse tensor
                yield "unknown"
