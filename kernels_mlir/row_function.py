"""Row kernels of the catalogue's ops, made from one torch function for CPUs and GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.op_reg import KernelSelection
from ir_runtime.op_reg.select.argument import EmptyOptionalTensorArg, TensorArg
from kernels_mlir.library import STREAMED

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["HasRowFunction", "generate_rows"]


class HasRowFunction(Protocol):
    """An op whose row kernels are made from a function of its tensors."""

    def row_function(self, ksel: KernelSelection) -> Callable[..., Any]:
        """Return the function: it takes the tensors of a call, in order."""
        ...


def generate_rows(
    op: HasRowFunction, ksel: KernelSelection, kb: KernelBuilder, **options: Any
) -> None:
    """Write and yield the row kernel of an op; on GPUs the traced form where there is none.

    Args:
        op: the op.
        ksel: the selection; its variant `STREAMED` chooses stores past the cache.
        kb: the builder.
        options: of `rows.inline`, for CPUs.
    """
    from ir_runtime.rows import inline  # a stored kernel needs none of it

    function = op.row_function(ksel)
    operands = [
        kb.arg_value(number)
        for number, desc in enumerate(ksel.arg_descs)
        if isinstance(desc, TensorArg) and not isinstance(desc, EmptyOptionalTensorArg)
    ]
    try:
        found = inline(kb, function, *operands, streamed=ksel.variant == STREAMED, **options)
    except UnsupportedOperatorError:
        if ksel.device_family == "local":
            raise
        found = kb.inline_torch(function, *operands)
    kb.yield_results(*(found if isinstance(found, list) else [found]))
