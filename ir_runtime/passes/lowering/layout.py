"""Results of a provider in the layout that the graph was traced with, in memory of their own.

Nodes after an IR op were traced with the strides of its meta function, and on the promise that its
results alias no argument. A provider may return other strides, or an argument.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.utils import _pytree as pytree

from ir_runtime.passes.graph.node_call import fake_value

__all__ = ["give_contiguous_layout", "give_layout"]

aten = torch.ops.aten


def give_layout(node: fx.Node, results: Any) -> Any:
    """Return results that have the strides of a node and share memory with nothing.

    Args:
        node: the IR op; new nodes are put in front of it.
        results: what a provider computes in its place: nodes in the structure of its result.
    """
    given = [a for a in pytree.tree_leaves(tuple(node.args)) if isinstance(a, fx.Node)]
    taken = {_memory(fake_value(leaf)) for leaf in given} - {None}

    def own(result: Any, like: Any) -> Any:
        if not isinstance(result, fx.Node) or not isinstance(like, Tensor):
            return result
        with node.graph.inserting_before(node):
            memory = _memory(fake_value(result))
            if memory in taken:
                result = _call(aten.clone.default, result)
            taken.add(memory)
            return _in_layout_of(result, like)

    like = node.meta.get("val")
    if not isinstance(results, list | tuple):
        return own(results, like)
    likes = like if isinstance(like, list | tuple) else [None] * len(results)
    return [own(result, each) for result, each in zip(results, likes, strict=True)]


def give_contiguous_layout(node: fx.Node) -> None:
    """Let the users of a node see its results in the strides they were traced with.

    Args:
        node: it returns contiguous tensors, and still has the meta data of the IR op.
    """
    like = node.meta.get("val")
    if isinstance(like, Tensor):
        _behind(node, like, lambda contiguous: node.meta.update(val=contiguous))
        return
    for user in list(node.users):
        value = user.meta.get("val")
        if user.target is operator.getitem and isinstance(value, Tensor):
            _behind(user, value, lambda contiguous, user=user: user.meta.update(val=contiguous))


def _behind(node: fx.Node, like: Tensor, set_value: Callable[[Tensor], Any]) -> None:
    strides = _contiguous_strides(like)
    if _are_same(strides, like.stride(), like.shape):
        return
    set_value(like.new_empty_strided(like.shape, strides))
    users = list(node.users)
    with node.graph.inserting_before(node.next):
        permuted = _in_layout_of(node, like)
    for user in users:
        user.replace_input_with(node, permuted)


def _in_layout_of(result: fx.Node, like: Tensor) -> fx.Node:
    value = fake_value(result)
    if _same_strides(value, like) or value.ndim != like.ndim:
        return result
    order = sorted(range(like.ndim), key=lambda dim: -_number(like.stride(dim)))
    back = [order.index(dim) for dim in range(like.ndim)]
    permuted = _call(aten.permute.default, result, order)
    dense = _call(aten.clone.default, permuted, memory_format=torch.contiguous_format)
    return _call(aten.permute.default, dense, back)


def _call(target: Any, first: fx.Node, *args: Any, **kwargs: Any) -> fx.Node:
    """Insert a call where the graph inserts nodes now, and behind its first argument."""
    made = first.graph.call_function(target, (first, *args), kwargs)
    made.meta["val"] = target(fake_value(first), *args, **kwargs)
    made.meta |= {k: first.meta[k] for k in ("stack_trace", "nn_module_stack") if k in first.meta}
    return made


def _memory(value: Any) -> int | None:
    return value.untyped_storage()._cdata if isinstance(value, Tensor) else None


def _contiguous_strides(like: Tensor) -> list[Any]:
    strides: list[Any] = []
    step: Any = 1
    for size in reversed(like.shape):
        strides.append(step)
        step = step * (size if type(size) is not int else max(size, 1))
    return strides[::-1]


def _same_strides(one: Tensor, other: Tensor) -> bool:
    return _are_same(one.stride(), other.stride(), other.shape)


def _are_same(mine: Sequence[Any], theirs: Sequence[Any], sizes: Sequence[Any]) -> bool:
    """Tell whether strides are known to be equal; where a size is 0 or 1 they may be anything."""
    if any(statically_known_true(size == 0) for size in sizes):
        return True
    return all(
        statically_known_true(size == 1) or statically_known_true(one == other)
        for one, other, size in zip(mine, theirs, sizes, strict=True)
    )


def _number(stride: Any) -> int:
    return stride if isinstance(stride, int) else int(stride.node.hint or 1)
