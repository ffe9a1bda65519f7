"""Add-norm canonicalisation: a sum and its rms_norm become the IR op fused_add_rms_norm."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ir_runtime.ir import IrOp
from ir_runtime.passes.graph.fx_query import is_func
from ir_runtime.passes.graph.storage import Storages, is_in_rows, same_value
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import NearMiss, PassRecord

__all__ = ["AddNormCanonicalization"]

aten = torch.ops.aten
_NORM, _FUSED = "rms_norm", "fused_add_rms_norm"


@dataclass(frozen=True)
class _Found:
    """A sum with its norm.

    Attributes:
        add: the sum.
        x: the operand with the sum's dtype.
        residual: the other one.
        reshape: between the sum and the norm; None if nothing is.
        norm: the norm.
    """

    add: fx.Node
    x: fx.Node
    residual: fx.Node
    reshape: fx.Node | None
    norm: fx.Node


@dataclass(frozen=True)
class AddNormCanonicalization(GraphPass):
    """Replace a sum of two tensors and the rms_norm of it by one op with both results.

    A reshape of leading dimensions may lie between. The sum may have other users: they read the
    op's second result. Of several norms of one sum the first is taken.

    In a narrow dtype the op norms the sum before it is rounded, so its result is nearer to the
    exact one.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        norm, fused = IrOp.registry.get(_NORM), IrOp.registry.get(_FUSED)
        if norm is None or fused is None:
            record.facts["reason"] = f"no op {_NORM if norm is None else _FUSED} is registered"
            return
        memory = Storages(graph)
        taken: set[fx.Node] = set()
        for node in graph.find_nodes(op="call_function", target=norm.torch_op):
            found = _find(node)
            if isinstance(found, NearMiss):
                record.near_misses.append(found)
            if not isinstance(found, _Found) or found.add in taken:
                continue
            reason = _why_not(found, memory)
            if reason:
                record.near_misses.append(NearMiss(_FUSED, found.norm.name, reason))
                continue
            taken.add(found.add)
            _replace(graph, found, fused.torch_op)
            record.matched_count += 1


def _find(norm: fx.Node) -> _Found | NearMiss | None:
    add: Any = norm.args[0]
    reshape = None
    if any(is_func(add, t) for t in (aten.reshape.default, aten.view.default)):
        reshape, add = add, add.args[0]
    if not isinstance(add, fx.Node) or not is_func(add, aten.add.Tensor):
        return None
    operands = [arg for arg in add.args if isinstance(arg, fx.Node)]
    total = add.meta.get("val")
    if len(operands) != 2 or add.kwargs.get("alpha", 1) != 1 or total is None:
        return NearMiss(_FUSED, add.name, "it is no plain sum of two tensors")
    for operand in operands:
        value = operand.meta.get("val")
        if not isinstance(value, torch.Tensor) or not same_value(value.shape, total.shape):
            return NearMiss(_FUSED, operand.name, "it is broadcast, the op takes one shape")
    if operands[0].meta["val"].dtype != total.dtype:
        operands.reverse()
    if operands[0].meta["val"].dtype != total.dtype:
        return NearMiss(_FUSED, add.name, "the sum has the dtype of neither operand")
    return _Found(add, operands[0], operands[1], reshape, norm)


def _why_not(found: _Found, memory: Storages) -> str:
    """Say why a sum and its norm must stay; "" if they need not."""
    total, norm = found.add.meta["val"], found.norm
    if found.reshape is not None:
        shaped = found.reshape.meta.get("val")
        if shaped is None or not same_value(shaped.shape[-1:], total.shape[-1:]):
            return "the reshape changes the rows"
    if not total.is_floating_point() or not is_in_rows(total):
        return "the sum is not of floating-point numbers in rows"
    at = memory.position(found.add)
    others = [arg for arg in norm.all_input_nodes if arg not in (found.add, found.reshape)]
    if any(memory.position(arg) > at for arg in others):
        return "the weight is computed after the sum"
    touched = (found.x, found.residual, found.add, *others)
    if memory.is_written(touched, at, memory.position(norm)):
        return "an operand is written between the sum and the norm"
    return ""


def _replace(graph: fx.Graph, found: _Found, op: Any) -> None:
    add, norm = found.add, found.norm
    total, normed = add.meta["val"], norm.meta.get("val")
    with graph.inserting_before(add):
        made = graph.call_function(op, (found.x, found.residual, *norm.args[1:]), dict(norm.kwargs))
        y = graph.call_function(operator.getitem, (made, 0))
        s = graph.call_function(operator.getitem, (made, 1))
        made.meta, y.meta, s.meta = dict(norm.meta), dict(norm.meta), dict(add.meta)
        rows = torch.empty_like(total) if normed is None else normed.new_empty(total.shape)
        y.meta["val"], s.meta["val"] = rows, total
        made.meta["val"] = (rows, total)
    add.replace_all_uses_with(s)
    if found.reshape is not None:
        target: Any = found.reshape.target
        with graph.inserting_before(norm):
            shaped = graph.call_function(target, (y, *found.reshape.args[1:]))
        shaped.meta = dict(norm.meta)
        y = shaped
    norm.replace_all_uses_with(y)
    for node in (norm, found.reshape, add):
        if node is not None and not node.users:
            graph.erase_node(node)
