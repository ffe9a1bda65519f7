"""The seed's eight ops, each in a function as models have it, and beside a second use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - announces the ops

ops = torch.ops.ir_inplace
FP8 = torch.float8_e4m3fn
TOKENS, HIDDEN, HEADS, SIZE = 4, 16, 2, 8


def _rand(*shape: int) -> Tensor:
    made = torch.Generator().manual_seed(sum(shape))
    return torch.rand(*shape, generator=made) - 0.3


def _layer() -> list[Tensor]:
    return [_rand(TOKENS, HIDDEN), _rand(HIDDEN, HIDDEN), _rand(HIDDEN) + 1]


def rms_norm(x, w, g):
    y = torch.mm(x, w)
    out = torch.empty_like(y)
    ops.rms_norm(out, y, g, 1e-6)
    return torch.mm(out, w)


def fused_add_rms_norm(x, w, g):
    y, residual = torch.mm(x, w), torch.mm(x, w.t())
    ops.fused_add_rms_norm(y, residual, g, 1e-6)
    return torch.mm(y, w), residual


def rms_norm_static_fp8_quant(x, w, g, s):
    y = torch.mm(x, w)
    out = torch.empty(y.shape, dtype=FP8)
    ops.rms_norm_static_fp8_quant(out, y, g, s, 1e-6)
    return out


def fused_add_rms_norm_static_fp8_quant(x, w, g, s):
    y, residual = torch.mm(x, w), torch.mm(x, w.t())
    out = torch.empty(y.shape, dtype=FP8)
    ops.fused_add_rms_norm_static_fp8_quant(out, y, residual, g, s, 1e-6)
    return out, torch.mm(residual, w)


def rms_norm_dynamic_per_token_quant(x, w, g):
    y, residual = torch.mm(x, w), torch.mm(x, w.t())
    out, scale = torch.empty(y.shape, dtype=FP8), torch.empty(y.shape[0], 1)
    ops.rms_norm_dynamic_per_token_quant(out, y, g, scale, 1e-6, None, residual)
    return out, scale, torch.mm(residual, w)


def silu_and_mul(x, w):
    y = torch.mm(x, w)
    out = torch.empty(y.shape[0], y.shape[1] // 2)
    ops.silu_and_mul(out, y)
    return out


def silu_and_mul_quant(x, w, s):
    y = torch.mm(x, w)
    out = torch.empty(y.shape[0], y.shape[1] // 2, dtype=FP8)
    ops.silu_and_mul_quant(out, y, s)
    return out


def rotary_embedding(x, w, positions, cache):
    """Query and key are parts of one product, which is used as a whole afterwards."""
    qkv = torch.mm(x, w)
    q, k, _ = qkv.split([HIDDEN, HIDDEN, HIDDEN], dim=-1)
    ops.rotary_embedding(positions, q, k, SIZE, cache, True)
    q, k, v = qkv.split([HIDDEN, HIDDEN, HIDDEN], dim=-1)
    return torch.mm(q, v.t()), torch.mm(k, v.t())


def _with_scale() -> list[Tensor]:
    return [*_layer(), torch.tensor([0.01])]


def _rotary() -> list[Tensor]:
    return [_rand(TOKENS, HIDDEN), _rand(HIDDEN, 3 * HIDDEN), torch.arange(TOKENS), _rand(9, SIZE)]


CASES: dict[str, tuple[Callable[..., Any], Callable[[], list[Tensor]]]] = {
    "rms_norm": (rms_norm, _layer),
    "fused_add_rms_norm": (fused_add_rms_norm, _layer),
    "rms_norm_static_fp8_quant": (rms_norm_static_fp8_quant, _with_scale),
    "fused_add_rms_norm_static_fp8_quant": (fused_add_rms_norm_static_fp8_quant, _with_scale),
    "rms_norm_dynamic_per_token_quant": (rms_norm_dynamic_per_token_quant, _layer),
    "silu_and_mul": (silu_and_mul, lambda: _layer()[:2]),
    "silu_and_mul_quant": (silu_and_mul_quant, lambda: [*_layer()[:2], torch.tensor([0.01])]),
    "rotary_embedding": (rotary_embedding, _rotary),
}
