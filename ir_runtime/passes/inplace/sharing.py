"""The proof that a copy may share the memory of its source: nobody sees the difference.

A copy may become its source if no value is read on one side after it was changed on the other side,
and if the caller of the graph meets neither a change nor a new alias.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.symbolic_shapes import statically_known_true

from ir_runtime.frozen import frozen
from ir_runtime.passes.inplace.memory import Access, Memory
from ir_runtime.passes.inplace.region import everything, may_overlap

__all__ = ["Copy", "has_same_layout", "may_share"]

aten = torch.ops.aten

_STORAGE_WISE = (aten.as_strided.default, aten.as_strided_.default, aten.set_.source_Tensor)


@frozen
class Copy:
    """A copy of a tensor, whether a node makes it or a functional op does so inside.

    Attributes:
        source: the tensor that is copied.
        copy: the copy; None if nothing uses it after the op that makes it.
        maker: the node that makes it.
        donated: whether the source's caller has given up its memory at this place.
        written: what the maker itself changes in the copy, as tensors in the source's memory.
        beside: other tensors that the maker reads while it changes the copy.
    """

    source: fx.Node
    copy: fx.Node | None
    maker: fx.Node
    donated: bool = False
    written: tuple[fx.Node, ...] = ()
    beside: tuple[fx.Node, ...] = ()


def may_share(memory: Memory, what: Copy) -> bool:
    """Tell whether a copy may be its source; True is a proof.

    Args:
        memory: of the graph.
        what: the copy.
    """
    sources = memory.blocks(what.source)
    copies = set() if what.copy is None else memory.blocks(what.copy)
    if len(sources) != 1 or len(copies) > 1 or (what.copy is not None and sources == copies):
        return False
    (source,) = sources
    start = memory.time[what.maker]
    old = [a for a in memory.accesses(source) if a.time > start]
    new: list[Access] = []
    if what.copy is not None:
        if not has_same_layout(what.copy, what.source):
            return False
        (block,) = copies
        new = _in_place_of(memory, what, list(memory.accesses(block)), source, block)
        if not _keeps_outputs_apart(memory, what, source, old, new):
            return False
        if _moves_storage_wise(memory, what, block):
            return False
    for each in what.written:
        region = memory.region(each, source)
        new.append(Access(start, what.maker, each, region, writes=True))
    for each in what.beside:
        if source in memory.blocks(each):
            region = memory.region(each, source)
            old.append(Access(start, what.maker, each, region, writes=False))
    kills = _whole_writes(memory, source, old)
    own = {a.node for a in old if a.writes and _copies_itself(a, new)}
    if not what.donated and _is_seen_outside(memory, source):
        end = max(memory.time.values()) + 1
        old.append(Access(end, what.maker, what.source, everything, writes=False))
    changed = [a for a in old if a.writes and a.node not in own]
    return not _meets(new, old, kills) and not _meets(changed, new, ())


def _meets(writes: Sequence[Access], reads: Sequence[Access], kills: Sequence[int]) -> bool:
    """Tell whether one side reads what the other has changed before or in the same node.

    Args:
        writes: accesses of a side; those that only read do not count.
        reads: accesses of the other side.
        kills: times at which that other side is written as a whole.
    """
    for write in writes:
        if not write.writes:
            continue
        for read in reads:
            if read.writes or read.time < write.time:
                continue
            if any(write.time < kill < read.time for kill in kills):
                continue
            if write.region in read.spared:
                continue
            if may_overlap(write.region, read.region):
                return True
    return False


def _in_place_of(
    memory: Memory, what: Copy, accesses: Sequence[Access], source: int, block: int
) -> list[Access]:
    """Return accesses to a copy as accesses to the block of its source."""
    assert what.copy is not None
    begin = memory.region(what.copy, block).start
    end = memory.region(what.source, source).start
    shift = None if begin is None or end is None else end - begin
    return [access.moved(shift) for access in accesses]


def _whole_writes(memory: Memory, source: int, old: Sequence[Access]) -> list[int]:
    """Return when a graph input is overwritten as a whole, its old contents lost."""
    inputs = [n for n in memory.nodes(source) if n.op == "placeholder"]
    if len(inputs) != 1:
        return []
    return [
        a.time
        for a in old
        if a.writes and a.tensor is inputs[0] and a.node.target is aten.copy_.default
    ]


def _copies_itself(write: Access, new: Collection[Access]) -> bool:
    """Tell whether a node would copy a tensor onto itself, if the copy were its source."""
    if write.node.target is not aten.copy_.default:
        return False
    source = write.node.args[1]
    return any(
        a.node is write.node and a.tensor is source and a.region == write.region
        for a in new
        if a.region.start is not None
    )


def _keeps_outputs_apart(
    memory: Memory, what: Copy, source: int, old: Sequence[Access], new: Sequence[Access]
) -> bool:
    """Tell whether no two results of the graph, and no result and an input, become one."""
    if not any(a.node.op == "output" for a in new):
        return True
    if any(a.node.op == "output" for a in old):
        return False
    return what.donated or not _is_seen_outside(memory, source)


def _is_seen_outside(memory: Memory, block: int) -> bool:
    """Tell whether a block belongs to the graph's caller or module."""
    return any(n.op in ("placeholder", "get_attr") for n in memory.nodes(block))


def _moves_storage_wise(memory: Memory, what: Copy, block: int) -> bool:
    """Tell whether a node counts from the beginning of the copy's storage, which would differ."""
    assert what.copy is not None
    users = [u for n in memory.nodes(block) for u in n.users if u.target in _STORAGE_WISE]
    if not users:
        return False
    if what.written:
        return True  # such a copy has all of the source's storage
    one, other = (_offset(node) for node in (what.copy, what.source))
    return one is None or one != other


def _offset(node: fx.Node) -> int | None:
    offset: Any = node.meta["val"].storage_offset()
    return offset if type(offset) is int else None


def has_same_layout(copy: fx.Node, source: fx.Node) -> bool:
    """Tell whether a copy is known to have its source's dtype, sizes and strides."""
    one, other = copy.meta.get("val"), source.meta.get("val")
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return False
    if one.dtype != other.dtype or one.device != other.device or one.ndim != other.ndim:
        return False
    pairs = [
        *zip(one.shape, other.shape, strict=True),
        *zip(one.stride(), other.stride(), strict=True),
    ]
    return all(statically_known_true(mine == theirs) for mine, theirs in pairs)
