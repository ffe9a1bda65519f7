"""Which storages the nodes of a graph write, and which storage a node's tensor lies in."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx

__all__ = ["Mutations"]

_FUNCTIONAL_HOPS = ("auto_functionalized", "auto_functionalized_v2", "with_effects")
"""Higher-order ops that change none of their arguments."""


class Mutations:
    """The nodes of a graph that change tensors.

    Args:
        nodes: all nodes in order.
    """

    def __init__(self, nodes: Sequence[fx.Node]) -> None:
        self._storages: dict[fx.Node, frozenset[Any]] = {}
        self._writers: list[tuple[int, fx.Node, frozenset[Any] | None]] = []
        for at, node in enumerate(nodes):
            changed = self._changed_by(node)
            if changed is None or changed:
                self._writers.append((at, node, changed))

    def between(self, first: int, last: int, tensors: Iterable[fx.Node]) -> fx.Node | None:
        """Return a node that may change one of some tensors, None if there is none.

        Args:
            first: position in the graph; nodes behind it are searched.
            last: nodes before this position are searched.
            tensors: nodes with tensors.
        """
        if not self._writers:
            return None
        inside = [(node, changed) for at, node, changed in self._writers if first < at < last]
        if not inside:
            return None
        read = frozenset(s for t in tensors for s in self.storages_of(t))
        for node, changed in inside:
            if changed is None or "unknown" in read or changed & read:
                return node
        return None

    def storages_of(self, node: fx.Node) -> frozenset[Any]:
        """Return what stands for the storages of a node's tensors and of those that it views."""
        found = self._storages.get(node)
        if found is None:
            self._storages[node] = frozenset()  # a graph has no circles, but texts of it may
            found = self._storages[node] = frozenset(self._storages_now(node))
        return found

    def _storages_now(self, node: fx.Node) -> Iterator[Any]:
        yield node
        yield from _storages(node.meta.get("val"))
        if node.op != "call_function":
            return
        if node.target is operator.getitem:
            for source in node.all_input_nodes:
                yield from self.storages_of(source)
            return
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return
        for argument, given in _given(schema, node):
            if argument.alias_info is not None:
                for source in _nodes_in(given):
                    yield from self.storages_of(source)

    def _changed_by(self, node: fx.Node) -> frozenset[Any] | None:
        """Return the storages that a node changes; None if it may change any."""
        if node.op in ("call_method", "call_module"):
            return None
        if node.op != "call_function":
            return frozenset()
        target: Any = node.target
        if isinstance(target, torch._ops.HigherOrderOperator):
            return frozenset() if target.name() in _FUNCTIONAL_HOPS else None
        schema = getattr(target, "_schema", None)
        if schema is None:  # such as operator.getitem, or a lowering of Inductor
            return frozenset()
        return frozenset(
            storage
            for argument, given in _given(schema, node)
            if argument.alias_info is not None and argument.alias_info.is_write
            for source in _nodes_in(given)
            for storage in self.storages_of(source)
        )


def _given(schema: Any, node: fx.Node) -> Iterator[tuple[Any, Any]]:
    for at, argument in enumerate(schema.arguments):
        if at < len(node.args):
            yield argument, node.args[at]
        elif argument.name in node.kwargs:
            yield argument, node.kwargs[argument.name]


def _nodes_in(value: Any) -> Iterator[fx.Node]:
    if isinstance(value, fx.Node):
        yield value
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _nodes_in(inner)


def _storages(value: Any) -> Iterator[Any]:
    if isinstance(value, Tensor):
        try:
            yield value.untyped_storage()._cdata
        except (RuntimeError, NotImplementedError):  # such as a sparse tensor
            yield "unknown"
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _storages(inner)
