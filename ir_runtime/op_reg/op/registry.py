"""The table of registered ops, by name."""

from __future__ import annotations

from ir_runtime.op_reg.op.op import Op

__all__ = ["ALL_CUSTOM_OP_REGS"]

ALL_CUSTOM_OP_REGS: dict[str, Op] = {}
"""Each registered op by its qualified name, `namespace::name`."""
