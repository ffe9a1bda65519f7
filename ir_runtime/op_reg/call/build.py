"""`build_kernel`: compile the kernels of a call ahead of time, for any targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Target
from ir_runtime.device.machine import code_for
from ir_runtime.device.target_name import fleet_targets, parse_targets
from ir_runtime.frozen import frozen
from ir_runtime.launch.compile.compiler import require_back_end
from ir_runtime.launch.compile.less_fusion import obtain_maybe_less_fused
from ir_runtime.op_reg.call.kernel import kernel_key, kernel_source, run_select
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import fill_example

__all__ = ["BuiltKernel", "build_kernel"]


@frozen
class BuiltKernel:
    """A kernel in the store, for one target.

    Attributes:
        target: name of the target.
        kernel: label of the artifact.
        compiled: whether it was compiled now; else it was stored already.
    """

    target: str
    kernel: str
    compiled: bool


def build_kernel(
    op: Any, *args: Any, target: str | Target | Sequence[str | Target] | None = None
) -> list[BuiltKernel]:
    """Compile the kernel of a call for targets, into the store; stored ones stay.

    Kernels of other ops that the op calls in eager mode (`eager_calls`) follow it.

    Args:
        op: the torch op from `CustomOp.register`, its default overload, or its name.
        args: all arguments without a default, and any of the others, in order; their values do
            not matter unless the op compiles them in.
        target: names such as `cpu:x86-64-v3`, several or with commas between; default: those in
            `IR_RUNTIME_CPU`, else this machine's CPU.

    Raises:
        ArgumentError: a target is unknown, or the call does not fit the op.
        CompileError: the compiler refused a kernel, or has no back end for a target.
        StoreError: a kernel cannot be stored.
    """
    found = registered_op(op)
    values = fill_example(found, args)
    targets = fleet_targets() if target is None else parse_targets(target)
    built: list[BuiltKernel] = []
    for each in targets:
        require_back_end(each)
        built.append(_build(found, values, each))
        with code_for(each.machine):
            calls = found.eager_calls(*values) if each.family == "local" else ()
        built += [_build(registered_op(other), given, each) for other, given in calls]
    return built


def _build(op: Op, values: Sequence[Any], target: Target) -> BuiltKernel:
    with torch._C._DisableAutocast():
        ksel = run_select(op, values, target)
    key = kernel_key(op, ksel, target)
    with count_since() as counted:
        artifact = obtain_maybe_less_fused(
            key,
            target.flags,
            lambda: kernel_source(op, ksel),
            lambda: kernel_source(op, ksel, apart=True),
        )
    return BuiltKernel(target.name, artifact.key.label, compiled=counted[0].compiles > 0)
