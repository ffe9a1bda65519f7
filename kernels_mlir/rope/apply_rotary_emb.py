"""apply_rotary_emb: rotate pairs of elements in each head by given angles."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, make_rows
from kernels_mlir.rope.pair import turn_pairs

__all__ = ["apply_rotary_emb"]


def _are_angles(argument: str) -> ir.Constraint:
    """Return the constraint that there is an angle for each token and pair of `x`."""

    def wanted(x: Tensor) -> list[Any]:
        return [x.shape[-3], x.shape[-1] // 2]

    def test(angles: Tensor, x: Tensor) -> bool:
        pairs = zip(angles.shape, wanted(x), strict=False)
        return angles.ndim == 2 and not any(ir.differ(mine, other) for mine, other in pairs)

    return ir.fits(
        argument,
        "of a row for each token of `x`, an element for each pair",
        test,
        beside=("x",),
        expected=lambda _, x: f"have the shape {wanted(x)}: tokens of `x`, pairs of a head",
    )


@ir.register_op(
    accepts=[
        ir.dtypes("x", *FLOATING),
        ir.rank("x", 3, 4),
        ir.fits(
            "x",
            "of an even last size",
            lambda x: bool(ir.differ(x.shape[-1], 0)) and not ir.differ(x.shape[-1] % 2, 0),
            expected=lambda _: "have a last size that is even and at least 2",
        ),
        *(ir.dtypes(name, *FLOATING) for name in ("cos", "sin")),
        *(_are_angles(name) for name in ("cos", "sin")),
    ]
)
def apply_rotary_emb(
    x: Tensor,
    cos: Tensor,
    sin: Tensor,
    is_neox_style: bool = True,  # noqa: FBT001, FBT002 - ops take all arguments by position
) -> Tensor:
    """Rotate pairs of elements in each head of `x` by the angle of the token and the pair.

    A pair `(a, b)` becomes `(a cos - b sin, b cos + a sin)`. Pair `j` is elements `j` and
    `j + d / 2` of a head in neox style, elements `2j` and `2j + 1` in gptj style.

    Args:
        x: `[s, h, d]` or `[b, s, h, d]` f32, bf16, f16 or f64, d even; any strides.
        cos: `[s, d / 2]` floating point, the cosines of the angles; not rounded before use.
        sin: `[s, d / 2]` floating point, the sines.
        is_neox_style: how elements are paired.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.

    Source:
        RoFormer, arXiv:2104.09864, section 3.4.2.

    Example:
        >>> x = torch.tensor([[[1.0, 2.0]], [[1.0, 2.0]]])
        >>> cos, sin = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [1.0]])
        >>> apply_rotary_emb(x, cos, sin).flatten(1)  # no turn, a quarter turn
        tensor([[ 1.,  2.],
                [-2.,  1.]])
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = (angles.to(wide).unsqueeze(-2) for angles in (cos, sin))
    return turn_pairs(x, cos, sin, neox=is_neox_style).to(x.dtype).contiguous()


ir.set_platform_default(apply_rotary_emb, native_first=True)


@apply_rotary_emb.register_input_generator
def apply_rotary_emb_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    head_size: int = 128,
) -> tuple[Any, ...]:
    """Make `num_tokens` of heads of `head_size`."""
    head_size = math.gcd(hidden_size, head_size)
    x = make_rows(num_tokens, hidden_size, dtype, device).unflatten(-1, (-1, head_size))
    angles = make_rows(num_tokens, head_size // 2, torch.float32, device)
    return x, angles.cos(), angles.sin()
