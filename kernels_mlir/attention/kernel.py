"""The MLIR of attention: on CPUs in the form for the machine that code is made for, and on GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import (
    JinjaTemplateLoader,
    KernelSelection,
    MlirTemplate,
    call_function,
    float_attribute,
)
from kernels_mlir.attention.form import form_for

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg import KernelBuilder

__all__ = ["generate_attention", "variant_for"]

CPU = JinjaTemplateLoader(__name__)
GPU = MlirTemplate.beside(__file__, "mm_encoder_attn_gpu.mlir")

GPU_CHANNELS = 4
"""Channels that one invocation of the GPU kernel computes."""

DENSE, PACKED = "dense", "packed"


ENCODER = {
    "causal": False,
    "heads_first": False,
    "window": None,
    "soft_cap": None,
    "mask": None,
    "sinks": None,
    "scaled_first": False,
    "sliced": False,
    "functions": "",
}
"""What the template of a decoder's attention has besides."""


def variant_for(ksel: KernelSelection, dtype: torch.dtype, *, packed: bool) -> str:
    """Return the variant of the kernel: whether there are segments, and the form on a CPU."""
    variant = PACKED if packed else DENSE
    return f"{variant} {form_for(dtype).name}" if ksel.device_family == "local" else variant


def generate_attention(ksel: KernelSelection, kb: KernelBuilder, *, scale: float) -> None:
    """Yield `softmax(query @ key.T * scale) @ value` for the operands of `mm_encoder_attn`."""
    packed = ksel.variant.startswith(PACKED)
    attend = _attend_on_cpu if ksel.device_family == "local" else _attend_on_gpu
    kb.yield_results(attend(ksel, kb, scale, packed=packed))


def _attend_on_cpu(
    ksel: KernelSelection, kb: KernelBuilder, scale: float, *, packed: bool
) -> Value:
    query, key = ksel.arg_descs[0].t, ksel.arg_descs[1].t
    function = CPU.inline_template_function(
        kb,
        "attention",
        "attention",
        heads=query.shape[2],
        kv_heads=key.shape[2],
        depth=query.shape[3],
        element=dtype_info(query.dtype).mlir,
        scale=scale,
        packed=packed,
        **ENCODER,
        **form_for(query.dtype).parameters(),
    )
    operands = [kb.arg_value(i) for i in ((0, 1, 2, 4) if packed else (0, 1, 2))]
    with kb.context, kb.location, kb.ip:
        return call_function(function, *operands)[0]


def _attend_on_gpu(
    ksel: KernelSelection, kb: KernelBuilder, scale: float, *, packed: bool
) -> Value:
    query, key = ksel.arg_descs[0].t, ksel.arg_descs[1].t
    heads, depth = query.shape[2:]
    kv_heads = key.shape[2]
    aliases = {
        "!query": f"tensor<?x?x{heads}x{depth}xf32>",
        "!kv": f"tensor<?x?x{kv_heads}x{depth}xf32>",
        "!out": f"tensor<?x?x{heads}x{depth}xf32>",
        "#scale": float_attribute(scale),
        "#group": f"{heads // kv_heads} : index",
        "#depth": f"{depth} : index",
        "!part": f"tensor<?x?x{heads}x{-(-depth // GPU_CHANNELS)}xf32>",
    }
    operands = [kb.cast_float(kb.arg_value(i), torch.float32) for i in range(3)]
    if packed:
        operands.append(kb.arg_value(4))
    out = kb.inline_mlir(GPU, aliases, *operands, function=ksel.variant)
    return kb.cast_float(out, query.dtype)
