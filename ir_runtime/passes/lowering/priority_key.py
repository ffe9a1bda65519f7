"""What lowering reads besides the graph, as text for the keys of torch's caches."""

from __future__ import annotations

import json
from typing import Any

from ir_runtime.ir.choice.frozen_priority import describe_priority
from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op import IrOp
from ir_runtime.ir.tuning.tables import tables

__all__ = ["priorities_in_force"]


def priorities_in_force() -> dict[str, Any]:
    """Describe the priority of each registered op, its providers' code, and the tuned tables.

    Native counts for each op, because it computes the calls of an op without a priority. An op that
    is not registered yet is not in the graph.

    Raises:
        UndescribedStateError: a provider reads a value that no key can hold.
    """
    ops = IrOp.registry.present()
    described = {name: _describe(ops[name]) for name in sorted(ops)}
    return {"ops": described, "tables": tables.digest()}


def _describe(op: IrOp) -> dict[str, Any]:
    priority = op.priority.current()
    providers = {impl.provider: impl.uuid() for impl in (op.impls["native"], *_impls(priority))}
    return {"priority": json.dumps(describe_priority(priority)), "providers": providers}


def _impls(priority: Priority) -> list[IrOpImpl]:
    inner = [impl for _, each in priority.ranges for impl in _impls(each)]
    return [*priority.impls, *priority.candidates, *inner]
