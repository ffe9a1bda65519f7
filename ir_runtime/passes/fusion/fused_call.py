"""What Inductor's generated code calls for a fused op: the launcher of its row kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ir_runtime.op_reg.call.entrance import out_entrance
from ir_runtime.op_reg.op.op import Op
from ir_runtime.passes.fusion.fused_rows import fused_op

__all__ = ["fused_out_call", "kernel_of"]


def fused_out_call(program: str) -> Callable[..., Any]:
    """Return a function that runs the row kernel of a program into given tensors.

    The text is all that it needs, so code that a cache had stored makes it, too.

    Args:
        program: from `Program.text`.
    """
    return out_entrance(kernel_of(program))


def kernel_of(program: str) -> Op:
    """Return the op of a program's kernel, `torch.ops.ir_kernels.fused_...`."""
    impl: Any = fused_op(program).impls["iree"]
    return impl.kernel
