"""Weights in 8 or 4 bits: made from a float weight, packed once, and multiplied in that form."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.ir import ops
from kernels_mlir.library import FLOATS
from kernels_mlir.matmul.kernel import check_features
from kernels_mlir.matmul.quantized_layout import (
    dequantized,
    in_row_order,
    interleave_gate,
    pack_columns,
    pack_numbers,
    pack_words,
)
from kernels_mlir.matmul.rounding import Scaled, round_weight

__all__ = [
    "QuantizedWeight",
    "default_group_size",
    "pack_int4",
    "pack_int8",
    "quantize_weight_int4",
    "quantize_weight_int8",
]

GROUPS = (128, 64, 32)
"""Sizes of groups of 4-bit numbers, the preferred one first."""


@frozen
class QuantizedWeight:
    """A weight in 8 or 4 bits, packed: the arguments of `linear_w8` or `linear_w4`.

    Attributes:
        bits: 8 or 4.
        weight: the numbers, in the layout of `kernels_mlir.matmul.quantized_layout`.
        scale: the scales of groups, packed.
        zero: int8, what stands for 0 in groups of 4-bit numbers, minus 8, packed; None if it is 8.
        out_features: rows of the weight; of a gated one those of the gate.
        in_features: columns of the weight.
        gated: whether it has the rows of a gate and of its factor.
    """

    bits: int
    weight: Tensor
    scale: Tensor
    zero: Tensor | None
    out_features: int
    in_features: int
    gated: bool = False

    @property
    def group_size(self) -> int:
        """Elements of a row that share a scale."""
        return self.in_features // self.scale.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        parts = (self.weight, self.scale, self.zero)
        return sum(t.numel() * t.element_size() for t in parts if t is not None)

    def linear(
        self,
        x: Tensor,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
        activation: str = "none",
    ) -> Tensor:
        """Multiply rows by this weight; the arguments are those of `linear_w8` and `linear_w4`."""
        if x.ndim:
            check_features("QuantizedWeight.linear", x, self.in_features, "the weight")
        activation = "silu_and_mul" if self.gated and activation == "none" else activation
        rest = (bias, residual, self.out_features, activation)
        if self.bits == 8:
            return ops.linear_w8(x, self.weight, self.scale, *rest)
        return ops.linear_w4(x, self.weight, self.scale, self.zero, *rest)

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the numbers times their scales, `[n, k]`; of a gated weight the gate comes first.

        Args:
            dtype: of the result; the product is computed in float32, or float64 for float64.
        """
        wide = torch.promote_types(dtype, torch.float32)
        rows = dequantized(self.weight, self.scale, self.zero, self.in_features, wide)
        return in_row_order(rows, self.out_features, gated=self.gated).to(dtype)


def default_group_size(bits: int, in_features: int) -> int | None:
    """Return the size of groups where none is given; None for one scale a row."""
    if bits == 8:
        return None
    return next((size for size in GROUPS if in_features % size == 0), None)


def quantize_weight_int8(
    weight: Tensor,
    group_size: int | None = None,
    *,
    up: Tensor | None = None,
    scale_dtype: torch.dtype = torch.float32,
) -> QuantizedWeight:
    """Round a float weight to 8 bits, with a scale for each row or group.

    Computes `round(weight / scale)` with `scale = max(abs(weight)) / 127`.

    Args:
        weight: `[n, k]` f32, bf16 or f16, finite; any strides.
        group_size: elements of a row that share a scale, a multiple of 32 that divides `k`; None
            for one scale a row.
        up: another weight of this shape and dtype; makes a gated weight, with `weight` as the gate.
        scale_dtype: of the scales: f32, bf16 or f16.

    Returns:
        The packed weight. Each element differs by at most half a scale from that of `weight`.

    Raises:
        ArgumentError: a shape, dtype or size is not as above, or an element is not finite.
    """
    name = "quantize_weight_int8"

    def scaled(values: Tensor) -> tuple[Tensor, None]:
        scale = _stored(name, _largest(values) / 127, scale_dtype)
        values.div_(scale[:, :, None].float()).round_().clamp_(-127, 127)
        return scale, None

    _check(name, weight, up, group_size, scale_dtype)
    return _quantized(8, weight, up, group_size, scaled)


