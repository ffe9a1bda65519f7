"""`bind_raw`: a launcher for calls of one layout, without torch's dispatcher."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.launch.direct import native
from ir_runtime.op_reg.call.kernel import bind_call
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import fill_example

__all__ = ["bind_raw"]


def bind_raw(op: Any, *example: Any) -> Callable[..., Any]:
    """Return a launcher for calls like an example, which goes neither through torch nor Python.

    Args:
        op: what `CustomOp.register` returned, its default overload, or its name.
        example: all arguments that have no default, and as many of the others as wanted.

    Returns:
        A function of as many arguments, which returns new tensors. It takes plain contiguous CPU
        tensors, 64-byte aligned, of the example's shapes and dtypes, and the example's values in
        all other places. It raises `ValueError` and names what differs for everything else: a
        gradient to compute, a fake tensor or other subclass, a pending conj or neg, an active
        mode of torch. The op's `check` and `eager_execute` do not run.

    Raises:
        ArgumentError: the op changes its arguments, takes lists, or checks values before it runs.
        LaunchError: the kernel cannot be launched directly; says why.
    """
    found = registered_op(op)
    _refuse_unbindable(found)
    values = fill_example(found, example)
    with torch._C._DisableAutocast():
        bound = bind_call(found, values)
    if bound.kernel is None or bound.plan is None:
        why = "nothing runs" if bound.kernel is None else bound.kernel.reason
        plain = bound.kernel is None or bound.kernel.executor == "vm"
        raise LaunchError(
            f"{found.name}: cannot be bound to these arguments",
            facts=[why if plain else "it returns more than tensors, or is being traced"],
        )
    assert native.why_absent() is None
    from ir_runtime.launch.direct.native import _launcher

    count = len(example)
    operands = [i for i in bound.operands if i < count]
    assert len(operands) == len(bound.operands), "a tensor has a default"
    given, native_plan = values[:count], bound.plan.native
    only = inspect.Parameter.POSITIONAL_ONLY
    signature = inspect.Signature([inspect.Parameter(n, only) for n in found.arg_names[:count]])
    return _launcher.BoundCall(
        found.qualified_name, given, native_plan, operands, bound.results, signature
    )


def _refuse_unbindable(op: Op) -> None:
    """Refuse ops that a launcher without Python cannot serve."""
    if op.has_check or op.has_eager_execute:
        raise ArgumentError(
            f"{op.name}: looks at each call's values, must not be bound",
            fix=f"call torch.ops.{op.library.ns}.{op.name}",
        )
    listed = any("[]" in str(a.type) or "List" in str(a.type) for a in op.schema.arguments)
    if op.mutated_args or listed:
        raise LaunchError(
            f"{op.name}: cannot be bound to these arguments",
            facts=["it changes arguments or takes lists"],
        )
