"""What products do at their end: a bias, an activation, a gate, a residual.

`y = activation(x @ weight.T + bias) + residual`. With `silu_and_mul` the columns of a product are
those of a gate and of its factor, and `y = silu(gate) * factor + residual`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.activation.gelu_curve import gelu_curve

__all__ = ["ACTIVATIONS", "GATED", "activated", "end_of", "finished", "residual_fits"]

GATED = "silu_and_mul"

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda y: y,
    "silu": lambda y: y * torch.sigmoid(y),
    "gelu": lambda y: gelu_curve(y, "none"),
    "gelu_tanh": lambda y: gelu_curve(y, "tanh"),
    "relu": torch.relu,
}
"""By name, on float32 or wider."""


def activated(y: Tensor, activation: str) -> Tensor:
    """Compute an activation; that of a gate takes the gate and its factor side by side."""
    if activation != GATED:
        return ACTIVATIONS[activation](y)
    gate, up = y.chunk(2, dim=-1)
    return gate * torch.sigmoid(gate) * up


def finished(
    x: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None, activation: str
) -> Tensor:
    """Multiply `x` by a weight in float32 or wider, and do the rest, rounded once.

    Args:
        x: `[*, k]`.
        weight: `[n, k]`, or `[2 n, k]` of a gate and its factor; as wide as the computation.
        bias: an element for each row of `weight`.
        residual: `[*, n]`.
        activation: a name.
    """
    y = end_of(x.to(weight.dtype) @ weight.T, bias, residual, activation)
    return y.to(x.dtype).contiguous()


def end_of(y: Tensor, bias: Tensor | None, residual: Tensor | None, activation: str) -> Tensor:
    """Add a bias to products, compute the activation, and add a residual, in the dtype of `y`."""
    if bias is not None:
        y = y + bias.to(y.dtype)
    y = activated(y, activation)
    return y if residual is None else y + residual.to(y.dtype)


def residual_fits(columns: Callable[..., int], *beside: str) -> ir.Constraint:
    """Return the constraint that `residual` has the shape of the result.

    Args:
        columns: takes the values of `beside`; returns the last size of the result.
        beside: names of arguments, after `x`.
    """

    def test(residual: Tensor, x: Tensor, *others: object) -> bool:
        shape = (*x.shape[:-1], columns(*others))
        return residual.ndim == len(shape) and not any(
            ir.differ(a, b) for a, b in zip(residual.shape, shape, strict=True)
        )

    return ir.fits(
        "residual",
        "of the shape of the result",
        test,
        beside=("x", *beside),
        expected=lambda _, x, *others: (
            f"have the shape {[*x.shape[:-1], columns(*others)]} of the result"
        ),
    )
