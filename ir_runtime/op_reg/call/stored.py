"""Which target's kernel of a call is stored, where code cannot be compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ir_runtime.device import Device, Target
from ir_runtime.device.machine import code_for
from ir_runtime.errors import IrRuntimeError
from ir_runtime.launch.compile.build import can_compile
from ir_runtime.launch.compile.less_fusion import is_stored_maybe_less_fused
from ir_runtime.op_reg.call.kernel import kernel_key, run_select
from ir_runtime.op_reg.op.find_op import registered_op

__all__ = ["target_to_use"]


def target_to_use(op: Any, arguments: Callable[[], Sequence[Any]]) -> Target:
    """Return the target whose kernel computes a call on this machine's CPU.

    This is the best one, whose kernel is compiled if it is not stored. Where nothing can be
    compiled it is the best one whose kernel is stored, if there is one.

    Args:
        op: a torch op from `CustomOp.register`, its default overload, or its name.
        arguments: makes all arguments of the call for the machine that code is made for then.
    """
    targets = Device("local-sync").targets
    if can_compile():
        return targets[0]
    found = registered_op(op)
    for target in targets:
        with code_for(target.machine), torch._C._DisableAutocast():
            try:
                ksel = run_select(found, arguments(), target)
            except IrRuntimeError:  # the call says why
                continue
        if is_stored_maybe_less_fused(kernel_key(found, ksel, target)):
            return target
    return targets[0]
