"""A priority as data: compiled graphs keep the priority that they were compiled under."""

from __future__ import annotations

from typing import Any

from ir_runtime.ir.choice.op_priority import OpPriority
from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts

__all__ = ["describe_priority", "restore_priority"]


def describe_priority(priority: Priority) -> dict[str, Any]:
    """Return a priority as JSON: names of providers, which may be reordered, ranges of sizes."""
    return {
        "providers": priority.providers,
        "added_native": priority.added_native,
        "candidates": [impl.provider for impl in priority.candidates],
        "ranges": [
            {"low": low, "high": high, "inner": describe_priority(inner)}
            for (low, high), inner in priority.ranges
        ],
    }


def restore_priority(
    op: OpFacts[IrOpImpl], priorities: OpPriority, described: dict[str, Any]
) -> Priority:
    """Return the priority that `describe_priority` described, for the same op.

    Args:
        op: the op.
        priorities: its priorities; none of them is changed.
        described: names its providers.
    """
    return Priority(
        op,
        priorities.choices,
        [op.impls[name] for name in described["providers"]],
        added_native=described["added_native"],
        ranges=[
            ((each["low"], each["high"]), restore_priority(op, priorities, each["inner"]))
            for each in described["ranges"]
        ],
        source="compiled",
        candidates=[op.impls[name] for name in described["candidates"]],
    )
