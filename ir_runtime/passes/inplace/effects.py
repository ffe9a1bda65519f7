"""What a node reads and writes: from the schema of its op, and from the subgraphs it runs."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree

from ir_runtime.frozen import frozen

__all__ = ["MAY_RETURN_INPUT", "Effects", "changes_anything", "effects_of"]

aten = torch.ops.aten

MAY_RETURN_INPUT = (
    aten._unsafe_view.default,
    aten.reshape.default,
    aten.contiguous.default,
    aten._reshape_alias.default,
    aten.lift.default,
    aten.lift_fresh.default,
)
"""Operators that return a view or a copy."""

_FUNCTIONAL = (
    "auto_functionalized",
    "auto_functionalized_v2",
    "triton_kernel_wrapper_functional",
)


@frozen
class Effects:
    """The nodes whose tensors a node reads and writes.

    Attributes:
        reads: the nodes that it reads.
        writes: the nodes that it writes; their old contents may matter, too, so most are in `reads`
            as well.
    """

    reads: tuple[fx.Node, ...] = ()
    writes: tuple[fx.Node, ...] = ()


def effects_of(node: fx.Node) -> Effects:
    """Return what a node reads and writes.

    A node that cannot be understood writes all that it takes.
    """
    inputs = tuple(node.all_input_nodes)
    if node.op in ("placeholder", "get_attr"):
        return Effects()
    if node.op == "output":
        return Effects(reads=inputs)
    if node.op != "call_function":
        return Effects(inputs, inputs)
    target: Any = node.target
    if target is aten.copy_.default:
        return Effects(_nodes(node.args[1]), _nodes(node.args[0]))
    if target is operator.getitem or _is_view(target):
        return Effects()  # it makes a tensor of the same memory, and users of that one read
    if isinstance(target, torch._ops.OpOverload):
        return Effects(inputs, tuple(_written(target, node.args, node.kwargs)))
    if isinstance(target, torch._ops.HigherOrderOperator):
        return _effects_of_higher_order(node, target, inputs)
    return Effects(inputs)  # functions of Python on sizes and tuples


def _is_view(target: Any) -> bool:
    """Tell whether an operator returns views and reads nothing; some only may return a view."""
    if not isinstance(target, torch._ops.OpOverload) or target in MAY_RETURN_INPUT:
        return False
    aliases = [result.alias_info for result in target._schema.returns]
    return bool(aliases) and all(each is not None and not each.is_write for each in aliases)


def _written(
    target: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[fx.Node]:
    """Yield the nodes that an op writes, whether they are given by position or by name."""
    for i, argument in enumerate(target._schema.arguments):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        given = kwargs.get(argument.name)
        yield from _nodes(args[i] if i < len(args) else given)


def _nodes(value: Any) -> tuple[fx.Node, ...]:
    return tuple(leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, fx.Node))


def _effects_of_higher_order(
    node: fx.Node, target: torch._ops.HigherOrderOperator, inputs: tuple[fx.Node, ...]
) -> Effects:
    name = target.name()
    if name in (
        "auto_functionalized",
        "auto_functionalized_v2",
        "triton_kernel_wrapper_functional",
    ):
        return Effects(inputs)
    if name == "with_effects":
        inner = node.args[1]
        if isinstance(inner, torch._ops.OpOverload):
            return Effects(inputs, tuple(_written(inner, tuple(node.args[2:]), dict(node.kwargs))))
        return Effects(inputs, inputs)
    subgraphs = _subgraphs(node)
    if subgraphs and not any(changes_anything(each.graph) for each in subgraphs):
        return Effects(inputs)
    return Effects(inputs, inputs)


def _subgraphs(node: fx.Node) -> list[fx.GraphModule]:
    owner: Any = node.graph.owning_module
    found: list[fx.GraphModule] = []
    for leaf in node.all_input_nodes:
        if leaf.op == "get_attr":
            value = getattr(owner, str(leaf.target), None)
            if isinstance(value, fx.GraphModule):
                found.append(value)
    return found


def changes_anything(graph: fx.Graph) -> bool:
    """Tell whether a node of a graph, or of a subgraph in it, writes a tensor."""
    return any(effects_of(node).writes for node in graph.nodes)
