"""apply_rotary_pos_emb: rotate query and key by angles of a batch, as model code calls it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from kernels_mlir.library import FLOATING, make_rows
from kernels_mlir.rope.pair import turn_pairs

__all__ = ["apply_rotary_pos_emb", "apply_rotary_pos_emb_op"]


def apply_rotary_pos_emb(
    query: Tensor,
    key: Tensor,
    cos: Tensor,
    sin: Tensor,
    unsqueeze_dim: int = 1,
    interleaved: bool = False,  # noqa: FBT001, FBT002 - as in the op
) -> tuple[Tensor, Tensor]:
    """Rotate pairs of elements in each head of `query` and `key` by the angles of a batch.

    A pair `(a, b)` becomes `(a cos - b sin, b cos + a sin)`. Elements beyond the last pair stay as
    they are.

    Args:
        query: `[b, h, s, d]` f32, bf16, f16 or f64, or `[b, s, h, d]` with `unsqueeze_dim` 2. If
            query and key are such tensors with two dimensions swapped, as `transpose(1, 2)`
            returns, they are not copied, and the results are laid out alike.
        key: like `query`, with its own number of heads and the dtype of `query`.
        cos: `[b, s, r]` or `[1, s, r]` floating point, the cosines of the angles, r even and at
            most d; not rounded before use. Element `i` is for element `i` of a head.
        sin: like `cos`, the sines.
        unsqueeze_dim: 1 or 2, the dimension of the heads in `query` and `key`.
        interleaved: pair `j` is elements `2j` and `2j + 1` of a head, and has element `j` of `cos`
            and `sin`, whose second half is not used. Default: elements `j` and `j + r / 2`.

    Returns:
        The rotated `query` and the rotated `key`, each with the shape, dtype and device of the
        argument; never aliases an argument.

    Raises:
        ArgumentError: a dtype, shape or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if `query` is) and rounded once to the dtype of `query`.

    Source:
        RoFormer, arXiv:2104.09864, section 3.4.2.

    Example:
        >>> q = torch.tensor([[[[1.0, 2.0, 5.0]]]])
        >>> cos, sin = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[1.0, 1.0]]])
        >>> apply_rotary_pos_emb(q, q, cos, sin)[0]  # a quarter turn
        tensor([[[[-2.,  1.,  5.]]]])
    """
    op = apply_rotary_pos_emb_op
    if not (_is_swapped(query) and _is_swapped(key)) or unsqueeze_dim not in (1, 2):
        return op(query, key, cos, sin, unsqueeze_dim, interleaved)
    q, k = query.transpose(1, 2), key.transpose(1, 2)
    # One sequence and many have one kernel, in which each row has its angles.
    cos, sin = (
        t.expand(query.shape[0], -1, -1) if t.ndim == 3 and t.shape[0] == 1 else t
        for t in (cos, sin)
    )
    q, k = op(q, k, cos, sin, 3 - unsqueeze_dim, interleaved)
    return q.transpose(1, 2), k.transpose(1, 2)


def _is_swapped(x: Tensor) -> bool:
    """Tell whether a tensor is contiguous once its heads and tokens are swapped."""
    return x.ndim == 4 and x.transpose(1, 2).is_contiguous()


def native_apply_rotary_pos_emb(
    query: Tensor,
    key: Tensor,
    cos: Tensor,
    sin: Tensor,
    unsqueeze_dim: int = 1,
    interleaved: bool = False,  # noqa: FBT001, FBT002
) -> tuple[Tensor, Tensor]:
    """Compute `apply_rotary_pos_emb` with torch functions; the results are contiguous."""
    wide = torch.promote_types(query.dtype, torch.float32)
    width = cos.shape[-1]
    used = width // 2 if interleaved else width
    # Spread over heads first: in this form it is a row kernel.
    cos, sin = (t.unsqueeze(unsqueeze_dim)[..., :used].to(wide) for t in (cos, sin))

    def turned(x: Tensor) -> Tensor:
        y = turn_pairs(x[..., :width], cos, sin, neox=not interleaved).to(x.dtype)
        return (y if width == x.shape[-1] else torch.cat((y, x[..., width:]), -1)).contiguous()

    return turned(query), turned(key)


def _like_query(key: Tensor, query: Tensor, unsqueeze_dim: int) -> bool:
    sizes = zip(key.shape, query.shape, strict=False)
    same = [dim == unsqueeze_dim or not ir.differ(*pair) for dim, pair in enumerate(sizes)]
    return key.dtype == query.dtype and all(same)


def _tokens(query: Tensor, unsqueeze_dim: int) -> Any:
    return query.shape[3 - unsqueeze_dim]


def _are_angles(angles: Tensor, query: Tensor, unsqueeze_dim: int) -> bool:
    batch, tokens, width = angles.shape
    return (
        (not ir.differ(batch, 1) or not ir.differ(batch, query.shape[0]))
        and not ir.differ(tokens, _tokens(query, unsqueeze_dim))
        and width % 2 == 0
        and 2 <= width <= query.shape[-1]
    )


apply_rotary_pos_emb_op = ir.register_op(
    name="apply_rotary_pos_emb",
    activations=["query", "key", "cos", "sin"],
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("query", "key", "cos", "sin")),
        *(ir.rank(name, 4) for name in ("query", "key")),
        *(ir.rank(name, 3) for name in ("cos", "sin")),
        ir.number("unsqueeze_dim", "1 or 2", lambda dim: dim in (1, 2)),
        ir.fits(
            "key",
            "of the dtype and sizes of `query`, except the number of heads",
            _like_query,
            beside=("query", "unsqueeze_dim"),
            expected=lambda _, query, __: (
                f"have the dtype and sizes of `query` {format_tensor(query)}, except the heads"
            ),
        ),
        *(
            ir.fits(
                name,
                "of a row for each token of `query`, an even number of elements in 2..d",
                _are_angles,
                beside=("query", "unsqueeze_dim"),
                expected=lambda _, query, dim: (
                    f"have the shape [{query.shape[0]} or 1, {_tokens(query, dim)}, r], "
                    f"with r even and in 2..{query.shape[-1]}"
                ),
            )
            for name in ("cos", "sin")
        ),
        ir.fits(
            "sin",
            "of the width of `cos`",
            lambda sin, cos: not ir.differ(sin.shape[-1], cos.shape[-1]),
            beside=("cos",),
            expected=lambda _, cos: f"have rows of {cos.shape[-1]}, as `cos`",
        ),
    ],
)(native_apply_rotary_pos_emb)
ir.set_platform_default(apply_rotary_pos_emb_op, native_first=True)


@apply_rotary_pos_emb_op.register_input_generator
def apply_rotary_pos_emb_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    head_size: int = 128,
) -> tuple[Any, ...]:
    """Make query and key of one sequence of `num_tokens`; their heads are rotated completely."""
    head_size = math.gcd(hidden_size, head_size)
    query, key = (
        make_rows(num_tokens, hidden_size, dtype, device).view(1, -1, num_tokens, head_size)
        for _ in range(2)
    )
    angles = make_rows(num_tokens, head_size // 2, torch.float32, device).repeat(1, 1, 2)
    return query, key, angles.cos().to(dtype), angles.sin().to(dtype)