def quantize_weight_int4(
    weight: Tensor,
    group_size: int | None = None,
    *,
    up: Tensor | None = None,
    symmetric: bool = True,
    scale_dtype: torch.dtype = torch.bfloat16,
) -> QuantizedWeight:
    """Round a float weight to 4 bits, with a scale for each group.

    Symmetric: `clamp(round(weight / scale), -8, 7)` with `scale = max(abs(weight)) / 7.5`. Else
    the 16 numbers are spread between the least and the largest element of a group, or 0.

    Args:
        weight: `[n, k]` f32, bf16 or f16, finite; any strides.
        group_size: elements of a row that share a scale, a multiple of 32 that divides `k`, or
            `k`; None for the first of 128, 64 and 32 that divides `k`, or else `k`.
        up: another weight of this shape and dtype; makes a gated weight, with `weight` as the gate.
        symmetric: whether 0 is in the middle of the numbers of each group.
        scale_dtype: of the scales: f32, bf16 or f16. Numbers are rounded for the rounded scales.

    Returns:
        The packed weight. Each element differs from that of `weight` by about half a scale.

    Raises:
        ArgumentError: a shape, dtype or size is not as above, or an element is not finite.
    """
    name = "quantize_weight_int4"

    def scaled(values: Tensor) -> tuple[Tensor, Tensor | None]:
        if symmetric:
            scale = _stored(name, _largest(values) / 7.5, scale_dtype)
            values.div_(scale[:, :, None].float()).round_().clamp_(-8, 7)
            return scale, None
        least, most = values.amin(-1).clamp_(max=0), values.amax(-1).clamp_(min=0)
        scale = _stored(name, (most - least) / 15, scale_dtype)
        zero = (-least / scale.float()).round_().clamp_(0, 15)
        numbers = values.div_(scale[:, :, None].float()).round_().add_(zero[:, :, None])
        numbers.clamp_(0, 15).sub_(8)
        return scale, zero.sub_(8).to(torch.int8)

    if group_size is None and weight.ndim == 2:
        group_size = default_group_size(4, weight.shape[1])
    _check(name, weight, up, group_size, scale_dtype)
    return _quantized(4, weight, up, group_size, scaled)


def pack_int8(
    numbers: Tensor, scale: Tensor, *, up: tuple[Tensor, Tensor] | None = None
) -> QuantizedWeight:
    """Pack numbers of 8 bits that are quantised already.

    Args:
        numbers: int8 `[n, k]`.
        scale: `[n, groups]` f32, bf16 or f16.
        up: numbers and scales of the factor of a gate, of the same sizes and dtypes.

    Returns:
        The packed weight.

    Raises:
        ArgumentError: a dtype or size is not as above.
    """
    _check_parts("pack_int8", numbers, scale)
    if up is not None:
        _check_parts("pack_int8", *up)
        both = ((numbers, scale), up)
        own, other = (" and ".join(map(format_tensor, parts)) for parts in both)
        if own != other:
            raise ArgumentError(f"pack_int8: `up` is {other}, must be {own} as the gate")
    return _packed(8, (numbers, scale, None), None if up is None else (*up, None))


def pack_int4(numbers: Tensor, scale: Tensor, zero: Tensor | None = None) -> QuantizedWeight:
    """Pack numbers of 4 bits that are quantised already.

    Args:
        numbers: int8 `[n, k]`, from -8 to 7: the number from 0 to 15, minus 8.
        scale: `[n, groups]` f32, bf16 or f16.
        zero: int8 `[n, groups]`: the number that stands for 0, minus 8; None if it is 8.

    Returns:
        The packed weight.

    Raises:
        ArgumentError: a dtype, size or number is not as above.
    """
    _check_parts("pack_int4", numbers, scale)
    least, most = (int(bound) for bound in numbers.aminmax())
    if least < -8 or most > 7:
        raise ArgumentError(
            f"pack_int4: `numbers` has numbers from {least} to {most}, must be in -8..7"
        )
    if zero is not None and (zero.dtype != torch.int8 or zero.shape != scale.shape):
        raise ArgumentError(
            f"pack_int4: `zero` is {format_tensor(zero)}, must be i8 of the shape of `scale` "
            f"{format_tensor(scale)}"
        )
    return _packed(4, (numbers, scale, zero), None)


