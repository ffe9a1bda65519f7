"""rms_norm_gated: norm rows, or groups of a row, and multiply them by an activation of a gate."""

from __future__ import annotations

from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    FLOATING,
    in_rows,
    kernel_from_native,
    rounded,
    same_shape,
    widened,
)
from kernels_mlir.norm.gate import GATES, gated_inputs
from kernels_mlir.norm.rms import divides_last_size, multiplied, rms_normed
from kernels_mlir.norm.rms_norm import finite_epsilon, per_feature
from kernels_mlir.sharding import shard_two_by_row

__all__ = ["rms_norm_gated"]


@kernel_from_native(gated_inputs())
@ir.register_op(
    activations=["x", "z"],
    accepts=[
        *in_rows("x"),
        ir.dtypes("z", *FLOATING),
        same_shape("z", "x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
        divides_last_size("group_size"),
        ir.one_of("activation", *GATES),
    ],
)
def rms_norm_gated(
    x: Tensor,
    z: Tensor | None,
    weight: Tensor,
    epsilon: float,
    group_size: int | None = None,
    norm_before_gate: bool = True,  # noqa: FBT001, FBT002 - the order that callers know
    activation: str = "silu",
) -> Tensor:
    """Norm each group of a row by its root mean square, and multiply the row by a gate.

    With `g = activation(z)`, computes `norm(x) * weight * g` or, without `norm_before_gate`,
    `norm(x * g) * weight`, where `norm(v)` is `v / sqrt(mean(v ** 2) + epsilon)`.

    Args:
        x: `[*, n]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        z: shaped like `x`, of a floating-point dtype that may differ; None for no gate.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s.
        epsilon: finite, >= 0. Compiled in.
        group_size: the number of elements that are normed together, a divisor of n. Default: all.
        norm_before_gate: whether the norm comes first. Its default is that of the function in
            Mamba's code; the layer `RMSNormGated` has the other one.
        activation: "silu", "swish" (the same) or "sigmoid".

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype, size, value or word is not as above.

    Numerics:
        Evaluated in float32 (float64 if an activation is) and rounded once to the dtype of `x`.

    Source:
        Mamba-2, arXiv:2405.21060, `RMSNormGated` of its code; Zamba2, Qwen3-Next.

    Example:
        >>> x, z = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 100.0]])
        >>> rms_norm_gated(x, z, torch.ones(2), 0.0, activation="sigmoid")
        tensor([[0.4243, 1.1314]])
    """
    v = widened(x)
    gate = None if z is None else GATES[activation](widened(z))
    if gate is not None and not norm_before_gate:
        v = v * gate
    groups = 1 if group_size is None else x.shape[-1] // group_size
    y = multiplied(rms_normed(v, epsilon, groups=groups), weight)
    if gate is not None and norm_before_gate:
        y = y * gate
    return rounded(y, x)


shard_two_by_row("rms_norm_gated")
