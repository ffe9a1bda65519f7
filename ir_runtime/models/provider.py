"""Which provider would compute a call of an op."""

from __future__ import annotations

from typing import Any

from ir_runtime.ir import IrOp

__all__ = ["provider_of"]


def provider_of(op: IrOp, *arguments: Any) -> str:
    """Return the name of the provider that computes a call under the present priority."""
    return op.dispatch(*arguments).provider
