"""The MLIR of `product`: rows times a packed weight, finished before the result is stored."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import (
    JinjaTemplateLoader,
    KernelSelection,
    call_function,
    flatten,
    unflatten,
)
from kernels_mlir.library import FLOATS
from kernels_mlir.matmul.epilogue import GATED
from kernels_mlir.matmul.product_form import AmxForm, AmxIntegerForm, FloatForm, IntegerForm

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg import KernelBuilder

__all__ = ["PRODUCT_FLAGS", "generate_fused", "select_end"]

Form = AmxForm | AmxIntegerForm | FloatForm | IntegerForm

TEMPLATES = JinjaTemplateLoader(__name__)

PRODUCT_FLAGS = ("--iree-llvmcpu-stack-allocation-limit=131072",)
"""A workgroup has 48 KB of numbers, 10 KB of the rows, and the sums of groups on the stack."""

BF16_BITS = {v: struct.unpack("<i", struct.pack("<f", v))[0] >> 16 for v in range(-8, 8)}
"""The integers of 4 bits in bfloat16, as signed integers of 16 bits."""

_FUNCTIONS = {
    "silu": ("gate",),
    "gelu": ("normal_cdf",),
    "gelu_tanh": ("gate",),
    GATED: ("gate",),
}


def select_end(
    ksel: KernelSelection,
    x: Tensor,
    bias: int | None,
    residual: int | None,
    out_features: int,
    activation: str,
) -> None:
    """Declare the bias and the residual, and the result.

    Args:
        ksel: the selection.
        x: the rows.
        bias: the place of the argument; None if the op has none.
        residual: the same.
        out_features: columns of the result.
        activation: a name.
    """
    for place, name in ((bias, "bias"), (residual, "residual")):
        found = None if place is None else ksel.arg_optional_tensor(place)
        if found is None:
            continue
        found.require(dtypes=FLOATS, min_rank=1)
        if name == "bias":
            found.specialize_all_dims()
            shape = (out_features * (2 if activation == GATED else 1),)
        else:
            found.specialize_dims(-1)
            shape = (*x.shape[:-1], out_features)
        if tuple(found.t.shape) != shape:
            raise ArgumentError(
                f"{ksel.op.name}: `{name}` is {format_tensor(found.t)}, "
                f"must have the shape {list(shape)}"
            )
    ksel.return_new_tensor((*x.shape[:-1], out_features), x.dtype).specialize_dims(-1)


def generate_fused(
    ksel: KernelSelection,
    kb: KernelBuilder,
    form: Form,
    parameters: dict[str, Any],
    *,
    operands: dict[str, int],
    out_features: int,
    activation: str,
) -> None:
    """Yield a finished product.

    Args:
        ksel: the selection.
        kb: the builder.
        form: how it multiplies.
        parameters: those of the form, for the weight.
        operands: by the name that the template gives it, the place of each argument.
        out_features: columns of the result.
        activation: a name.
    """
    from ir_runtime.rows.vector_functions import vector_functions  # not for a stored kernel

    found: dict[str, Value] = {}
    elements = {"scale": "f32", "bias": "f32", "residual": "f32"}
    for name, place in operands.items():
        value = kb.arg_value(place)
        if value is not None:
            found[name] = flatten(kb, value, keep=1) if name in ("x", "residual") else value
            elements[name] = dtype_info(ksel.arg_descs[place].t.dtype).mlir
    x = ksel.arg_descs[operands["x"]].t
    names = _FUNCTIONS.get(activation, ()) + (("narrow_bf16",) if elements["x"] == "bf16" else ())
    gated = activation == GATED
    function = TEMPLATES.inline_template_function(
        kb,
        form.template,
        form.function,
        k=x.shape[-1],
        n=out_features,
        element=elements["x"],
        scale_element=elements["scale"],
        bias="bias" in found,
        bias_element=elements["bias"],
        bias_size=out_features * (2 if gated else 1),
        residual="residual" in found,
        residual_element=elements["residual"],
        zeros="zeros" in found,
        gated=gated,
        activation=activation,
        functions=vector_functions(names, 16),
        bf16_bits=BF16_BITS,
        **parameters,
    )
    with kb.context, kb.location, kb.ip:
        y = call_function(function, *found.values())[0]
    kb.yield_results(unflatten(kb, y, kb.arg_value(operands["x"]), keep=1))
