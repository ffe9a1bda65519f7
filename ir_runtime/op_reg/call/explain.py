"""`explain`: the executor, kernel and plan of a call, with reasons, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.launch.explanation import Explanation
from ir_runtime.op_reg.call.kernel import bind_call
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import fill_example

__all__ = ["Explanation", "explain"]


def explain(op: Any, *args: Any) -> Explanation:
    """Explain a call without running it; compiles the kernel if it is not stored.

    Args:
        op: the torch op from `CustomOp.register`, its default overload, or its name.
        args: all arguments without a default, and any of the others, in order.

    Raises:
        IrRuntimeError: the same errors as the call itself.
    """
    found = registered_op(op)
    values = fill_example(found, args)
    with torch._C._DisableAutocast():
        bound = bind_call(found, values)
    call = _call_in_words(found, values)
    if bound.kernel is None:
        return Explanation(call, "none", "no result has an element")
    kernel = bound.kernel
    return Explanation(
        call,
        kernel.executor,
        kernel.reason,
        kernel.place,
        kernel.kernel.label,
        kernel.kernel.artifact.key.device_type,
        kernel.plan.plan if kernel.plan is not None else None,
    )


def _call_in_words(op: Op, values: Sequence[Any]) -> str:
    parts = [
        f"{name}={format_tensor(value) if isinstance(value, Tensor) else repr(value)}"
        for name, value in zip(op.arg_names, values, strict=True)
    ]
    return f"{op.qualified_name}({', '.join(parts)})"
