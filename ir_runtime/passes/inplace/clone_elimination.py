"""Clones that nobody can tell from their source go; every other clone stays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.inplace.donation import is_donated_clone
from ir_runtime.passes.inplace.memory import Memory
from ir_runtime.passes.inplace.sharing import Copy, has_same_layout, may_share
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["CloneElimination", "drop_self_copies"]

aten = torch.ops.aten


@dataclass(frozen=True)
class CloneElimination(GraphPass):
    """Remove each `aten.clone` whose source may be used in its place.

    Lowering clones what an in-place provider writes. A clone is removed only if that is proven:
    by memory, not by names; by the order of reads and writes; with views, several writers, graph
    inputs and outputs, strides and memory formats. What a caller donated may be overwritten.

    The record counts the clones that were `removed` and `kept`.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Remove clones, until none can be removed."""
        clones = list(graph.find_nodes(op="call_function", target=aten.clone.default))
        if not clones:
            return
        kept = _remove_all(graph, clones)
        record.matched_count = len(clones) - len(kept)
        record.counts["removed"], record.counts["kept"] = record.matched_count, len(kept)


def _remove_all(graph: fx.Graph, clones: list[fx.Node]) -> list[fx.Node]:
    """Remove clones until none can be removed; return those that stay."""
    memory, changed = Memory(graph), True
    while changed:
        left = [clone for clone in clones if not _remove(memory, clone)]
        # A copy onto itself was a write: without it, another clone may be removable.
        changed = drop_self_copies(memory) or len(left) < len(clones)
        clones = left
    return clones


def _remove(memory: Memory, clone: fx.Node) -> bool:
    source = clone.args[0]
    assert isinstance(source, fx.Node)
    if not may_share(memory, Copy(source, clone, clone, donated=is_donated_clone(clone))):
        return False
    memory.join(clone, source)
    memory.remove(clone)
    clone.replace_all_uses_with(source)
    clone.graph.erase_node(clone)
    return True


def drop_self_copies(memory: Memory) -> bool:
    """Erase nodes that copy a tensor onto itself: what is left where a copy became its source.

    Returns:
        Whether there was one.
    """
    found = False
    for node in memory.graph.find_nodes(op="call_function", target=aten.copy_.default):
        into, source = node.args[:2]
        if not isinstance(into, fx.Node) or not isinstance(source, fx.Node):
            continue
        if memory.is_same(into, source) and has_same_layout(into, source):
            memory.remove(node)
            node.replace_all_uses_with(into)
            memory.graph.erase_node(node)
            found = True
    return found
