"""The functions whose row kernels are measured, and the hand-written kernel of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import kernels_mlir  # noqa: F401 - registers the hand-written kernels
from kernels_mlir.activation.gelu import native_gelu
from kernels_mlir.activation.silu_and_mul import native_silu_and_mul
from kernels_mlir.activation.softmax import native_softmax
from kernels_mlir.norm.layer_norm import native_layer_norm
from kernels_mlir.norm.rms_norm import native_rms_norm

__all__ = ["ROW_FUNCTIONS", "RowFunction"]

EPSILON = 1e-6
KERNELS: Any = torch.ops.ir_kernels


@dataclass(frozen=True)
class RowFunction:
    """A function of rows.

    Attributes:
        function: the torch function, with annotations.
        by_hand: calls the hand-written kernel of the same function; None if there is none.
        shared: the number of tensors that all rows share.
        widening: the last size of the argument for each feature of the result.
    """

    function: Callable[..., Any]
    by_hand: Callable[..., Any] | None
    shared: int = 0
    widening: int = 1


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return native_rms_norm(x, weight, EPSILON)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return native_layer_norm(x, weight, bias, EPSILON)


def gelu(x: Tensor) -> Tensor:
    return functional.gelu(x.float()).to(x.dtype)


def gelu_tanh(x: Tensor) -> Tensor:
    return native_gelu(x, "tanh")


def mish_and_mul(x: Tensor) -> Tensor:
    gate, up = x.float().chunk(2, -1)
    return (functional.mish(gate) * up).to(x.dtype)


def quantized_norm(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    v = native_rms_norm(x, weight, EPSILON).float()
    scale = v.abs().amax(-1, keepdim=True).clamp(min=1e-10) / 127
    return torch.round(v / scale).clamp(-128, 127).to(torch.int8), scale


ROW_FUNCTIONS: Mapping[str, RowFunction] = {
    "rms_norm": RowFunction(rms_norm, None, 1),
    "layer_norm": RowFunction(layer_norm, lambda x, w, b: KERNELS.layer_norm(x, w, b, EPSILON), 2),
    "softmax": RowFunction(native_softmax, KERNELS.softmax.default),
    "gelu": RowFunction(gelu, lambda x: KERNELS.gelu(x, "none")),
    "gelu_tanh": RowFunction(gelu_tanh, lambda x: KERNELS.gelu(x, "tanh")),
    "silu_and_mul": RowFunction(native_silu_and_mul, None, widening=2),
    "mish_and_mul": RowFunction(mish_and_mul, None, widening=2),
    "quantized_norm": RowFunction(quantized_norm, None, 1),
}
