"""`explain`: the executor, kernel and plan of a call, with reasons, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ir_runtime.device.target_name import type_name
from ir_runtime.dtypes import format_tensor
from ir_runtime.launch.direct.plan import Copy, Dispatch, Fill, Plan
from ir_runtime.op_reg.call.kernel import bind_call
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import fill_example

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """The kernel and executor of a call of an op; `print` shows them as a few lines.

    Attributes:
        call: the op and its arguments, in words.
        executor: `direct`, `vm`, or `none` if there is nothing to compute.
        reason: why this executor was chosen.
        place: the URI of the device; `direct` if no device is needed.
        kernel: label of the artifact; None if nothing runs.
        device_type: the device type of the artifact; None if nothing runs.
        plan: the steps, None if they are not known.
        target: name of the target that the artifact was compiled for; None if nothing runs.
        wanted_target: name of the target that was looked for first; `target` is weaker if it
            differs.
    """

    call: str
    executor: str
    reason: str
    place: str | None = None
    kernel: str | None = None
    device_type: str | None = None
    plan: Plan | None = None
    target: str | None = None
    wanted_target: str | None = None

    def __str__(self) -> str:
        lines = [self.call, f"  executor  {self.executor}: {self.reason}"]
        if self.place not in (None, self.executor):
            lines.append(f"  device    {self.place}")
        if self.kernel is not None:
            lines += [f"  kernel    {self.kernel}", f"  for       {self.device_type}"]
        if self.target != self.wanted_target:
            lines.append(f"  served by {self.target}: none for {self.wanted_target} is stored")
        if self.plan is not None:
            lines += [f"  launches  {step}" for step in map(_step_in_words, self.plan.steps)]
            lines.append(f"  memory    {sum(self.plan.transients)} bytes of transients")
        return "\n".join(lines)


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
    )


def _call_in_words(op: Op, values: Sequence[Any]) -> str:
    parts = [
        f"{name}={format_tensor(value) if isinstance(value, Tensor) else repr(value)}"
        for name, value in zip(op.arg_names, values, strict=True)
    ]
    return f"{op.qualified_name}({', '.join(parts)})"


def _step_in_words(step: Dispatch | Fill | Copy) -> str:
    if isinstance(step, Dispatch):
        x, y, z = step.workgroups
        spans = sum(binding.length for binding in step.bindings)
        return f"dispatch over {x} x {y} x {z} workgroups, {spans} bytes"
    kind = "fill" if isinstance(step, Fill) else "copy"
    return f"{kind} of {step.target.length} bytes"
