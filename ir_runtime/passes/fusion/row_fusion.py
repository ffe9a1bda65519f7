"""The base of fusions: a row op and neighbours of it become one row kernel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import fx

from ir_runtime.op_reg.trace.user_line import user_line
from ir_runtime.passes.fusion.group import Group, Order, Refused, group_of, with_parts
from ir_runtime.passes.fusion.inductor_lowering import register_lowerings
from ir_runtime.passes.fusion.node_kind import (
    is_computed,
    is_number,
    is_part,
    is_row_op,
    is_view,
    leaves_kernels_out,
    op_names,
    ops_without_kernels,
    value_of,
)
from ir_runtime.passes.fusion.replace import Fusion, fusion_of, replace
from ir_runtime.passes.graph.storage import is_in_rows
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import NearMiss, PassRecord

__all__ = ["RowFusion"]


class RowFusion(GraphPass):
    """Fuses the neighbours that a subclass names with a row op into one kernel.

    From each anchor, a row op, the group grows by one node at a time, against and along the flow
    of data, across views of rows. A node joins if the group can be one call and the row generator
    makes one kernel of it; else the record has a near miss with the node and the reason. What the
    anchor needs of a graph, such as an epsilon, is read from the node. An op that a user's
    priority keeps the provider `iree` from joins nothing.

    Attributes:
        reports_order: whether it is a near miss if a group would have to stand before and behind
            another node, such as a matrix product between two row ops.
    """

    reports_order: ClassVar[bool] = True

    @abstractmethod
    def is_anchor(self, node: fx.Node) -> bool:
        """Tell whether groups grow from a row op."""

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Tell whether a computed node joins the member that reads it."""
        del node, user
        return False

    def joins_after(self, node: fx.Node, source: fx.Node) -> bool:
        """Tell whether a computed node joins the member that it reads."""
        del node, source
        return False

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Fuse each group; the graph stays sorted."""
        order, gone = Order(graph), set[fx.Node]()
        for anchor in list(graph.nodes):
            if anchor in gone or not is_row_op(anchor) or not self.is_anchor(anchor):
                continue
            if leaves_kernels_out(anchor):
                continue
            fusion = self._grown(anchor, order, record)
            if fusion is None:
                continue
            register_lowerings()
            members = [n for n in fusion.group.members if n not in fusion.group.kept]
            before = len(graph.nodes)
            replace(graph, fusion)
            gone.update(members)
            _count(record, fusion, before - len(graph.nodes))
            order = Order(graph)

    def uuid(self) -> str | None:
        """Add to the digest which ops are not to be computed by kernels."""
        own = super().uuid()
        if own is None:
            return None
        return self.hash_dict({"pass": own, "no kernels": ops_without_kernels()})

    def _grown(self, anchor: fx.Node, order: Order, record: PassRecord) -> Fusion | None:
        """Return the largest fusion around an anchor, None if nothing joins it."""
        growth = _Growth(self, anchor, order)
        growth.grow(check=False)
        found = growth.fusion()
        if isinstance(found, Refused):  # find out which node has no place in the kernel
            growth = _Growth(self, anchor, order)
            growth.grow(check=True)
            found = growth.fusion() if growth.has_joined else None
        misses = (m for m in growth.misses.values() if self.reports_order or not m.is_order)
        record.near_misses += [self._near_miss(m) for m in misses]
        return found if isinstance(found, Fusion) else None

    def _near_miss(self, miss: Refused) -> NearMiss:
        return NearMiss(self.name, str(miss.node), miss.reason, user_line(miss.node) or "")


class _Growth:
    """A group that grows."""

    def __init__(self, fusion: RowFusion, anchor: fx.Node, order: Order) -> None:
        self.pattern = fusion
        self.order = order
        self.nodes: set[fx.Node] = {*with_parts(anchor), *_numbers_of([anchor])}
        self.has_joined = False
        self.misses: dict[fx.Node, Refused] = {}

    def fusion(self) -> Fusion | Refused | None:
        """Return the fusion of the group; None if nothing has joined the anchor."""
        if not self.has_joined:
            return None
        group = group_of(self.nodes, self.order)
        if isinstance(group, Refused):
            return group
        views = _strided_views(group)
        if views:  # the kernel reads columns of longer rows where they lie, without a copy
            wider = group_of({*self.nodes, *views}, self.order)
            found = wider if isinstance(wider, Refused) else fusion_of(wider)
            if isinstance(found, Fusion):
                return found
        return fusion_of(group)

    def grow(self, *, check: bool) -> None:
        """Take in neighbours until none is left.

        Args:
            check: ask after each node whether one kernel computes the group.
        """
        tried: set[fx.Node] = set(self.nodes)
        while True:
            found = next((c for c in self._neighbours() if c[0] not in tried), None)
            if found is None:
                return
            node, views = found
            tried.add(node)
            if leaves_kernels_out(node):
                self.misses[node] = Refused(node, "its priority leaves out the provider iree")
                continue
            trial = {*self.nodes, *with_parts(node), *views, *_numbers_of([node, *views])}
            group = group_of(trial, self.order)
            if isinstance(group, Group) and check:
                made = fusion_of(group)
                group = made if isinstance(made, Refused) else group
            if isinstance(group, Refused):
                reason = f"{group.reason} (at {group.node})"
                self.misses[node] = Refused(node, reason, is_order=group.is_order)
                continue
            self.nodes, self.has_joined = trial, True
            tried -= set(self.misses)  # what did not fit before may fit now
            self.misses.clear()
            tried |= self.nodes

    def _neighbours(self) -> Iterator[tuple[fx.Node, list[fx.Node]]]:
        """Yield computed nodes that the pattern takes, with the views between."""
        members = self.order.sorted(self.nodes)
        for member in reversed(members):
            for source in member.all_input_nodes:
                if source not in self.nodes:
                    yield from self._before(source, member)
        for member in members:
            if not is_view(member):
                yield from self._after(member, member, [])

    def _before(self, source: fx.Node, user: fx.Node) -> Iterator[tuple[fx.Node, list[fx.Node]]]:
        views: list[fx.Node] = []
        while is_view(source) and source not in self.nodes and source.all_input_nodes:
            views.append(source)
            source = source.all_input_nodes[0]
        if is_part(source):
            views.append(source)
            source = source.all_input_nodes[0]
        if source in self.nodes or not _is_plain(source) or not is_computed(source):
            return
        if self.pattern.joins_before(source, user):
            yield source, views

    def _after(
        self, source: fx.Node, member: fx.Node, views: list[fx.Node]
    ) -> Iterator[tuple[fx.Node, list[fx.Node]]]:
        for user in source.users:
            if user in self.nodes:
                continue
            if is_view(user):
                yield from self._after(user, member, [*views, user])
            elif _is_plain(user) and is_computed(user) and self.pattern.joins_after(user, member):
                yield user, views


def _strided_views(group: Group) -> set[fx.Node]:
    """Return the views that a group takes as arguments, and that are not contiguous."""
    found: set[fx.Node] = set()
    for source in group.inputs:
        node, value = source, value_of(source)
        while value is not None and is_view(node) and not is_in_rows(value):
            found.add(node)
            (node, *_) = node.all_input_nodes
            if is_view(node) and value_of(node) is None:  # several pieces of one tensor
                found.add(node)
                (node, *_) = node.all_input_nodes
            value = value_of(node)
    return found


def _numbers_of(nodes: Sequence[fx.Node]) -> list[fx.Node]:
    """Return the tensors without dimensions that nodes read and that are known numbers."""
    return [s for n in nodes for s in n.all_input_nodes if is_number(s)]


def _is_plain(node: fx.Node) -> bool:
    """Tell whether the tensors of a node are known."""
    value = node.meta.get("val")
    several = isinstance(value, list | tuple) and all(isinstance(v, torch.Tensor) for v in value)
    return several or value_of(node) is not None


def _count(record: PassRecord, fusion: Fusion, fewer: int) -> None:
    record.matched_count += 1
    record.counts["nodes_removed"] += fewer
    fused: list[object] = record.facts.setdefault("fused", [])
    members = [n for n in fusion.group.members if not is_view(n) and not is_part(n)]
    fused.append(
        {
            "name": fusion.program.name,
            "nodes": [str(n) for n in members],
            "ops": [*dict.fromkeys(name for n in members for name in op_names(n))],
            "program": fusion.program.text,
        }
    )
