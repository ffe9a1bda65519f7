"""The rotation of pairs of elements, in the two ways in which heads arrange pairs."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["turn_pairs"]


def turn_pairs(x: Tensor, cos: Tensor, sin: Tensor, *, neox: bool) -> Tensor:
    """Turn pairs `(a, b)` of the last dimension to `(a cos - b sin, b cos + a sin)`.

    Args:
        x: `[*, d]` of any floating-point dtype.
        cos: expands to `[*, d]` or `[*, d / 2]`, in the dtype to compute in. With `d` elements the
            first half is for the first elements of pairs, the second half for the second ones.
        sin: like `cos`.
        neox: pair `j` is elements `j` and `j + d / 2`; if not, elements `2j` and `2j + 1`.

    Returns:
        `[*, d]` in the dtype of `cos`.
    """
    a, b = x.chunk(2, dim=-1) if neox else (x[..., 0::2], x[..., 1::2])
    a, b = a.to(cos.dtype), b.to(cos.dtype)
    whole = cos.shape[-1] == x.shape[-1]
    (cos_a, cos_b), (sin_a, sin_b) = (t.chunk(2, dim=-1) if whole else (t, t) for t in (cos, sin))
    pair = (a * cos_a - b * sin_a, b * cos_b + a * sin_b)
    return torch.cat(pair, dim=-1) if neox else torch.stack(pair, dim=-1).flatten(-2)
