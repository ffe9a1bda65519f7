"""The torch functions that the tests make row kernels of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rms_norm(x: Tensor, weight: Tensor, epsilon: float = 1e-6) -> Tensor:
    v = wide(x)
    y = v * torch.rsqrt(v.square().mean(-1, keepdim=True) + epsilon)
    return (y * weight.to(y.dtype)).to(x.dtype)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    v = wide(x)
    y = functional.layer_norm(v, v.shape[-1:], weight.to(v.dtype), bias.to(v.dtype))
    return y.to(x.dtype)


def softmax(x: Tensor) -> Tensor:
    return torch.softmax(wide(x), -1).to(x.dtype)


def gelu(x: Tensor) -> Tensor:
    return functional.gelu(wide(x)).to(x.dtype)


def silu_and_mul(x: Tensor) -> Tensor:
    a, b = wide(x).chunk(2, -1)
    return (a * torch.sigmoid(a) * b).to(x.dtype)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate by halves: a cat in the middle, whose parts are then combined with whole rows."""
    v = wide(x)
    a, b = v.chunk(2, -1)
    return (v * cos.to(v.dtype) + torch.cat((-b, a), -1) * sin.to(v.dtype)).to(x.dtype)


def quantized(x: Tensor) -> tuple[Tensor, Tensor]:
    v = wide(x)
    scale = v.abs().amax(-1, keepdim=True).clamp(min=1e-10) / 127
    return torch.round(v / scale).clamp(-128, 127).to(torch.int8), scale.to(torch.float32)


def rounded_norm(x: Tensor, weight: Tensor) -> Tensor:
    """A norm of what a cast in the middle has rounded."""
    return rms_norm((wide(x) * 1.1).to(torch.bfloat16).to(x.dtype), weight)


def statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Results without the last dimension, and with one element there."""
    v = wide(x)
    return v.mean(-1).to(x.dtype), v.amax(-1, keepdim=True).to(x.dtype), v.var(-1).to(x.dtype)


def group_quantized(x: Tensor, size: int = 40) -> tuple[Tensor, Tensor]:
    """A scale for each group of a row."""
    v = wide(x).unflatten(-1, (-1, size))
    scale = v.abs().amax(-1, keepdim=True).clamp(min=1e-10) / 127
    q = torch.round(v / scale).clamp(-128, 127).to(torch.int8)
    return q.flatten(-2), scale.squeeze(-1).to(torch.float32)


def normed_and_group_quantized(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """A number of the row and one of each group."""
    return group_quantized(rms_norm(wide(x), wide(weight)))


def gated_norm(x: Tensor, gate: Tensor, weight: Tensor, groups: int = 3) -> Tensor:
    v = wide(x) * functional.silu(wide(gate))
    v = v.unflatten(-1, (groups, -1))
    v = v * torch.rsqrt(v.square().mean(-1, keepdim=True) + 1e-5)
    return (v.flatten(-2) * wide(weight)).to(x.dtype)


def group_softmax(x: Tensor, groups: int = 3) -> Tensor:
    """An expensive value that the loops of a group keep, and a norm with weights of a group."""
    v = torch.softmax(wide(x).unflatten(-1, (groups, -1)), -1)
    bias = torch.full_like(v, 0.5) * v.amin(-1, keepdim=True)
    return (v - bias).flatten(-2).to(x.dtype)


def swiglu_of_pairs(x: Tensor, alpha: float = 1.702, limit: float = 7.0) -> Tensor:
    gate, up = wide(x)[..., 0::2].clamp(max=limit), wide(x)[..., 1::2].clamp(-limit, limit)
    return ((up + 1) * gate * torch.sigmoid(alpha * gate)).to(x.dtype)


def turned(x: Tensor, cos: Tensor, sin: Tensor, *, by_halves: bool) -> Tensor:
    """Rotate pairs of elements of all heads by angles of the row; the end of a head stays."""
    dim = 2 * cos.shape[-1]
    part, rest = x[..., :dim], x[..., dim:]
    a, b = part.chunk(2, -1) if by_halves else (part[..., 0::2], part[..., 1::2])
    pair = (a * cos - b * sin, b * cos + a * sin)
    both = torch.cat(pair, -1) if by_halves else torch.stack(pair, -1).flatten(-2)
    return torch.cat((both, rest), -1)


def rotary(x: Tensor, positions: Tensor, cache: Tensor, *, by_halves: bool = True) -> Tensor:
    cos, sin = wide(cache[positions]).unsqueeze(-2).chunk(2, -1)
    heads = wide(x).unflatten(-1, (3, -1))
    return turned(heads, cos, sin, by_halves=by_halves).flatten(-2).to(x.dtype)


def rotary_of_pairs(x: Tensor, positions: Tensor, cache: Tensor) -> Tensor:
    return rotary(x, positions, cache, by_halves=False)


def normed_heads(
    x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Heads in a dimension of their own; results of heads, of pairs, and one number a head."""
    v = layer_norm(wide(x), wide(weight), wide(weight))
    y = turned(v, wide(cos).unsqueeze(-2), wide(sin).unsqueeze(-2), by_halves=False)
    pairs = torch.stack((v.neg(), v.abs().neg().exp()), -1).flatten(-2)
    return y.to(x.dtype), pairs.to(x.dtype), v.amax(-1).to(x.dtype)


def embedded(ids: Tensor, table: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """A sum of rows of two tables, chosen by the same index."""
    found = functional.embedding(ids, table)
    return (wide(found) + wide(other[ids])).square().to(table.dtype), found


def heads_first(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Angles that the heads of a token share, which are not beside each other."""
    c, s = wide(cos.unsqueeze(1)), wide(sin.unsqueeze(1))
    a, b = wide(x).chunk(2, -1)
    return (wide(x) * c + torch.cat((-b, a), -1) * s).to(x.dtype)


def positioned(x: Tensor, places: Tensor, weight: Tensor) -> Tensor:
    """Rows that each sequence of a batch adds."""
    return rms_norm((wide(x) + wide(places)).to(x.dtype), weight)
