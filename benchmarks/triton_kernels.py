"""Triton kernels of row ops, as one writes them by hand: a program a row, or a block of elements.

Import it only where Triton is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["KERNELS", "PEERS"]

_ELEMENTS = 1024
_HEAD_ELEMENTS = 512


@triton.jit
def _rms_norm(x, w, y, n, epsilon, BLOCK: tl.constexpr):  # noqa: N803
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    v = tl.load(x + row * n + columns, mask=mask, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(v * v, 0) / n + epsilon)
    weight = tl.load(w + columns, mask=mask, other=0.0).to(tl.float32)
    tl.store(y + row * n + columns, v * scale * weight, mask=mask)


@triton.jit
def _layer_norm(x, w, b, y, n, epsilon, BLOCK: tl.constexpr):  # noqa: N803
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    v = tl.load(x + row * n + columns, mask=mask, other=0.0).to(tl.float32)
    centred = tl.where(mask, v - tl.sum(v, 0) / n, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, 0) / n + epsilon)
    weight = tl.load(w + columns, mask=mask, other=0.0).to(tl.float32)
    bias = tl.load(b + columns, mask=mask, other=0.0).to(tl.float32)
    tl.store(y + row * n + columns, centred * scale * weight + bias, mask=mask)


@triton.jit
def _softmax(x, y, n, BLOCK: tl.constexpr):  # noqa: N803
    row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    mask = columns < n
    v = tl.load(x + row * n + columns, mask=mask, other=-float("inf")).to(tl.float32)
    e = tl.exp(v - tl.max(v, 0))
    tl.store(y + row * n + columns, e / tl.sum(e, 0), mask=mask)


@triton.jit
def _gelu(x, y, count, BLOCK: tl.constexpr):  # noqa: N803
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < count
    v = tl.load(x + at, mask=mask).to(tl.float32)
    tl.store(y + at, 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476)), mask=mask)


@triton.jit
def _gelu_tanh(x, y, count, BLOCK: tl.constexpr):  # noqa: N803
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < count
    v = tl.load(x + at, mask=mask).to(tl.float32)
    # (1 + tanh(z)) / 2 is sigmoid(2 z)
    twice = 1.5957691216057308 * (v + 0.044715 * v * v * v)
    tl.store(y + at, v * tl.sigmoid(twice), mask=mask)


@triton.jit
def _silu_and_mul(x, y, n, BLOCK: tl.constexpr):  # noqa: N803
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = columns < n
    gate = tl.load(x + row * 2 * n + columns, mask=mask).to(tl.float32)
    up = tl.load(x + row * 2 * n + n + columns, mask=mask).to(tl.float32)
    tl.store(y + row * n + columns, gate * tl.sigmoid(gate) * up, mask=mask)


@triton.jit
def _turn(source, target, at, half, mask, cos, sin):
    first = tl.load(source + at, mask=mask).to(tl.float32)
    second = tl.load(source + at + half, mask=mask).to(tl.float32)
    tl.store(target + at, first * cos - second * sin, mask=mask)
    tl.store(target + at + half, second * cos + first * sin, mask=mask)


@triton.jit
def _rotary_embedding(
    positions, q, k, table, q_out, k_out, heads, half,
    HEADS: tl.constexpr, HALF: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Turn some heads of a row: element i of a head and element i + half are a pair."""
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, HALF)
    angle = tl.load(positions + row) * 2 * half + column
    cos = tl.load(table + angle, mask=column < half).to(tl.float32)[None, :]
    sin = tl.load(table + angle + half, mask=column < half).to(tl.float32)[None, :]
    at = (row * heads + head[:, None]) * 2 * half + column[None, :]
    mask = (head < heads)[:, None] & (column < half)[None, :]
    _turn(q, q_out, at, half, mask, cos, sin)
    _turn(k, k_out, at, half, mask, cos, sin)


def _warps(block: int) -> int:
    return min(max(block // 512, 4), 16)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float, _: Any = None) -> Tensor:
    """Normalise rows by their root mean square."""
    y, n = torch.empty_like(x), x.shape[-1]
    block = triton.next_power_of_2(n)
    grid = (x.numel() // n,)
    _rms_norm[grid](x, weight, y, n, epsilon, BLOCK=block, num_warps=_warps(block))
    return y


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalise rows by mean and variance."""
    y, n = torch.empty_like(x), x.shape[-1]
    block = triton.next_power_of_2(n)
    grid = (x.numel() // n,)
    _layer_norm[grid](x, weight, bias, y, n, epsilon, BLOCK=block, num_warps=_warps(block))
    return y


def softmax(x: Tensor) -> Tensor:
    """Compute softmax of rows."""
    y, n = torch.empty_like(x), x.shape[-1]
    block = triton.next_power_of_2(n)
    _softmax[(x.numel() // n,)](x, y, n, BLOCK=block, num_warps=_warps(block))
    return y


def gelu(x: Tensor, approximate: str) -> Tensor:
    """Compute GELU of each element, by erf or by tanh."""
    y, count = torch.empty_like(x), x.numel()
    kernel = _gelu_tanh if approximate == "tanh" else _gelu
    kernel[(triton.cdiv(count, _ELEMENTS),)](x, y, count, BLOCK=_ELEMENTS, num_warps=4)
    return y


def silu_and_mul(x: Tensor) -> Tensor:
    """Multiply SiLU of the first half of each row by the second."""
    n = x.shape[-1] // 2
    y = x.new_empty((*x.shape[:-1], n))
    grid = (y.numel() // n, triton.cdiv(n, _ELEMENTS))
    _silu_and_mul[grid](x, y, n, BLOCK=_ELEMENTS, num_warps=4)
    return y


def rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor,
    head_size: int,
    rotary_dim: int,
    cos_sin_cache: Tensor,
    is_neox: bool,
) -> tuple[Tensor, Tensor]:
    """Turn whole heads by their positions, in NeoX's form; `query` and `key` have as many heads."""
    assert is_neox
    assert head_size == rotary_dim
    assert query.shape == key.shape
    q_out, k_out = torch.empty_like(query), torch.empty_like(key)
    heads, half = query.shape[-1] // head_size, head_size // 2
    columns = triton.next_power_of_2(half)
    together = max(1, min(_HEAD_ELEMENTS // columns, triton.next_power_of_2(heads)))
    grid = (positions.numel(), triton.cdiv(heads, together))
    _rotary_embedding[grid](
        positions, query, key, cos_sin_cache, q_out, k_out, heads, half,
        HEADS=together, HALF=columns, num_warps=4,
    )  # fmt: skip
    return q_out, k_out


PEERS: dict[str, Callable[..., Any]] = {
    "rms_norm": rms_norm,
    "layer_norm": layer_norm,
    "softmax": softmax,
    "gelu": gelu,
    "gelu_tanh": gelu,
    "silu_and_mul": silu_and_mul,
    "rotary_embedding": rotary_embedding,
}
"""By the name of the case; each takes the arguments of the op."""

KERNELS: dict[str, Any] = {
    "rms_norm": _rms_norm,
    "layer_norm": _layer_norm,
    "softmax": _softmax,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu_and_mul": _silu_and_mul,
    "rotary_embedding": _rotary_embedding,
}
"""What each of them launches."""
