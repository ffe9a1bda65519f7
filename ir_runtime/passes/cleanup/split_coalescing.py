"""Split coalescing: splits of one tensor at the same places become one."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.graph.fx_query import find_getitem_maybe, is_func
from ir_runtime.passes.graph.storage import same_value
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["SplitCoalescing", "split_sizes"]

aten = torch.ops.aten
_SPLITS = (aten.split_with_sizes.default, aten.split.Tensor)


@dataclass(frozen=True)
class SplitCoalescing(GraphPass):
    """Merge splits that give the same parts of the same tensor, and the parts of one number.

    The parts are views of the tensor, so they have one memory whether they are merged or not. Two
    parts that both leave the graph stay two.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        kept: dict[fx.Node, list[fx.Node]] = {}
        for node in list(graph.nodes):
            if not any(is_func(node, target) for target in _SPLITS):
                continue
            earlier = kept.setdefault(node.args[0], [])
            first = next((other for other in earlier if _same_parts(other, node)), None)
            if first is None:
                earlier.append(node)
                continue
            node.replace_all_uses_with(first)
            graph.erase_node(node)
            record.matched_count += 1
            record.counts["parts"] += _merge_parts(graph, first)


def split_sizes(node: fx.Node) -> tuple[list[Any], int] | None:
    """Return the sizes of the parts of a split and its dimension, counted from the first one."""
    source: Any = node.args[0]
    value, parts = source.meta.get("val"), node.meta.get("val")
    if not isinstance(value, torch.Tensor) or not isinstance(parts, list | tuple) or not parts:
        return None
    dim: Any = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", 0)
    dim = dim % value.ndim
    return [part.shape[dim] for part in parts], dim


def _same_parts(a: fx.Node, b: fx.Node) -> bool:
    mine, theirs = split_sizes(a), split_sizes(b)
    if mine is None or theirs is None or mine[1] != theirs[1]:
        return False
    return same_value(mine[0], theirs[0])


def _merge_parts(graph: fx.Graph, split: fx.Node) -> int:
    merged = 0
    for user in list(_parts(split)):
        first = find_getitem_maybe(split, user.args[1])  # pyright: ignore[reportArgumentType]
        if first is None or first is user or (_leaves(first) and _leaves(user)):
            continue
        kept, gone = (user, first) if first > user else (first, user)
        gone.replace_all_uses_with(kept)
        graph.erase_node(gone)
        merged += 1
    return merged


def _parts(split: fx.Node) -> Iterator[fx.Node]:
    for user in split.users:
        if is_func(user, operator.getitem):
            yield user


def _leaves(node: fx.Node) -> bool:
    return any(user.op == "output" for user in node.users)
