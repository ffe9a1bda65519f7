"""A group of nodes that shall become one call: what it reads and makes, and where it may stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.fusion.mutation import Mutations
from ir_runtime.passes.fusion.node_kind import is_part, is_view, value_of

__all__ = ["Group", "Order", "Refused", "group_of"]

MOST_INPUTS = 24
MOST_RESULTS = 8
MOST_MEMBERS = 64
"""Larger groups would gain little, and their kernels would take long to compile."""


@frozen
class Refused:
    """Why some nodes do not become one call.

    Attributes:
        node: the node that prevents it.
        reason: why.
        is_order: whether the reason is the order of the nodes alone.
    """

    node: fx.Node
    reason: str
    is_order: bool = False


@frozen
class Group:
    """Nodes that can become one call.

    Attributes:
        members: in the order of the graph. Views among them may have other users, and stay then.
        inputs: the tensors that the call takes, in the order of their first use.
        results: members whose tensors are used outside.
        before: the call is inserted before this node.
        kept: the members that stay in the graph.
    """

    members: tuple[fx.Node, ...]
    inputs: tuple[fx.Node, ...]
    results: tuple[fx.Node, ...]
    before: fx.Node
    kept: frozenset[fx.Node]

    def users_outside(self, node: fx.Node) -> list[fx.Node]:
        """Return the users of a member that stay in the graph."""
        return _outside(node, frozenset(self.members), self.kept)


class Order:
    """The order of a graph's nodes, and what they change; valid until the graph changes."""

    def __init__(self, graph: fx.Graph) -> None:
        self.nodes = list(graph.nodes)
        self.of = {node: at for at, node in enumerate(self.nodes)}
        self.mutations = Mutations(self.nodes)

    def sorted(self, nodes: Iterable[fx.Node]) -> list[fx.Node]:
        """Return nodes in the order of the graph."""
        return sorted(nodes, key=self.of.__getitem__)


def group_of(nodes: Iterable[fx.Node], order: Order) -> Group | Refused:
    """Return the group of some nodes, or why they cannot be one call.

    The call stands behind all that it reads and before all that uses its results; nothing in
    between changes what it reads, or what its members pass to each other.

    Args:
        nodes: computed nodes with all their parts, and views.
        order: of the graph as it is now.
    """
    wanted = _without_idle_views(order.sorted(set(nodes)))
    inside = frozenset(wanted)
    kept = _kept_views(wanted, inside)
    results = [n for n in wanted if not is_view(n) and _outside(n, inside, kept)]
    for node in results:
        whole = node.meta.get("val")
        if isinstance(whole, list | tuple):
            user = _outside(node, inside, kept)[0]
            return Refused(user, f"it takes all results of {node} together")
    inputs = dict.fromkeys(
        source
        for node in wanted
        for source in node.all_input_nodes
        if source not in inside and value_of(source) is not None
    )
    too_large = (
        len(inputs) > MOST_INPUTS or len(results) > MOST_RESULTS or len(wanted) > MOST_MEMBERS
    )
    if too_large:
        return Refused(wanted[-1], "the kernel would be too large")
    if not results or not inputs:
        return Refused(wanted[-1], "it has no input, or nothing uses it")
    place = _place(wanted, inputs, results, inside, kept, order)
    if isinstance(place, Refused):
        return place
    return Group(tuple(wanted), tuple(inputs), tuple(results), order.nodes[place], kept)


def _place(
    wanted: Sequence[fx.Node],
    inputs: Iterable[fx.Node],
    results: Iterable[fx.Node],
    inside: frozenset[fx.Node],
    kept: frozenset[fx.Node],
    order: Order,
) -> int | Refused:
    """Return the position before which the call stands: as late as its last member, or earlier."""
    position = order.of.__getitem__
    last = max(position(n) for n in wanted if not is_view(n))
    ready = max(inputs, key=position)
    user = min((u for r in results for u in _outside(r, inside, kept)), key=position)
    if position(user) <= position(ready):
        reason = f"it uses a result before {ready} is computed, which the call needs"
        return Refused(user, reason, is_order=True)
    writer = None
    for place in (min(position(user), last + 1), position(ready) + 1):
        found = _writer_between(wanted, inside, place, order)
        if found is None:
            return place
        writer = writer or found
    assert writer is not None
    return Refused(writer, "it changes a tensor that the call would read at another time")


def _writer_between(
    wanted: Sequence[fx.Node], inside: frozenset[fx.Node], place: int, order: Order
) -> fx.Node | None:
    """Return a node that a read would move across, None if there is none.

    The call reads what its members read before the node at `place`. What members read of each
    other never leaves the kernel, so nothing may change it before it is read.
    """
    for node in wanted:
        at = order.of[node]
        for source in node.all_input_nodes:
            first, end = (order.of[source], at) if source in inside else (at, place)
            if first > end:
                first, end = end - 1, first
            writer = order.mutations.between(first, end, source)
            if writer is not None:
                return writer
    return None


def _outside(node: fx.Node, inside: frozenset[fx.Node], kept: frozenset[fx.Node]) -> list[fx.Node]:
    return [user for user in node.users if user not in inside or user in kept]


def _without_idle_views(nodes: Sequence[fx.Node]) -> list[fx.Node]:
    """Leave out the views that no other member reads."""
    needed: set[fx.Node] = set()
    for node in reversed(nodes):
        if not is_view(node) or any(user in needed for user in node.users):
            needed.add(node)
    return [n for n in nodes if n in needed]


def _kept_views(nodes: Sequence[fx.Node], inside: frozenset[fx.Node]) -> frozenset[fx.Node]:
    """Return the views that something outside uses, and those that these are views of."""
    kept: set[fx.Node] = set()
    for node in reversed(nodes):
        if is_view(node) and _outside(node, inside, frozenset(kept)):
            kept.add(node)
    return frozenset(kept)


def with_parts(node: fx.Node) -> list[fx.Node]:
    """Return a node, and the nodes that take out its results if it has several."""
    whole = node.meta.get("val")
    several = isinstance(whole, list | tuple)
    return [node, *(u for u in node.users if several and is_part(u))]
