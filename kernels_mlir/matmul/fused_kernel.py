"""The body of the kernels of `gate_up_silu` and `linear_act`: a product, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection, flatten, unflatten
from kernels_mlir.library import FLOATS, same_dtype
from kernels_mlir.matmul.epilogue import GATED, end_of
from kernels_mlir.matmul.kernel import CPU_FLAGS, check_features, product_rows, select_rows
from kernels_mlir.matmul.packed import packed_for, packed_shape
from kernels_mlir.matmul.packed_product import finish_packed, finished_call
from kernels_mlir.matmul.product_kernel import select_end
from kernels_mlir.matmul.tile import tile_for

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["FusedKernel", "fused_constraints"]


def fused_constraints(*tensors: str) -> list[ir.Constraint]:
    """Return the conditions on the calls that the kernels take; native computes the others."""
    return [
        *(ir.dtypes(name, *FLOATS) for name in ("x", *tensors)),
        ir.devices("x", "cpu"),
        ir.fits("x", "of a last size of at least 1", lambda x: ir.differ(x.shape[-1], 0)),
        *(same_dtype(name, "x") for name in tensors),
    ]


class FusedKernel(CustomOp):
    """A product that is finished at its end: one binary per shape of the weight, any rows."""

    work_per_byte = 8.0
    compile_flags = CPU_FLAGS

    def whole(self, *args: Any) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, str]:
        """Return rows, weight, bias, residual and activation for the arguments of the op."""
        raise NotImplementedError

    def activation(self, ksel: KernelSelection) -> str:
        """Declare the activation, and return it."""
        raise NotImplementedError

    has_residual = False

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        x = select_rows(ksel)
        weight = ksel.arg_tensor(1).require(dtypes=(x.dtype,), rank=2)
        weight.specialize_all_dims()
        check_features(self.name, x, weight.t.shape[1], "`weight`")
        if ksel.device_family != "local":
            raise ArgumentError(f"{self.name}: on {ksel.device_family}, must be on a CPU")
        activation = self.activation(ksel)
        n = weight.t.shape[0]
        if n == 0 or (activation == GATED and n % 2):
            raise ArgumentError(
                f"{self.name}: `weight` is {format_tensor(weight.t)}, must have at least 1 row"
                + (", and an even number of them" if activation == GATED else "")
            )
        ksel.variant = tile_for(x.dtype).name
        columns = n // 2 if activation == GATED else n
        select_end(ksel, x, 2, 3 if self.has_residual else None, columns, activation)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Multiply by the weight as it lies, and finish the sums in a pass of its own."""
        from ir_runtime.rows import inline  # a stored kernel needs none of it

        x, n = ksel.arg_descs[0].t, ksel.arg_descs[1].t.shape[0]
        activation = self.activation_of(ksel)
        bias = kb.arg_value(2)
        residual = kb.arg_value(3) if self.has_residual else None
        product = product_rows(ksel, kb, None, out_features=n)
        element = torch.bfloat16 if "bf16" in str(product.type) else torch.float32
        operands, like = [product], [torch.empty((3, n), dtype=element, device="meta")]
        if bias is not None:
            operands.append(bias)
            like.append(ksel.arg_descs[2].t)
        if residual is not None:
            operands.append(flatten(kb, residual, keep=1))
            like.append(torch.empty((3, n), dtype=ksel.arg_descs[3].t.dtype, device="meta"))

        def end(y: Tensor, *rest: Tensor) -> Tensor:
            own_bias = rest[0] if bias is not None else None
            own_residual = rest[-1] if residual is not None else None
            return end_of(y.float(), own_bias, own_residual, activation).to(x.dtype)

        y = inline(kb, end, *operands, like=[t.to("meta") for t in like])
        kb.yield_results(unflatten(kb, y, kb.arg_value(0), keep=1))

    def activation_of(self, ksel: KernelSelection) -> str:
        """Return the activation that `select` declared."""
        raise NotImplementedError

    def eager_execute(self, *args: Any) -> Any:
        """Multiply by the packed weight, if there is one that fits `x`."""
        x, weight, bias, residual, activation = self.whole(*args)
        gated = activation == GATED
        fits = x.dtype == weight.dtype and x.shape[-1:] == weight.shape[1:]
        if not fits or weight.ndim != 2 or (gated and weight.shape[0] % 2):
            return NotImplemented
        packed = packed_for(
            weight, lambda: finished_call(x, weight, bias, residual, activation), gated=gated
        )
        if packed is None:
            return NotImplemented
        return finish_packed(x, packed, bias, residual, weight, activation)

    def eager_calls(self, *args: Any) -> Sequence[tuple[Any, Sequence[Any]]]:
        """Return the product with a packed weight, which parameters have in eager calls."""
        x, weight, bias, residual, activation = self.whole(*args)
        shape = packed_shape(weight.dtype, *weight.shape, gated=activation == GATED)
        name, arguments = finished_call(x, weight, bias, residual, activation)
        return [(name, arguments(weight.new_empty(shape)))]
