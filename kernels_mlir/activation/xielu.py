"""xielu: a quadratic above zero and an exponential below, with learned coefficients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime import ir
from kernels_mlir.library import FLOATING, kernel_from_native, make_rows, rounded, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["xielu"]

COEFFICIENTS = ("alpha_p", "alpha_n", "beta", "eps")


def one_element(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor is one number."""
    return ir.fits(
        argument,
        "one element, of rank 0 or 1",
        lambda t: t.ndim < 2 and not ir.differ(t.numel(), 1),
    )


def xielu_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and the coefficients that a model starts with."""
    alpha_p, alpha_n = torch.tensor([[0.2035], [-1.0502]], device=device, dtype=dtype).unbind()
    beta, eps = torch.tensor([0.5, -1e-6], device=device, dtype=dtype).unbind()
    return make_rows(num_tokens, hidden_size, dtype, device), alpha_p, alpha_n, beta, eps


@kernel_from_native(xielu_inputs)
@ir.register_op(
    accepts=[
        ir.dtypes("x", *FLOATING),
        *(c for name in COEFFICIENTS for c in (ir.dtypes(name, *FLOATING), one_element(name))),
    ]
)
def xielu(x: Tensor, alpha_p: Tensor, alpha_n: Tensor, beta: Tensor, eps: Tensor) -> Tensor:
    """Compute a quadratic above zero and an exponential below, with learned coefficients.

    With `ap = softplus(alpha_p)` and `an = beta + softplus(alpha_n)`, the result is
    `ap * x * x + beta * x` if `x > 0`, else `(expm1(min(x, eps)) - x) * an + beta * x`.

    Args:
        x: `[*]` f32, bf16, f16 or f64; any rank, any strides.
        alpha_p: `[1]` or `[]` floating point.
        alpha_n: `[1]` or `[]` floating point.
        beta: `[1]` or `[]` floating point, the slope at zero.
        eps: `[1]` or `[]` floating point, negative and tiny.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, or a coefficient of several elements.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        NaN stays NaN.

    Source:
        Deriving Activation Functions Using Integration, arXiv:2411.13010.

    Example:
        >>> one = torch.ones(1)
        >>> xielu(torch.tensor([-1.0, 2.0]), one, one, torch.tensor(0.5), torch.tensor(-1e-6))
        tensor([0.1671, 6.2530])
    """
    v = widened(x)
    low, slope = eps.to(v.dtype), beta.to(v.dtype)
    above = functional.softplus(alpha_p.to(v.dtype))
    below = slope + functional.softplus(alpha_n.to(v.dtype))
    curve = torch.where(v > 0, above * v * v, (torch.expm1(torch.minimum(v, low)) - v) * below)
    return rounded(curve + slope * v, x).reshape(x.shape)


shard_by_element("xielu")