Parts = tuple[Tensor, Tensor, Tensor | None]
"""Numbers `[n, k]`, scales and zeros `[n, groups]`."""


def _stored(name: str, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Round scales to a dtype; that of a group of zeros, or too small for the dtype, is 1."""
    rounded = scale.to(dtype)
    if isfinite(float(rounded.sum(dtype=torch.float64))):  # one step: this runs for each chunk
        return rounded.masked_fill_(rounded == 0, 1)
    if not scale.isfinite().all():
        raise ArgumentError(f"{name}: `weight` has an element that is not finite, must have none")
    raise ArgumentError(
        f"{name}: `weight` has scales up to {float(scale.max()):.3g}, must have scales that "
        f"{short_name(dtype)} can hold",
        fix="choose another `scale_dtype`",
    )


def _check(
    name: str, weight: Tensor, up: Tensor | None, group_size: int | None, dtype: torch.dtype
) -> None:
    if weight.ndim != 2 or weight.dtype not in FLOATS or weight.numel() == 0:
        raise ArgumentError(
            f"{name}: `weight` is {format_tensor(weight)}, must be a matrix of f32, bf16 or f16 "
            "with at least 1 element"
        )
    if up is not None and (up.shape, up.dtype) != (weight.shape, weight.dtype):
        raise ArgumentError(
            f"{name}: `up` is {format_tensor(up)}, must have the shape and dtype of `weight` "
            f"{format_tensor(weight)}"
        )
    k = weight.shape[1]
    if group_size is not None and not is_group_size(group_size, k):
        raise ArgumentError(
            f"{name}: `group_size` is {group_size}, must be a multiple of 32 that divides {k}, "
            f"the row of `weight`, or {k}"
        )
    if dtype not in FLOATS:
        raise ArgumentError(f"{name}: `scale_dtype` is {dtype}, must be f32, bf16 or f16")


def _check_parts(name: str, numbers: Tensor, scale: Tensor) -> None:
    if numbers.dtype != torch.int8 or numbers.ndim != 2 or numbers.numel() == 0:
        raise ArgumentError(
            f"{name}: `numbers` is {format_tensor(numbers)}, must be a matrix of i8 with at least "
            "1 element"
        )
    n, k = numbers.shape
    fits = scale.dtype in FLOATS and scale.ndim == 2 and scale.shape[0] == n
    groups = scale.shape[1] if fits else 0
    if groups == 0 or k % groups or not is_group_size(k // groups, k):
        raise ArgumentError(
            f"{name}: `scale` is {format_tensor(scale)}, must be f32, bf16 or f16 of the shape "
            f"[{n}, groups], with groups of a multiple of 32 that divides {k}, or one"
        )


def is_group_size(size: int, in_features: int) -> bool:
    """Tell whether groups of a size can be multiplied: whole rows, or multiples of 32."""
    return size == in_features or (size >= 32 and size % 32 == 0 and in_features % size == 0)


def _largest(values: Tensor) -> Tensor:
    """Return the largest magnitude of each group, without a copy of all magnitudes."""
    return torch.maximum(values.amax(-1), values.amin(-1).neg_())


def _quantized(
    bits: int, weight: Tensor, up: Tensor | None, group_size: int | None, scaled: Scaled
) -> QuantizedWeight:
    n, k = weight.shape
    weights = [weight] if up is None else [weight, up]
    parts = round_weight(bits, weights, group_size or k, scaled)
    return QuantizedWeight(bits, *parts, n, k, up is not None)


def _packed(bits: int, parts: Parts, up: Parts | None) -> QuantizedWeight:
    numbers, scale, zero = parts
    n, k = numbers.shape
    if up is not None:
        numbers, scale = interleave_gate(numbers, up[0]), interleave_gate(scale, up[1])
        zero = None if zero is None or up[2] is None else interleave_gate(zero, up[2])
    pack = pack_numbers if bits == 8 else pack_words
    packed_zero = None if zero is None else pack_columns(zero)
    weight = pack(numbers)
    return QuantizedWeight(bits, weight, pack_columns(scale), packed_zero, n, k, up is not None)
