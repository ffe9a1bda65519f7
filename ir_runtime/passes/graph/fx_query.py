"""Questions about the nodes of a graph: which op, which user, which result."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

from torch import fx
from torch._higher_order_ops.auto_functionalize import (
    auto_functionalized,
    auto_functionalized_v2,
)
from torch._ops import OpOverload, OpOverloadPacket

__all__ = [
    "find_auto_fn",
    "find_auto_fn_maybe",
    "find_fn",
    "find_fn_maybe",
    "find_getitem",
    "find_getitem_maybe",
    "find_op_nodes",
    "get_only_user",
    "is_auto_func",
    "is_func",
]

_AUTO = (auto_functionalized, auto_functionalized_v2)


def is_func(node: fx.Node, target: Any) -> bool:
    """Tell whether a node calls a function; a packet stands for each of its overloads."""
    if node.op != "call_function":
        return False
    return node.target == target or _packet_of(node.target) == target


def is_auto_func(node: fx.Node, op: Any) -> bool:
    """Tell whether a node is the functional form, of either version, of an op that writes."""
    if node.op != "call_function" or node.target not in _AUTO:
        return False
    return node.args[0] == op or _packet_of(node.args[0]) == op


def find_fn_maybe(nodes: Iterable[fx.Node], target: Any) -> fx.Node | None:
    """Return the first node that calls a function, None if none does."""
    return next((node for node in nodes if is_func(node, target)), None)


def find_fn(nodes: Iterable[fx.Node], target: Any) -> fx.Node:
    """Return the first node that calls a function.

    Raises:
        AssertionError: none does.
    """
    found = find_fn_maybe(nodes, target)
    assert found is not None, f"no node calls {target}"
    return found


def find_auto_fn_maybe(nodes: Iterable[fx.Node], op: Any) -> fx.Node | None:
    """Return the first node that is the functional form of an op, None if none is."""
    return next((node for node in nodes if is_auto_func(node, op)), None)


def find_auto_fn(nodes: Iterable[fx.Node], op: Any) -> fx.Node:
    """Return the first node that is the functional form of an op.

    Raises:
        AssertionError: none is.
    """
    found = find_auto_fn_maybe(nodes, op)
    assert found is not None, f"no node is the functional form of {op}"
    return found


def find_getitem_maybe(node: fx.Node, index: int) -> fx.Node | None:
    """Return the user of a node that takes one of its results, None if there is none."""
    for user in node.users:
        if is_func(user, operator.getitem) and user.args[1] == index:
            return user
    return None


def find_getitem(node: fx.Node, index: int) -> fx.Node:
    """Return the user of a node that takes one of its results.

    Raises:
        AssertionError: nothing takes it.
    """
    found = find_getitem_maybe(node, index)
    assert found is not None, f"nothing takes result {index} of {node.name}"
    return found


def find_op_nodes(op: Any, graph: fx.Graph) -> Iterator[fx.Node]:
    """Yield the nodes that call an op, or its functional form, in the order of the graph."""
    for node in graph.nodes:
        if is_func(node, op) or is_auto_func(node, op):
            yield node


def get_only_user(node: fx.Node) -> fx.Node:
    """Return the one user of a node.

    Raises:
        AssertionError: it has none, or several.
    """
    assert len(node.users) == 1, f"{node.name} has {len(node.users)} users, must have one"
    return next(iter(node.users))


def _packet_of(target: Any) -> OpOverloadPacket | None:
    return target.overloadpacket if isinstance(target, OpOverload) else None
