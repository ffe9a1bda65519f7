"""Which values of a graph share a storage, which are written, and which leave the graph.

Two values share a storage if their fake tensors do. A value without one shares with everything.
Where parts of a storage matter, `passes.inplace.memory` answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import fx
from torch._higher_order_ops.auto_functionalize import (
    auto_functionalized,
    auto_functionalized_v2,
)
from torch._ops import OpOverload

__all__ = ["Storages", "is_in_rows", "same_value", "written_arguments"]

_PURE_HIGHER_ORDER = (auto_functionalized, auto_functionalized_v2)


def same_value(a: Any, b: Any) -> bool:
    """Tell whether two sizes, strides or lists of them are known to be equal; adds no guard."""
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    if isinstance(a, list | tuple) or isinstance(b, list | tuple):
        return len(a) == len(b) and all(same_value(x, y) for x, y in zip(a, b, strict=True))
    return bool(statically_known_true(a == b))


def is_in_rows(value: torch.Tensor) -> bool:
    """Tell whether a tensor is known to be contiguous; adds no guard."""
    wanted: Any = 1
    for size, stride in zip(reversed(value.shape), reversed(value.stride()), strict=True):
        if not same_value(size, 1) and not same_value(stride, wanted):
            return False
        wanted = wanted * size
    return True


def written_arguments(node: fx.Node) -> list[fx.Node]:
    """Return the nodes whose memory a node may write; all of its arguments if that is unknown."""
    target = node.target
    if node.op != "call_function":
        return node.all_input_nodes if node.op in ("call_method", "call_module") else []
    if isinstance(target, OpOverload):
        return list(_written_by_schema(node, target))
    known = target in _PURE_HIGHER_ORDER or getattr(target, "__module__", "") == "_operator"
    return [] if known else node.all_input_nodes


def _written_by_schema(node: fx.Node, op: OpOverload) -> Iterator[fx.Node]:
    if not op._schema.is_mutable:
        return
    for i, argument in enumerate(op._schema.arguments):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        given = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name)
        for value in given if isinstance(given, list | tuple) else (given,):
            if isinstance(value, fx.Node):
                yield value


class Storages:
    """The storages of a graph's values, as they are when the object is made.

    Args:
        graph: after autograd, with fake tensors in `meta["val"]`.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self._position = {node: i for i, node in enumerate(graph.nodes)}
        self._writes: defaultdict[int | None, list[int]] = defaultdict(list)
        self._inputs: set[int | None] = set()
        self._outputs: set[int | None] = set()
        self._joined: dict[int | None, int | None] = {}
        for node, at in self._position.items():
            if node.op in ("placeholder", "get_attr"):
                self._inputs |= _storages(node)
            elif node.op == "output":
                self._outputs = {s for value in node.all_input_nodes for s in _storages(value)}
            for written in written_arguments(node):
                for storage in _storages(written):
                    self._writes[storage].append(at)

    def position(self, node: fx.Node) -> int:
        """Return the place of a node in the graph."""
        return self._position[node]

    def is_written(self, nodes: Iterable[fx.Node], first: int = 0, last: int | None = None) -> bool:
        """Tell whether memory of these values may be written, by nodes at `first` to `last`."""
        wanted = {storage for node in nodes for storage in _storages(node)}
        if None in wanted:
            wanted |= self._writes.keys()
        end = len(self._position) if last is None else last
        return any(first <= at <= end for s in (*wanted, None) for at in self._writes.get(s, ()))

    def join(self, result: fx.Node, source: fx.Node) -> bool:
        """Let a value of its own memory become another one's, if nobody can tell.

        It may not if one of them is written, or if the caller would get one piece of memory twice,
        or an input's.

        Returns:
            Whether it may; they then count as one piece of memory.
        """
        mine, theirs = self._roots(result), self._roots(source)
        if None in mine | theirs or self.is_written((result, source)):
            return False
        if mine & self._outputs and theirs & (self._inputs | self._outputs):
            return False
        for outside in (self._inputs, self._outputs):
            if outside & mine:
                outside.update(theirs)
        self._joined.update(dict.fromkeys(mine - theirs, next(iter(theirs), None)))
        return True

    def _roots(self, node: fx.Node) -> set[int | None]:
        found: set[int | None] = set()
        for storage in _storages(node):
            root = storage
            while root in self._joined:
                root = self._joined[root]
            found.add(root)
        return found


def _storages(node: fx.Node) -> set[int | None]:
    value = node.meta.get("val")
    leaves: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    return {_storage(leaf) for leaf in leaves if not isinstance(leaf, _NUMBERS)}


_NUMBERS = (int, float, bool, str, torch.SymInt, torch.SymFloat, torch.SymBool, torch.dtype)


def _storage(value: Any) -> int | None:
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        return value.untyped_storage()._cdata
    return None
