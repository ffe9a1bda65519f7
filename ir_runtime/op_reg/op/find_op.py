"""The search for a registered op by its packet, its overload or its name."""

from __future__ import annotations

from typing import Any

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.stand_in import op_named

__all__ = ["registered_op"]


def registered_op(op: Any) -> Op:
    """Return the CustomOp behind `torch.ops.<namespace>.<name>`, or its stand-in.

    Args:
        op: the packet that `CustomOp.register` returns, its default overload, or its qualified
            name, `namespace::name`.

    Raises:
        RegistrationError: `CustomOp.register` did not make this op, and it has no stand-in.
    """
    found = op_named(_qualified_name(op) or "")
    if found is None:
        raise RegistrationError(
            f"{op}: not an op of ir_runtime, must be what CustomOp.register returned, "
            "its default overload, or its name as 'namespace::name'"
        )
    return found


def _qualified_name(op: Any) -> str | None:
    if isinstance(op, Op):
        return op.qualified_name
    if isinstance(op, torch._ops.OpOverloadPacket):
        return op._qualified_op_name
    if isinstance(op, torch._ops.OpOverload) and op._overloadname == "default":
        return op._schema.name
    return op if isinstance(op, str) else None
