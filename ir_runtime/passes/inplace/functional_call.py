"""Nodes of `auto_functionalized`, of either version, read by the schema of the op inside."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx
from torch._higher_order_ops.auto_functionalize import (
    auto_functionalized,
    auto_functionalized_v2,
    get_mutable_args,
)
from torch._library.utils import is_out, is_tensorlist_like_type

from ir_runtime.frozen import frozen

__all__ = ["FunctionalCall", "WrittenBase", "functional_call", "getitem_users", "written_views"]

aten = torch.ops.aten


@frozen
class WrittenBase:
    """A tensor that the op changes, of which the functional form returns a changed copy.

    Attributes:
        base: the tensor; None for an argument that is None.
        index: of the changed copy among the results of the functional form.
        names: of the op's arguments that are this tensor or views of it.
    """

    base: fx.Node | None
    index: int
    names: tuple[str, ...]


@frozen
class FunctionalCall:
    """The functional form of an op that changes its arguments.

    Attributes:
        node: calls it.
        op: the op inside.
        bases: what the op changes.
        returned: how many results the op itself returns.
        is_second: whether it is version 2, where arguments are views of bases.
    """

    node: fx.Node
    op: torch._ops.OpOverload
    bases: tuple[WrittenBase, ...]
    returned: int
    is_second: bool

    @property
    def others(self) -> tuple[fx.Node, ...]:
        """The nodes that the op only reads."""
        mutable = set(get_mutable_args(self.op)[0])
        own = {"_all_bases", *mutable}
        given = {
            k: v for k, v in self.node.kwargs.items() if k not in own and not k.startswith("_")
        }
        found: list[fx.Node] = []
        fx.map_arg(given, found.append)
        return tuple(found)


def functional_call(node: fx.Node) -> FunctionalCall | None:
    """Read a node; None if it is no functional form, or one that Inductor must take apart.

    Those are forms of higher-order ops, of `out` overloads (nothing of them is copied), with lists
    of changed tensors, and with users that take all results at once.
    """
    if node.op != "call_function" or node.target not in (
        auto_functionalized,
        auto_functionalized_v2,
    ):
        return None
    op = node.args[0]
    if not isinstance(op, torch._ops.OpOverload) or is_out(op):
        return None
    names, types = get_mutable_args(op)
    if any(is_tensorlist_like_type(each) for each in types):
        return None
    if any(user.target is not operator.getitem for user in node.users):
        return None
    returned = len(op._schema.returns)
    first = max(returned, 1)
    is_second = node.target is auto_functionalized_v2
    if is_second:
        bases = _bases_of_second(node, names, first)
    else:
        bases = [WrittenBase(node.kwargs[n], first + i, (n,)) for i, n in enumerate(names)]  # pyright: ignore[reportArgumentType]
    return FunctionalCall(node, op, tuple(bases), returned, is_second)


def _bases_of_second(node: fx.Node, names: Sequence[str], first: int) -> list[WrittenBase]:
    bases: Any = node.kwargs["_all_bases"]
    places = {name: node.kwargs[f"_{name}_base_index"] for name in names}
    return [
        WrittenBase(base, first + i, tuple(n for n, at in places.items() if at == i))
        for i, base in enumerate(bases)
    ]


def getitem_users(node: fx.Node) -> dict[int, fx.Node]:
    """Return the nodes that take one result of a node, by the number of the result."""
    return {
        user.args[1]: user  # pyright: ignore[reportReturnType]
        for user in node.users
        if user.op == "call_function" and user.target is operator.getitem
    }


def written_views(call: FunctionalCall, made: list[fx.Node]) -> dict[str, Any]:
    """Return the op's changed arguments by name, as tensors in the memory of their bases.

    Args:
        call: the functional form.
        made: gets the views that are inserted in front of its node.
    """
    kwargs: dict[str, Any] = dict(call.node.kwargs)
    found: dict[str, Any] = {}
    for name in get_mutable_args(call.op)[0]:
        if not call.is_second:
            found[name] = kwargs[name]
            continue
        index = kwargs[f"_{name}_base_index"]
        if index is None:  # hazard 21
            found[name] = None
            continue
        base = kwargs["_all_bases"][index]
        view = _view(call.node, base, kwargs, f"_{name}")
        if view is not base:
            made.append(view)
        found[name] = view
    return found


def _view(node: fx.Node, base: fx.Node, kwargs: dict[str, Any], prefix: str) -> fx.Node:
    if f"{prefix}_storage_offset" in kwargs:
        words = ("size", "stride", "storage_offset")
        target, args = aten.as_strided.default, [kwargs[f"{prefix}_{word}"] for word in words]
    elif f"{prefix}_slice_dim" in kwargs:
        words = ("slice_dim", "slice_start", "slice_end")
        target, args = aten.slice.Tensor, [kwargs[f"{prefix}_{word}"] for word in words]
    else:
        return base
    with node.graph.inserting_before(node):
        view = node.graph.call_function(target, (base, *args))
    values = fx.map_arg(tuple(args), lambda n: n.meta["val"])
    view.meta["val"] = target(base.meta["val"], *values)
    return view
