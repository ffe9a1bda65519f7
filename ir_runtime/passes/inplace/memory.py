"""The blocks of memory behind the tensors of a graph, and who reads and writes them when."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from ir_runtime.frozen import frozen
from ir_runtime.passes.inplace.effects import MAY_RETURN_INPUT, Effects, effects_of
from ir_runtime.passes.inplace.place import SCATTERS, overwritten_places
from ir_runtime.passes.inplace.region import Region, everything, region_of

__all__ = ["Access", "Memory"]


@frozen
class Access:
    """A node that reads or writes a part of a block.

    Attributes:
        time: the position of the node in the graph.
        node: the node that reads or writes.
        tensor: the node whose tensor it reads or writes.
        region: of that tensor in the block.
        writes: whether it writes.
        spared: parts of the region that it does not read.
    """

    time: int
    node: fx.Node
    tensor: fx.Node
    region: Region
    writes: bool
    spared: tuple[Region, ...] = ()

    def moved(self, shift: int | None) -> Access:
        """Return the access in a block that begins elsewhere; None if that is not known."""
        if shift is None:
            return replace(self, region=everything, spared=())
        spared = tuple(each.moved(shift) for each in self.spared)
        return replace(self, region=self.region.moved(shift), spared=spared)


class Memory:
    """Which nodes of a graph share memory, by the storages of their fake tensors.

    Blocks are joined as clones are removed, so that questions are about the graph as it is then.

    Args:
        graph: in an order in which it can run.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self.graph = graph
        self._fresh = itertools.count(-1, -1)
        self._parent: dict[int, tuple[int, int]] = {}
        self._places: dict[fx.Node, list[tuple[int, Region]]] = {}
        self._effects: dict[fx.Node, Effects] = {}
        self.time: dict[fx.Node, int] = {}
        self._by_block: dict[int, list[fx.Node]] = {}
        for time, node in enumerate(graph.nodes):
            self.time[node] = time
            self._effects[node] = effects_of(node)
            self._places[node] = self._find_places(node)
            for block, _ in self._places[node]:
                self._by_block.setdefault(block, []).append(node)

    def _find_places(self, node: fx.Node) -> list[tuple[int, Region]]:
        value = node.meta.get("val", node.meta.get("example_value"))
        if value is None and node.op == "get_attr":
            value = getattr(node.graph.owning_module, str(node.target), None)
        tensors = [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
        places = [(_storage(t), region_of(t)) for t in tensors if torch._C._has_storage(t)]
        unknown = value is None and node.op == "call_function" and bool(node.users)
        if unknown or node.target in MAY_RETURN_INPUT or _is_opaque(node):
            known = {block for block, _ in places}
            given = {block for each in node.all_input_nodes for block, _ in self._places[each]}
            places += [(block, everything) for block in given - known]
        # Where an earlier pass removed a copy, fake tensors of its views still have its storage.
        stale = {b for each in _returned(node) for b, _ in self._places[each]}
        places += [(block, everything) for block in stale - {block for block, _ in places}]
        if not places and unknown:
            places = [(next(self._fresh), everything)]
        return places

    def _root(self, block: int) -> tuple[int, int]:
        """Return the block that a block was joined to, and the shift of its bytes in it."""
        shift = 0
        while block in self._parent:
            block, more = self._parent[block]
            shift += more
        return block, shift

    def blocks(self, node: fx.Node) -> set[int]:
        """Return the blocks that a node's tensors lie in."""
        return {self._root(block)[0] for block, _ in self._places[node]}

    def region(self, node: fx.Node, block: int) -> Region:
        """Return where a node's tensors lie in a block."""
        found = [
            region.moved(shift)
            for own, region in self._places[node]
            for root, shift in [self._root(own)]
            if root == block
        ]
        return found[0] if len(found) == 1 else everything

    def is_same(self, one: fx.Node, other: fx.Node) -> bool:
        """Tell whether two nodes' tensors are known to begin at the same byte of one block."""
        blocks = self.blocks(one)
        if len(blocks) != 1 or blocks != self.blocks(other):
            return False
        (block,) = blocks
        start = self.region(one, block).start
        return start is not None and start == self.region(other, block).start

    def join(self, copy: fx.Node, source: fx.Node) -> None:
        """Note that a copy is its source from now on; both lie in one block, in the same layout."""
        (mine,) = self.blocks(copy)
        (theirs,) = self.blocks(source)
        if mine == theirs:
            return
        begin, end = self.region(copy, mine).start, self.region(source, theirs).start
        self._parent[mine] = (theirs, 0 if begin is None or end is None else end - begin)

    def remove(self, node: fx.Node) -> None:
        """Note that a node is erased; call it while the node still has its users."""
        self.time.pop(node, None)
        self._effects[node] = Effects()
        for user in node.users:
            self._effects.pop(user, None)

    def add(self, node: fx.Node, at: fx.Node) -> None:
        """Note that a node runs at the time of another one, which it replaces or belongs to."""
        self.time[node] = self.time[at]
        self._places[node] = self._find_places(node)
        for block, _ in self._places[node]:
            self._by_block.setdefault(block, []).append(node)

    def nodes(self, block: int) -> list[fx.Node]:
        """Return the nodes whose tensors lie in a block."""
        members = [own for own in self._by_block if self._root(own)[0] == block]
        return [n for own in members for n in self._by_block[own] if n in self.time]

    def accesses(self, block: int) -> Iterator[Access]:
        """Yield who reads and writes a block, in no order."""
        for tensor in set(self.nodes(block)):
            region = self.region(tensor, block)
            for user in tensor.users:
                effects = self._effects.get(user)
                if effects is None:  # a node that was added, or takes another one now
                    effects = self._effects[user] = effects_of(user)
                if tensor in effects.reads:
                    spared = _spared(user, tensor, region)
                    yield Access(self.time[user], user, tensor, region, writes=False, spared=spared)
                if tensor in effects.writes:
                    yield Access(self.time[user], user, tensor, region, writes=True)


def _spared(user: fx.Node, tensor: fx.Node, region: Region) -> tuple[Region, ...]:
    """Return what a scatter into a tensor does not read of it: the places that it fills."""
    if user.target not in SCATTERS or user.args[0] is not tensor or region.start is None:
        return ()
    return tuple(place.moved(region.start) for place in overwritten_places(user))


def _is_opaque(node: fx.Node) -> bool:
    """Tell whether a node may return what it takes without saying so."""
    target: Any = node.target
    if node.op in ("call_method", "call_module"):
        return True
    return isinstance(target, torch._ops.HigherOrderOperator) and target.name() == "control_deps"


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _returned(node: fx.Node) -> list[fx.Node]:
    """Return the arguments whose memory a node returns, as its schema says."""
    if node.target is operator.getitem and isinstance(node.args[0], fx.Node):
        return _returned(node.args[0])  # of a list of views
    if not isinstance(node.target, torch._ops.OpOverload):
        return []
    schema = node.target._schema
    returned: set[str] = set()
    for each in schema.returns:
        returned |= set() if each.alias_info is None else each.alias_info.before_set
    given = dict(zip((a.name for a in schema.arguments), node.args, strict=False)) | node.kwargs
    shared = [
        given.get(a.name)
        for a in schema.arguments
        if a.alias_info is not None
        and (a.alias_info.before_set & returned or "*" in a.alias_info.after_set)  # in a list
    ]
    return [value for value in shared if isinstance(value, fx.Node)]
