"""Scatter-split replacement: a part that is scattered and split off again is the part itself."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.cleanup.split_coalescing import split_sizes
from ir_runtime.passes.graph.fx_query import is_func
from ir_runtime.passes.graph.storage import Storages, same_value
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["ScatterSplitReplacement"]

aten = torch.ops.aten
_NEED_STRIDES = (
    *(aten.view.default, aten.view.dtype, aten.as_strided.default),
    *(aten.as_strided_scatter.default, aten.view_as_real.default, aten.view_as_complex.default),
)


@dataclass(frozen=True)
class ScatterSplitReplacement(GraphPass):
    """Read parts from where they were made, if they were only written into a tensor to be split.

    An op that changes query and key inside of one tensor becomes, in a functional graph, two
    `slice_scatter` and a split. Each part of the split that one scatter wrote is what that scatter
    wrote; a part that no scatter touched is a slice of the first tensor.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        memory = Storages(graph)
        for split in list(graph.find_nodes(op="call_function", target=_SPLIT)):
            for part in list(split.users):
                if is_func(part, operator.getitem) and _replace(graph, split, part, memory):
                    record.matched_count += 1
            if not split.users:
                graph.erase_node(split)
        for node in reversed(graph.nodes):
            if is_func(node, aten.slice_scatter.default) and not node.users:
                graph.erase_node(node)
                record.counts["scatters"] += 1


_SPLIT: Any = aten.split_with_sizes.default


@dataclass(frozen=True)
class _Extent:
    """The places of a dimension from `start` up to `end`."""

    start: int
    end: int


def _replace(graph: fx.Graph, split: fx.Node, part: fx.Node, memory: Storages) -> bool:
    extent = _extent_of_part(split, part)
    if extent is None:
        return False
    _, dim = split_sizes(split) or ([], 0)
    source: Any = split.args[0]
    scattered = False
    while isinstance(source, fx.Node) and is_func(source, aten.slice_scatter.default):
        written = _extent_of_scatter(source, dim)
        if written is None:
            return False
        if written == extent:
            return _use(part, source.args[1], memory)
        if written.start < extent.end and extent.start < written.end:
            return False  # a part of the part
        source, scattered = source.args[0], True
    if not scattered or not _takes_any_strides(part) or not memory.join(part, source):
        return False
    with graph.inserting_before(part):
        made = graph.call_function(aten.slice.Tensor, (source, dim, extent.start, extent.end))
    made.meta = {**part.meta, "val": source.meta["val"].narrow(dim, *_start_length(extent))}
    part.replace_all_uses_with(made)
    graph.erase_node(part)
    return True


def _start_length(extent: _Extent) -> tuple[int, int]:
    return extent.start, extent.end - extent.start


def _use(part: fx.Node, source: Any, memory: Storages) -> bool:
    value, other = part.meta.get("val"), source.meta.get("val")
    if not isinstance(value, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    same = value.dtype == other.dtype and same_value(value.shape, other.shape)
    strides = same and same_value(value.stride(), other.stride())
    if not same or not (strides or _takes_any_strides(part)) or not memory.join(part, source):
        return False
    part.replace_all_uses_with(source)
    part.graph.erase_node(part)
    return True


def _takes_any_strides(part: fx.Node) -> bool:
    return not any(user.target in _NEED_STRIDES or user.op == "output" for user in part.users)


def _extent_of_part(split: fx.Node, part: fx.Node) -> _Extent | None:
    found = split_sizes(split)
    if found is None or not all(isinstance(size, int) for size in found[0]):
        return None
    ends = list(accumulate(found[0]))
    number: Any = part.args[1]
    return _Extent(ends[number] - found[0][number], ends[number])


def _extent_of_scatter(node: fx.Node, dim: int) -> _Extent | None:
    """Return what a scatter writes of a dimension; None if that is not one piece of numbers."""
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        return None
    given: dict[str, Any] = dict(zip(("dim", "start", "end", "step"), node.args[2:], strict=False))
    given |= node.kwargs
    size = value.shape[dim]
    start, end = given.get("start") or 0, given.get("end")
    end = size if end is None else end
    if given.get("dim", 0) % value.ndim != dim or given.get("step", 1) != 1:
        return None
    if not all(isinstance(number, int) for number in (size, start, end)):
        return None
    first, last = (min(max(n + size if n < 0 else n, 0), size) for n in (start, end))
    return _Extent(first, max(first, last))
