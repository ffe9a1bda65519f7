"""QuantizedLinear: an `nn.Linear` whose weight is kept in 8 or 4 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ir_runtime.errors import ArgumentError
from kernels_mlir.library import FLOATS
from kernels_mlir.matmul.checkpoint import from_awq, from_gptq
from kernels_mlir.matmul.epilogue import GATED
from kernels_mlir.matmul.kernel import check_features
from kernels_mlir.matmul.linear_w4 import linear_w4
from kernels_mlir.matmul.linear_w8 import linear_w8
from kernels_mlir.matmul.quantized_weight import (
    QuantizedWeight,
    quantize_weight_int4,
    quantize_weight_int8,
)

__all__ = ["PackedModule", "QuantizedLinear", "quantize"]

_PARTS = ("weight", "scale", "zero")


def quantize(
    weight: Tensor,
    bits: int,
    group_size: int | None,
    up: Tensor | None = None,
    *,
    symmetric: bool = True,
    scale_dtype: torch.dtype | None = None,
) -> QuantizedWeight:
    """Quantise a weight to 8 or 4 bits.

    Args:
        weight: the weight.
        bits: 8 or 4.
        group_size: as of `quantize_weight_int8` and `quantize_weight_int4`, like `up`.
        up: the factor of a gate.
        symmetric: whether groups of 4 bits have no zeros; 8 bits have none.
        scale_dtype: of the scales; None for what these functions choose.

    Raises:
        ArgumentError: another number of bits, or what the functions of these bits refuse.
    """
    if bits == 8:
        return quantize_weight_int8(
            weight, group_size, up=up, scale_dtype=scale_dtype or torch.float32
        )
    if bits == 4:
        return quantize_weight_int4(
            weight,
            group_size,
            up=up,
            symmetric=symmetric,
            scale_dtype=scale_dtype or torch.bfloat16,
        )
    raise ArgumentError(f"quantize: `bits` is {bits}, must be 8 or 4")


class PackedModule(nn.Module):
    """A module with a quantised weight as buffers.

    `state_dict` saves the packed form. `load_state_dict` takes that, or the float weight, which is
    quantised again: in the same groups, with zeros if there are any, and scales of the same dtype.

    Attributes:
        bits: 8 or 4.
        group_size: elements of a row that share a scale.
        weight: the packed numbers.
        scale: their scales.
        zero: what stands for 0, for 4 bits; or None.
    """

    weight: Tensor
    scale: Tensor
    zero: Tensor | None

    def __init__(self, packed: QuantizedWeight) -> None:
        super().__init__()
        self.bits, self.group_size, self.gated = packed.bits, packed.group_size, packed.gated
        self.out_features, self.in_features = packed.out_features, packed.in_features
        for name in _PARTS:
            self.register_buffer(name, getattr(packed, name))

    @property
    def packed(self) -> QuantizedWeight:
        """The quantised weight, which shares the memory of the buffers."""
        return QuantizedWeight(
            self.bits,
            self.weight,
            self.scale,
            self.zero,
            self.out_features,
            self.in_features,
            self.gated,
        )

    def product(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Multiply rows `[*, in_features]`; those of a gate are multiplied by their factor."""
        self.check_width(x)
        parts, n = self._buffers, self.out_features  # much faster than attributes of a module
        end = GATED if self.gated else "none"
        if self.bits == 8:
            return linear_w8(x, parts["weight"], parts["scale"], bias, None, n, end)
        zero = parts["zero"]
        return linear_w4(x, parts["weight"], parts["scale"], zero, bias, None, n, end)

    def check_width(self, x: Tensor) -> None:
        """Refuse rows of another length, which the packed weight alone does not tell apart."""
        if x.ndim and x.shape[-1] != self.in_features:
            check_features(type(self).__name__, x, self.in_features, "the weight")

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the weight that is multiplied, `[out_features, in_features]`.

        Args:
            dtype: of the result. In float32 and float64 it is exact up to one rounding.
        """
        return self.packed.dequantize(dtype)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *others: Any, **named: Any
    ) -> None:
        """Quantise a float weight first."""
        found = state_dict.get(f"{prefix}weight")
        if isinstance(found, Tensor) and found.is_floating_point():
            state_dict = dict(state_dict) | self._quantized_state(found, prefix)
        super()._load_from_state_dict(state_dict, prefix, *others, **named)

    def _quantized_state(self, weight: Tensor, prefix: str) -> dict[str, Tensor]:
        rows = self.out_features * (2 if self.gated else 1)
        if tuple(weight.shape) != (rows, self.in_features):
            return {}  # torch then says that the shapes differ
        gate, up = weight.chunk(2) if self.gated else (weight, None)
        scale_dtype = self.scale.dtype if self.scale.dtype in FLOATS else torch.float32
        packed = quantize(
            gate,
            self.bits,
            self.group_size,
            up,
            symmetric=self.zero is None,
            scale_dtype=scale_dtype,
        )
        parts = ((name, getattr(packed, name)) for name in _PARTS)
        return {f"{prefix}{name}": part for name, part in parts if part is not None}


class QuantizedLinear(PackedModule):
    """`x @ weight.T + bias` with the weight in 8 or 4 bits, through `linear_w8` or `linear_w4`.

    Activations are not quantised. `.to(dtype)` of a module also converts its scales; the scales of
    4 bits are bf16 already.

    Args:
        packed: the weight, not gated.
        bias: `[out_features]`; None for none.
        order: int64 `[in_features]`, which elements of a row of `x` meet the columns of the weight,
            in turn; None for their own order. Checkpoints of GPTQ may have another.
    """

    bias: nn.Parameter | None
    order: Tensor | None

    def __init__(
        self,
        packed: QuantizedWeight,
        bias: nn.Parameter | Tensor | None = None,
        order: Tensor | None = None,
    ) -> None:
        super().__init__(packed)
        if packed.gated:
            raise ArgumentError("QuantizedLinear: `packed` is gated, must be of one weight")
        if bias is not None and not isinstance(bias, nn.Parameter):
            bias = nn.Parameter(bias, requires_grad=False)
        self.register_parameter("bias", bias)
        self.register_buffer("order", order)

    @classmethod
    def from_linear(cls, linear: nn.Linear, bits: int = 8, group_size: int | None = None) -> Self:
        """Quantise the weight of a layer; the bias is shared with it.

        Args:
            linear: a layer in f32, bf16 or f16.
            bits: 8 or 4.
            group_size: elements of a row that share a scale, a multiple of 32 that divides
                `in_features`. None: with 8 bits one scale a row, with 4 bits the first of 128, 64
                and 32 that divides it, or else one scale a row.

        Raises:
            ArgumentError: bits or a size are not as above, or a weight is not finite.
        """
        return cls(quantize(linear.weight, bits, group_size), linear.bias)

    @classmethod
    def from_gptq(
        cls,
        qweight: Tensor,
        qzeros: Tensor,
        scales: Tensor,
        g_idx: Tensor | None = None,
        bias: Tensor | None = None,
        *,
        zero_offset: int = 1,
    ) -> Self:
        """Take the weight of a GPTQ checkpoint, as `kernels_mlir.matmul.checkpoint.from_gptq`."""
        packed, order = from_gptq(qweight, qzeros, scales, g_idx, zero_offset=zero_offset)
        return cls(packed, bias, order)

    @classmethod
    def from_awq(
        cls, qweight: Tensor, qzeros: Tensor, scales: Tensor, bias: Tensor | None = None
    ) -> Self:
        """Take the weight of an AWQ checkpoint, as `kernels_mlir.matmul.checkpoint.from_awq`."""
        return cls(from_awq(qweight, qzeros, scales), bias)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply rows `[*, in_features]`."""
        order = self._buffers["order"]  # much faster than attributes of a module
        if order is not None:
            self.check_width(x)
            x = x.index_select(-1, order)
        return self.product(x, self._parameters["bias"])

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the weight that is multiplied, `[out_features, in_features]`, in its own order."""
        weight = super().dequantize(dtype)
        if self.order is None:
            return weight
        return torch.empty_like(weight).index_copy_(1, self.order, weight)

    def _quantized_state(self, weight: Tensor, prefix: str) -> dict[str, Tensor]:
        order = self.order
        if order is None or tuple(weight.shape) != (self.out_features, self.in_features):
            return super()._quantized_state(weight, prefix)
        turned = weight.index_select(1, order.to(weight.device))
        return super()._quantized_state(turned, prefix) | {f"{prefix}order": order}

    def extra_repr(self) -> str:
        return (
            f"in={self.in_features}, out={self.out_features}, bias={self.bias is not None}, "
            f"bits={self.bits}, group_size={self.group_size}"
        )
