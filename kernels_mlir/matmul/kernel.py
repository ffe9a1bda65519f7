"""The MLIR that multiplies rows by a weight, packed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import (
    JinjaTemplateLoader,
    KernelSelection,
    MlirTemplate,
    call_function,
    flatten,
    unflatten,
)
from kernels_mlir.library import FLOATS
from kernels_mlir.matmul.amx import AmxTile
from kernels_mlir.matmul.tile import Tile, tile_for

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg import KernelBuilder

__all__ = [
    "CPU_FLAGS",
    "check_bias",
    "check_features",
    "generate_product",
    "product_rows",
    "select_rows",
]

CPU = JinjaTemplateLoader(__name__)
GPU = MlirTemplate.beside(__file__, "linear_gpu.mlir")

CPU_FLAGS = ("--iree-llvmcpu-stack-allocation-limit=65536",)
"""A workgroup copies 10 KB of the rows to the stack, and 48 KB of a weight that is not packed."""


def select_rows(ksel: KernelSelection) -> Tensor:
    """Declare the first argument: any rows of one size."""
    x = ksel.arg_tensor(0).require(dtypes=FLOATS, min_rank=1)
    x.specialize_dims(-1)
    if isinstance(x.t.shape[-1], int) and x.t.shape[-1] == 0:
        raise ArgumentError(
            f"{ksel.op.name}: `x` is {format_tensor(x.t)}, its last dimension must be at least 1"
        )
    return x.t


def check_features(op: str, x: Tensor, in_features: Any, weight: str) -> None:
    """Refuse rows of another length than the rows of the weight."""
    if x.shape[-1] != in_features:
        raise ArgumentError(
            f"{op}: `x` is {format_tensor(x)}, its last dimension must be {in_features} "
            f"as that of {weight}"
        )


def check_bias(op: str, bias: Tensor, out_features: Any) -> None:
    """Refuse a bias without exactly one element per output feature."""
    if bias.shape[0] != out_features:
        raise ArgumentError(
            f"{op}: `bias` is {format_tensor(bias)}, must have {out_features} elements, "
            "one an output feature"
        )


def generate_product(
    ksel: KernelSelection,
    kb: KernelBuilder,
    *,
    out_features: int,
    packed_for: Tile | AmxTile | None = None,
) -> None:
    """Yield `x @ weight.T + bias` for the first three arguments, summed in float32.

    Args:
        ksel: the selection.
        kb: the builder.
        out_features: rows of the weight.
        packed_for: the tile that the weight is packed for; None for one that is not packed.
    """
    x = ksel.arg_descs[0].t
    bias = kb.arg_value(2)
    y = product_rows(ksel, kb, bias, out_features=out_features, packed_for=packed_for)
    y = kb.cast_float(y, x.dtype)
    kb.yield_results(unflatten(kb, y, kb.arg_value(0), keep=1))


def product_rows(
    ksel: KernelSelection,
    kb: KernelBuilder,
    bias: Value | None,
    *,
    out_features: int,
    packed_for: Tile | AmxTile | None = None,
) -> Value:
    """Return `x @ weight.T + bias` for the first two arguments, as rows.

    Its elements are f32, or bf16 where AMX tiles round them.
    """
    x = ksel.arg_descs[0].t
    rows, weight = flatten(kb, kb.arg_value(0), keep=1), kb.arg_value(1)
    if ksel.device_family == "local":
        packed, tile = packed_for is not None, packed_for or tile_for(x.dtype)
        operands = (rows, weight) if bias is None else (rows, weight, bias)
        return _call_template(kb, tile, x.shape[-1], out_features, x.dtype, packed, operands)
    wide = [kb.cast_float(v, torch.float32) for v in (rows, weight, bias) if v is not None]
    aliases = {
        "!x": f"tensor<?x{x.shape[-1]}xf32>",
        "!w": f"tensor<{out_features}x{x.shape[-1]}xf32>",
        "!b": f"tensor<{out_features}xf32>",
        "!y": f"tensor<?x{out_features}xf32>",
    }
    name = "linear" if bias is not None else "linear_biasless"
    return kb.inline_mlir(GPU, aliases, *wide, function=name)


def _call_template(
    kb: KernelBuilder,
    tile: Tile | AmxTile,
    in_features: int,
    out_features: int,
    dtype: torch.dtype,
    packed: bool,  # noqa: FBT001 - passed on
    operands: tuple[Value, ...],
) -> Value:
    function = CPU.inline_template_function(
        kb,
        tile.template,
        "linear",
        k=in_features,
        n=out_features,
        element=dtype_info(dtype).mlir,
        packed=packed,
        bias=len(operands) > 2,
        **tile.parameters(out_features, packed=packed),
    )
    with kb.context, kb.location, kb.ip:
        return call_function(function, *operands)[0]
