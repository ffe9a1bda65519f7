"""The arguments of products with quantised weights: conditions on them, and inputs to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, at_least_one_dimension, make_rows, same_shape
from kernels_mlir.matmul.epilogue import ACTIVATIONS, GATED, residual_fits
from kernels_mlir.matmul.quantized_layout import COLUMNS, HALF, panels_of
from kernels_mlir.matmul.quantized_weight import QuantizedWeight, is_group_size

__all__ = ["panel_count", "product_flops", "quantized_arguments", "quantized_inputs"]


def panel_count(out_features: int, activation: str) -> int:
    """Return the panels of a weight; those of a gate have 16 columns of the result."""
    return -(-out_features // HALF) if activation == GATED else panels_of(out_features)


def _in_panels(argument: str) -> ir.Constraint:
    def test(t: Tensor, out_features: int, activation: str) -> bool:
        if t.ndim != 3 or ir.differ(t.shape[2], COLUMNS):
            return False
        return not ir.differ(t.shape[0], panel_count(out_features, activation))

    return ir.fits(
        argument,
        "of the shape [panels, *, 32], with the panels of `out_features`",
        test,
        beside=("out_features", "activation"),
        expected=lambda _, out_features, activation: (
            f"have the shape [{panel_count(out_features, activation)}, *, 32], the panels of "
            f"{out_features} output features"
        ),
    )


def _in_groups(step: int) -> ir.Constraint:
    """Return the constraint that the rows of `x` are whole groups, and as long as the weight's."""

    def test(x: Tensor, weight: Tensor, scale: Tensor) -> bool:
        if weight.ndim != 3 or scale.ndim != 3:
            return True  # another condition refuses it
        k, groups = x.shape[-1], scale.shape[1]
        if ir.differ(-(-k // step), -(-weight.shape[1] * _per_word(weight) // step)):
            return False
        if type(k) is not int or type(groups) is not int:
            return True
        return groups > 0 and k > 0 and k % groups == 0 and is_group_size(k // groups, k)

    return ir.fits(
        "x",
        "of rows as long as those of `weight`, at least 1, in whole groups of `scale`",
        test,
        beside=("weight", "scale"),
        expected=lambda _, weight, scale: (
            f"have a last dimension of {_row_lengths(weight, step)} as `weight`, and "
            f"{scale.shape[1]} groups in it as `scale`, of a multiple of 32 each"
        ),
    )


def _per_word(weight: Tensor) -> int:
    return 8 if weight.dtype == torch.int32 else 1


def _row_lengths(weight: Tensor, step: int) -> str:
    most = weight.shape[1] * _per_word(weight)
    return f"{most - step + 1} to {most}"


def _bias_size(out_features: int, activation: str) -> int:
    return out_features * (2 if activation == GATED else 1)


def _bias_fits(bias: Tensor, out_features: int, activation: str) -> bool:
    return bias.ndim == 1 and not ir.differ(bias.shape[0], _bias_size(out_features, activation))


def quantized_arguments(bits: int) -> list[ir.Constraint]:
    """Return the conditions on the arguments of `linear_w8` or `linear_w4`."""
    number = torch.int8 if bits == 8 else torch.int32
    return [
        ir.dtypes("x", *FLOATING),
        at_least_one_dimension("x"),
        ir.number("out_features", "at least 1", lambda n: n >= 1),
        ir.one_of("activation", *ACTIVATIONS, GATED),
        ir.dtypes("weight", number),
        _in_panels("weight"),
        *(ir.dtypes(name, *FLOATING) for name in ("scale", "bias", "residual")),
        _in_panels("scale"),
        _in_groups(2 if bits == 8 else 8),
        ir.fits(
            "bias",
            "one element an output feature, of a gate and its factor twice as many",
            _bias_fits,
            beside=("out_features", "activation"),
            expected=lambda _, n, activation: f"have {_bias_size(n, activation)} elements",
        ),
        residual_fits(lambda n: n, "out_features"),
        *([] if bits == 8 else [ir.dtypes("zero", torch.int8), same_shape("zero", "scale")]),
    ]


def product_flops(x: Tensor, out_features: int, activation: str = "none") -> int:
    """Return the operations of a product."""
    return 2 * x.numel() * _bias_size(out_features, activation)


def quantized_inputs(
    quantize: Callable[[Tensor], QuantizedWeight],
) -> Callable[..., tuple[Any, ...]]:
    """Return the input generator of an op: rows, and a weight that is quantised."""

    def make(
        num_tokens: int = 32,
        hidden_size: int = 4096,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        out_features: int | None = None,
    ) -> tuple[Any, ...]:
        n = hidden_size if out_features is None else out_features
        x = make_rows(num_tokens, hidden_size, dtype, device)
        made = quantize(make_rows(n, hidden_size, torch.float32, device) / hidden_size**0.5)
        zero = () if made.bits == 8 else (made.zero,)
        return x, made.weight, made.scale, *zero, None, None, n, "none"

    return make
