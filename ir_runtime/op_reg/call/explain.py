"""`explain`: the executor, kernel and plan of a call, with reasons, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.device.target_name import type_name
from ir_runtime.dtypes import format_tensor
from ir_runtime.launch.explanation import Explanation
from ir_runtime.launch.operand.changed_operand import place_in_words
from ir_runtime.op_reg.call.bound_launch import BoundLaunch
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
    device_type = kernel.kernel.artifact.key.device_type
    return Explanation(
        call,
        kernel.executor,
        kernel.reason,
        kernel.place,
        kernel.kernel.label,
        device_type,
        kernel.plan.plan if kernel.plan is not None else None,
        type_name(device_type),
        type_name(kernel.kernel.wanted_type),
        tuple(_changes(found, values, bound)),
    )


def _changes(op: Op, values: Sequence[Any], bound: BoundLaunch) -> Iterator[str]:
    """Yield each tensor that the call changes, and where: in its memory, or else why not."""
    plan = bound.kernel.plan if bound.kernel is not None else None
    tensors: list[tuple[int, str, Tensor]] = []
    for i in bound.operands:
        listed = values[i] if isinstance(values[i], list | tuple) else None
        for j, value in enumerate([values[i]] if listed is None else listed):
            if isinstance(value, Tensor):
                suffix = "" if listed is None else f"[{j}]"
                tensors.append((i, f"{op.arg_names[i]}{suffix}", value))
    for place, (i, name, tensor) in enumerate(tensors):
        if i not in op.mutated_args:
            continue
        others = [other for k, (_, _, other) in enumerate(tensors) if k != place]
        if plan is None:
            yield f"{name}: computed aside and copied: not run by `direct`"
            continue
        late = "it is read after its first element is written"
        why = place_in_words(tensor, others, late if place in plan.plan.staged else "")
        yield f"{name}: {why}"


def _call_in_words(op: Op, values: Sequence[Any]) -> str:
    parts = [
        f"{name}={format_tensor(value) if isinstance(value, Tensor) else repr(value)}"
        for name, value in zip(op.arg_names, values, strict=True)
    ]
    return f"{op.qualified_name}({', '.join(parts)})"
