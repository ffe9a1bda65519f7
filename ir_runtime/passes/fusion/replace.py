"""Replace a group of nodes by one call of its program."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.fusion.acceptance import refusal
from ir_runtime.passes.fusion.compose import program_for
from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS, FUSED_ROWS_SINGLE
from ir_runtime.passes.fusion.group import Group, Refused
from ir_runtime.passes.fusion.node_kind import is_view, value_of
from ir_runtime.passes.fusion.program import Program

__all__ = ["Fusion", "fusion_of", "replace"]

_CARRIED = ("stack_trace", "nn_module_stack", "original_aten", "source_fn_stack", "from_node")


@frozen
class Fusion:
    """A group that becomes one kernel.

    Attributes:
        group: the nodes.
        program: what they compute.
    """

    group: Group
    program: Program


def fusion_of(group: Group) -> Fusion | Refused:
    """Return the fusion of a group, or why one kernel cannot compute it."""
    program = program_for(group)
    if isinstance(program, Refused):
        return program
    tensors = [value_of(node) for node in (*group.inputs, *group.results)]
    known = [t for t in tensors if t is not None]
    last = group.members[-1]
    if len(known) != len(tensors):
        return Refused(last, "the shapes of its tensors are unknown")
    count = len(group.inputs)
    why = refusal(program, known[:count], known[count:])
    return Fusion(group, program) if why is None else Refused(last, why)


def replace(graph: fx.Graph, fusion: Fusion) -> fx.Node:
    """Put the call in the place of the group's nodes; returns its node."""
    group = fusion.group
    last = next(n for n in reversed(group.members) if not is_view(n))
    given = (fusion.program.text, list(group.inputs))
    with graph.inserting_before(group.before):
        if len(group.results) == 1:
            call = graph.call_function(FUSED_ROWS_SINGLE, given)
            made = [call]
        else:
            call = graph.call_function(FUSED_ROWS, given)
            call.meta = _carried(last.meta)
            call.meta["val"] = [r.meta["val"] for r in group.results]
            made = [
                graph.call_function(operator.getitem, (call, at))
                for at in range(len(group.results))
            ]
    outside = {r: set(group.users_outside(r)) for r in group.results}
    for old, part in zip(group.results, made, strict=True):
        part.meta = _carried(old.meta) | {"val": old.meta["val"]}
        users = outside[old]
        old.replace_all_uses_with(part, delete_user_cb=users.__contains__)
    for node in reversed(group.members):
        if node not in group.kept:
            graph.erase_node(node)
    return call


def _carried(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what still holds for another call; `eager_input_vals`, for one, does not."""
    return {name: meta[name] for name in _CARRIED if name in meta}
