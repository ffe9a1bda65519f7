"""The body of the kernels of `linear_w8` and `linear_w4`: integers become numbers when read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.library import FLOATS
from kernels_mlir.matmul.kernel import select_rows
from kernels_mlir.matmul.product_form import AMX_ROWS, integer_form
from kernels_mlir.matmul.product_kernel import PRODUCT_FLAGS, generate_fused, select_end
from kernels_mlir.matmul.quantized_layout import COLUMNS

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["QuantizedKernel", "kernel_constraints"]


def kernel_constraints() -> list[ir.Constraint]:
    """Return the conditions on the calls that the kernels take; native computes the others."""
    return [
        *(ir.dtypes(name, *FLOATS) for name in ("x", "scale", "bias", "residual")),
        ir.devices("x", "cpu"),
    ]


class QuantizedKernel(CustomOp):
    """A product with packed integers: one binary per shape of the weight, any number of rows.

    Attributes:
        bits: 8 or 4.
        operands: by the name in the template, the place of each tensor.
    """

    bits: ClassVar[int]
    operands: ClassVar[dict[str, int]]
    work_per_byte = 4.0
    compile_flags = PRODUCT_FLAGS

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        places = self.operands
        n = int(ksel.attr_int(places["residual"] + 1).v or 0)
        activation = str(ksel.attr_str(places["residual"] + 2).v)
        x = select_rows(ksel)
        if ksel.device_family != "local":
            raise ArgumentError(f"{self.name}: on {ksel.device_family}, must be on a CPU")
        number = torch.int8 if self.bits == 8 else torch.int32
        weight = ksel.arg_tensor(places["w"]).require(dtypes=(number,), rank=3)
        scale = ksel.arg_tensor(places["scale"]).require(dtypes=FLOATS, rank=3)
        weight.specialize_all_dims()
        scale.specialize_all_dims()
        if "zeros" in places:
            zero = ksel.arg_optional_tensor(places["zeros"])
            if zero is not None:
                zero.require(dtypes=(torch.int8,), rank=3).specialize_all_dims()
                zero.require_shape(scale)
        if weight.t.shape[0] != scale.t.shape[0] or weight.t.shape[2] != COLUMNS:
            raise ArgumentError(
                f"{self.name}: `weight` is {format_tensor(weight.t)}, must have the panels of "
                f"`scale` {format_tensor(scale.t)}"
            )
        ksel.variant = integer_form(self.bits, x.dtype, rows=math.prod(x.shape[:-1])).name
        select_end(ksel, x, places["bias"], places["residual"], n, activation)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Sum the products of a group in float32, then multiply by its scale."""
        places = self.operands
        x, weight, scale = (ksel.arg_descs[places[name]].t for name in ("x", "w", "scale"))
        k = x.shape[-1]
        form = integer_form(self.bits, x.dtype)
        if ksel.variant != form.name:
            form = integer_form(self.bits, x.dtype, rows=AMX_ROWS + 1)
        parameters = form.parameters(weight.shape[0] * COLUMNS, k, k // scale.shape[1])
        generate_fused(
            ksel,
            kb,
            form,
            parameters,
            operands=places,
            out_features=ksel.arg_descs[places["residual"] + 1].v,
            activation=ksel.arg_descs[places["residual"] + 2].v,
        )
