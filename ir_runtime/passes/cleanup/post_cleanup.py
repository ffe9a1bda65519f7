"""Post cleanup: the graph in topological order, without dead code."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx
from torch._inductor.pattern_matcher import stable_topological_sort

from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["PostCleanup"]


@dataclass(frozen=True)
class PostCleanup(GraphPass):
    """Sort the nodes and remove those that nothing uses.

    Torch's pattern matcher puts new nodes where they may precede what they read. A graph that is in
    order keeps its order, since reads and writes of one piece of memory must not change places.
    Nodes that write stay.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        if not _is_sorted(graph):
            stable_topological_sort(graph)
            record.counts["sorted"] = 1
        before = len(graph.nodes)
        graph.eliminate_dead_code()
        record.matched_count = before - len(graph.nodes)


def _is_sorted(graph: fx.Graph) -> bool:
    seen: set[fx.Node] = set()
    for node in graph.nodes:
        if not seen.issuperset(node.all_input_nodes):
            return False
        seen.add(node)
    return True
