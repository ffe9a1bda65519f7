"""Scatters of a part of a tensor into the place where it lies already: they copy nothing.

Rotary embedding is the case: query and key are parts of one product. Their functional forms return
changed copies, which are scattered back into the product. Once the op writes the parts where they
lie, the scatters are what is left.
"""

from __future__ import annotations

from torch import fx

from ir_runtime.passes.inplace.memory import Memory
from ir_runtime.passes.inplace.place import SCATTERS, filled_place
from ir_runtime.passes.inplace.sharing import Copy, may_share

__all__ = ["drop_self_scatters"]


def drop_self_scatters(memory: Memory) -> int:
    """Replace scatters that fill a place with what lies there by the tensor they fill.

    The rest of the tensor must be as it was when it was scattered into, for all who read the result
    later; else the scatter stays.

    Args:
        memory: of the graph.

    Returns:
        How many were replaced.
    """
    count = 0
    for node in list(memory.graph.nodes):
        if node.op != "call_function" or node.target not in SCATTERS:
            continue
        if _fills_with_itself(memory, node):
            base = node.args[0]
            assert isinstance(base, fx.Node)
            memory.join(node, base)
            memory.remove(node)
            node.replace_all_uses_with(base)
            memory.graph.erase_node(node)
            count += 1
    return count


def _fills_with_itself(memory: Memory, node: fx.Node) -> bool:
    base, part = node.args[:2]
    if node.kwargs or not isinstance(base, fx.Node) or not isinstance(part, fx.Node):
        return False
    blocks = memory.blocks(base)
    if len(blocks) != 1 or blocks != memory.blocks(part):
        return False
    (block,) = blocks
    place, start = filled_place(node), memory.region(base, block).start
    if place is None or start is None:
        return False
    if place.moved(start) != memory.region(part, block):
        return False
    return may_share(memory, Copy(base, node, node))
