"""The calls of kernels as functions of this package, past torch's dispatcher where it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg.call.entrance import direct_entrance, out_entrance
from ir_runtime.op_reg.op.find_op import registered_op

__all__ = ["kernel_call"]


def kernel_call(name: str) -> Callable[..., Any]:
    """Return a function that calls the kernel `torch.ops.ir_kernels.<name>`.

    Plain calls go straight to the C launcher; `ir_runtime.op_reg.call.entrance` says which. Code
    that `torch.compile` traces sees the torch op.

    Args:
        name: of the kernel, which may be registered later than this is called.

    Returns:
        A function that takes all arguments by position, and `out`, the tensor that the result goes
        into; None, the default, for a new one.
    """
    is_compiling = torch.compiler.is_compiling
    new = into = None

    def call(*args: Any, out: Tensor | None = None) -> Any:
        nonlocal new, into
        if is_compiling():
            packet = getattr(torch.ops.ir_kernels, name)
            return packet.default(*args) if out is None else packet.out(*args, out=out)
        if out is None:
            new = new or direct_entrance(registered_op(f"ir_kernels::{name}"))
            return new(*args)
        into = into or out_entrance(registered_op(f"ir_kernels::{name}"))
        return into(*args, out=out)

    return call
