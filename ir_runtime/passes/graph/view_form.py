"""One form for the sizes of reshapes: a number where a size of -1 stands for a known number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.graph.fx_query import is_func

__all__ = ["RESHAPES", "fill_in_sizes", "reshapes_in"]

aten = torch.ops.aten
RESHAPES = (aten.reshape.default, aten.view.default, aten._unsafe_view.default)
"""Ops with the elements of their input in order, in another shape."""


def reshapes_in(graph: fx.Graph) -> Iterator[fx.Node]:
    """Yield the reshapes of a graph in their order."""
    for node in graph.nodes:
        if any(is_func(node, target) for target in RESHAPES):
            yield node


def fill_in_sizes(graph: fx.Graph) -> int:
    """Replace each -1 in the sizes of reshapes by the size, if that is a number.

    Graphs and patterns keep -1 as the user wrote it, so that one meaning has two forms, which do
    not match. A size that is open stays -1.

    Returns:
        How many sizes were replaced.
    """
    count = 0
    for node in reshapes_in(graph):
        value = node.meta.get("val")
        sizes: Any = node.args[1] if len(node.args) == 2 else None
        if not isinstance(value, torch.Tensor) or not isinstance(sizes, list | tuple):
            continue
        for i, size in enumerate(sizes):
            known = value.shape[i] if len(sizes) == value.ndim else None
            if isinstance(size, int) and size == -1 and isinstance(known, int):
                node.update_arg(1, [*sizes[:i], known, *sizes[i + 1 :]])
                count += 1
    return count
