"""Writes the call of an IR op into a graph, in place of the nodes that computed its results."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from torch import Tensor, fx

from ir_runtime.ir.op import IrOp
from ir_runtime.passes.raising.fact import fixed_number
from ir_runtime.passes.raising.form import Fixed, Replacement, Turned
from ir_runtime.passes.raising.spelling import call_of

__all__ = ["write_call"]


def write_call(
    graph: fx.Graph, replacement: Replacement, renewed: Mapping[fx.Node, fx.Node]
) -> tuple[list[fx.Node], list[fx.Node]]:
    """Write a call, let it replace the results, and erase what is superfluous.

    Args:
        graph: is changed.
        replacement: the call.
        renewed: nodes that earlier calls replaced, with their new nodes.

    Returns:
        The new nodes of the results, and all nodes that were made.
    """
    order = replacement.order
    if order is not None and order == tuple(range(len(order))):
        order = None
    writer = _Writer(graph, order, renewed)
    with graph.inserting_before(min(replacement.results)):
        news = writer.call(replacement)
    for old, new in zip(replacement.results, news, strict=True):
        old.replace_all_uses_with(new)
    _erase((*replacement.results, *replacement.nodes))
    return news, writer.made


class _Writer:
    """Makes nodes; `order` reorders the dimensions of what goes into the op, None for none."""

    def __init__(
        self,
        graph: fx.Graph,
        order: Sequence[int] | None,
        renewed: Mapping[fx.Node, fx.Node],
    ) -> None:
        self.made: list[fx.Node] = []
        self._renewed = renewed
        self._graph = graph
        self._order = order

    def call(self, replacement: Replacement) -> list[fx.Node]:
        """Make the call, and return the nodes of its results, turned back."""
        op = IrOp.registry[replacement.op]
        arguments = tuple(map(self._argument, replacement.arguments))
        call = self._keep(self._graph.call_function(op.torch_op, arguments))
        olds = replacement.results
        values = [self._value(old) for old in olds]
        call.meta = {**olds[0].meta, "example_value": values[0]}
        news = [call]
        if len(olds) > 1:
            call.meta["example_value"] = tuple(values)
            news = [
                self._keep(self._graph.call_function(operator.getitem, (call, i)))
                for i in range(len(olds))
            ]
            for new, old, value in zip(news, olds, values, strict=True):
                new.meta = {**old.meta, "example_value": value}
        if self._order is None:
            return news
        back = [self._order.index(dim) for dim in range(len(self._order))]
        return [self._permuted(new, back) for new in news]

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Fixed):
            return fixed_number(argument.number)
        if not isinstance(argument, Turned):
            return self._renewed.get(argument, argument) if _is_node(argument) else argument
        node = self._renewed.get(argument.node, argument.node)
        return node if self._order is None else self._permuted(node, self._order)

    def _value(self, old: fx.Node) -> Tensor:
        value: Tensor = old.meta["example_value"]
        return value if self._order is None else value.permute(*self._order)

    def _permuted(self, node: fx.Node, order: Sequence[int]) -> fx.Node:
        turned = self._keep(self._graph.call_method("permute", (node, *order)))
        value: Tensor = node.meta["example_value"]
        turned.meta = {**node.meta, "example_value": value.permute(*order)}
        return turned

    def _keep(self, node: fx.Node) -> fx.Node:
        self.made.append(node)
        return node


def _is_node(argument: Any) -> TypeGuard[fx.Node]:
    return isinstance(argument, fx.Node)


def _erase(nodes: Iterable[fx.Node]) -> None:
    """Erase nodes without users, and those before them that only they used."""
    pending = set(nodes)
    while pending:
        node = max(pending)
        pending.discard(node)
        if not node.users and call_of(node) is not None:
            pending |= set(node.all_input_nodes)
            node.graph.erase_node(node)
