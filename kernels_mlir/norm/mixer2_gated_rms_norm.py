"""mixer2_gated_rms_norm: multiply rows by the SiLU of a gate, then norm each group of a row."""

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

__all__ = ["mixer2_gated_rms_norm"]


@kernel_from_native(gated_inputs(4))
@ir.register_op(
    activations=["x", "gate"],
    accepts=[
        *in_rows("x"),
        ir.dtypes("gate", *FLOATING),
        same_shape("gate", "x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
        divides_last_size("n_groups"),
    ],
)
def mixer2_gated_rms_norm(
    x: Tensor,
    gate: Tensor,
    weight: Tensor | None,
    epsilon: float,
    n_groups: int = 1,
    use_rms_norm: bool = True,  # noqa: FBT001, FBT002 - op signatures are positional
) -> Tensor:
    """Multiply `x` by the SiLU of a gate, and norm each group of a row by its root mean square.

    With `v = x * silu(gate)`, computes `v / sqrt(mean(v ** 2) + epsilon) * weight` in each of
    `n_groups` equal parts of a row, or only `v`. The whole row must be here: the elements of other
    devices do not enter the mean.

    Args:
        x: `[*, n]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        gate: shaped like `x`, of a floating-point dtype that may differ.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s; None for all ones.
        epsilon: finite, >= 0. Compiled in.
        n_groups: the number of groups of a row, a divisor of n.
        use_rms_norm: False for the gate alone.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if an activation is) and rounded once to the dtype of `x`.

    Source:
        Mamba-2, arXiv:2405.21060; `MambaRMSNormGated` of transformers.

    Example:
        >>> x, gate = torch.tensor([[3.0, 4.0]]), torch.full((1, 2), 10.0)
        >>> mixer2_gated_rms_norm(x, gate, None, 0.0)
        tensor([[0.8485, 1.1314]])
    """
    v = widened(x) * GATES["silu"](widened(gate))
    if use_rms_norm:
        v = multiplied(rms_normed(v, epsilon, groups=n_groups), weight)
    return rounded(v, x)


shard_two_by_row("mixer2_gated_rms_norm")
