"""Kernels for GPUs of ops over rows, made from the op's torch function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.op_reg import KernelSelection
from ir_runtime.op_reg.select.argument import EmptyOptionalTensorArg, TensorArg

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["RowsOnGpu", "generate_on_gpu"]


class RowsOnGpu(Protocol):
    """An op whose kernel for GPUs is made from a function of its tensors."""

    def on_gpu(self, ksel: KernelSelection) -> Callable[..., Any]:
        """Return the function: it takes the tensors of a call, in order."""
        ...


def generate_on_gpu(op: RowsOnGpu, ksel: KernelSelection, kb: KernelBuilder) -> None:
    """Write and yield the row kernel of an op for GPUs; the traced form where there is none."""
    from ir_runtime.rows import inline  # a stored kernel needs none of it

    function = op.on_gpu(ksel)
    operands = [
        kb.arg_value(number)
        for number, desc in enumerate(ksel.arg_descs)
        if isinstance(desc, TensorArg) and not isinstance(desc, EmptyOptionalTensorArg)
    ]
    try:
        found = inline(kb, function, *operands)
    except UnsupportedOperatorError:
        found = kb.inline_torch(function, *operands)
    kb.yield_results(*(found if isinstance(found, list) else [found]))
