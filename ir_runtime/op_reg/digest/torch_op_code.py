"""What describes a torch op: what `torch.compile` makes of it, for keys that cover it."""

from __future__ import annotations

from collections.abc import Callable

from ir_runtime.op_reg.digest.sink import Sink

__all__ = ["DESCRIBED_OPS", "Describe", "describe_op"]

Describe = Callable[[Sink], None]

DESCRIBED_OPS: dict[str, Describe] = {}
"""What describes an op, by its qualified name, for all of its overloads."""


def describe_op(into: Sink, name: str) -> None:
    """Add what torch compiles of an op to a description, if the op is one of ours."""
    if name in DESCRIBED_OPS:
        DESCRIBED_OPS[name](into)
