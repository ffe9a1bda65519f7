"""The table of registered ops, by name."""

from __future__ import annotations

from ir_runtime.late_table import LateTable
from ir_runtime.op_reg.op.op import Op

__all__ = ["ALL_CUSTOM_OP_REGS"]

ALL_CUSTOM_OP_REGS: LateTable[Op] = LateTable()
"""Each registered op by its qualified name, `namespace::name`."""
