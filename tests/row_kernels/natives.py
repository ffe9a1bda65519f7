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
