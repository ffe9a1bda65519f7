"""No-op elimination: views, slices and scatters that change nothing go; sizes get their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.graph.fx_query import is_func
from ir_runtime.passes.graph.storage import Storages, same_value
from ir_runtime.passes.graph.view_form import RESHAPES, fill_in_sizes, reshapes_in
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["NoOpElimination"]

aten = torch.ops.aten
_SAME_MEMORY = (*RESHAPES, aten.slice.Tensor)


@dataclass(frozen=True)
class NoOpElimination(GraphPass):
    """Remove what has no effect, so that patterns of later passes meet one form.

    - A reshape of a reshape is one reshape.
    - A reshape or a slice with the shape of its input is the input.
    - A `slice_scatter` over all of its base is what it scatters.
    - A size of -1 in a reshape is the size itself.

    Only sizes that are known without a guard count as equal, so the graph serves all batch sizes
    that it served before. What would change memory that the caller sees, or that is written, stays.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        memory = Storages(graph)
        filled = fill_in_sizes(graph)
        if filled:
            record.counts["sizes"] = filled
        for node in list(graph.nodes):
            if any(is_func(node, target) for target in RESHAPES):
                _fold(node, memory, record)
            source = _unchanged(node, memory)
            if source is not None:
                node.replace_all_uses_with(source)
                graph.erase_node(node)
                record.matched_count += 1
        for node in reversed(list(reshapes_in(graph))):
            if not node.users:
                graph.erase_node(node)


def _value(node: Any) -> torch.Tensor | None:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return value if isinstance(value, torch.Tensor) else None


def _fold(node: fx.Node, memory: Storages, record: PassRecord) -> None:
    """Let a reshape of a reshape read the first one's input."""
    inner: Any = node.args[0]
    while isinstance(inner, fx.Node) and any(is_func(inner, target) for target in RESHAPES):
        source = inner.args[0]
        if not _folds(node, inner, source, memory):
            return
        node.args = (source, *node.args[1:])
        record.matched_count += 1
        inner = source


def _folds(node: fx.Node, inner: fx.Node, source: Any, memory: Storages) -> bool:
    """Tell whether a reshape of `source` gives the same value in the same form."""
    old, start = _value(node), _value(source)
    if old is None or start is None or _value(inner) is None:
        return False
    if same_memory(inner, source) and same_memory(node, inner):
        return True  # all of them are views: the same memory in the same order
    numbers = (*start.shape, *start.stride(), *old.shape, *old.stride())
    if not all(isinstance(number, int) for number in numbers):
        return False  # torch would add a guard to decide whether it copies
    return start.reshape(old.shape).stride() == old.stride() and memory.join(node, source)


def same_memory(a: fx.Node, b: fx.Node) -> bool:
    """Tell whether two values are of one piece of memory."""
    x, y = _value(a), _value(b)
    if x is None or y is None:
        return False
    return x.untyped_storage()._cdata == y.untyped_storage()._cdata


def _unchanged(node: fx.Node, memory: Storages) -> fx.Node | None:
    """Return the node with the same value as a no-op; None if it is none."""
    if any(is_func(node, target) for target in _SAME_MEMORY):
        source: Any = node.args[0]
        return source if _same_form(node, source) and same_memory(node, source) else None
    if is_func(node, aten.slice_scatter.default):
        source = node.args[1]
        covers = _same_form(node, source) and _same_form(node, node.args[0])
        return source if covers and memory.join(node, source) else None
    return None


def _same_form(node: fx.Node, source: Any) -> bool:
    """Tell whether two values have one shape, layout and dtype."""
    value, other = _value(node), _value(source)
    if value is None or other is None or value.dtype != other.dtype:
        return False
    return same_value(value.shape, other.shape) and same_value(value.stride(), other.stride())
