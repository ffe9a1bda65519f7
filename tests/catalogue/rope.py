"""Rotations as products of complex numbers, for the tests of rotary ops and layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kernels_mlir.rope.layers import DualChunkRotaryEmbedding

__all__ = [
    "BASE",
    "FLOATS",
    "angles_of",
    "assert_rounded",
    "drawn",
    "dual_chunk_arguments",
    "each_style",
    "turned",
]

FLOATS = (torch.float32, torch.bfloat16, torch.float16)
BASE = 10000.0
each_style = pytest.mark.parametrize("neox", [True, False], ids=["neox", "gptj"])


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def as_complex(x: Tensor, *, neox: bool) -> Tensor:
    """Return the pairs of each row as complex numbers."""
    wide = x.double()
    a, b = wide.chunk(2, -1) if neox else (wide[..., 0::2], wide[..., 1::2])
    return torch.complex(a.contiguous(), b.contiguous())


def turned(x: Tensor, angles: Tensor, *, neox: bool, dim: int | None = None) -> Tensor:
    """Multiply the pairs of the first `dim` elements by `exp(i * angles)`, in float64."""
    dim = x.shape[-1] if dim is None else dim
    wide = angles.double()
    y = as_complex(x[..., :dim], neox=neox) * torch.complex(wide.cos(), wide.sin())
    both = (y.real, y.imag)
    joined = torch.cat(both, -1) if neox else torch.stack(both, -1).flatten(-2)
    return torch.cat((joined, x[..., dim:].double()), -1)


def assert_rounded(actual: Tensor, exact: Tensor, dtype: torch.dtype) -> None:
    """Compare with numbers in float64: the error of one rounding, and of float32 arithmetic."""
    assert actual.dtype == dtype
    rtol = torch.finfo(dtype).eps / 2
    atol = 4 * max(torch.finfo(torch.float32).eps, torch.finfo(dtype).tiny)
    torch.testing.assert_close(actual.double(), exact, rtol=1.01 * rtol, atol=atol)


def dual_chunk_arguments(
    tokens: int,
    *,
    dtype: torch.dtype = torch.float32,
    neox: bool = True,
    dim: int = 16,
    batch: bool = False,
) -> tuple[Any, ...]:
    layer = DualChunkRotaryEmbedding(16, dim, 60, BASE, neox, torch.float32, 16, 4)
    positions = torch.arange(tokens) * 7 % 60
    query, key = drawn(tokens, 48, dtype=dtype), drawn(tokens, 16, dtype=dtype, seed=1)
    if batch:
        positions, query, key = (t[None] for t in (positions, query, key))
    return layer.op_arguments(positions, query, key)


def angles_of(positions: list[int], dim: int) -> Tensor:
    turns = [BASE ** (-2 * i / dim) for i in range(dim // 2)]
    return torch.tensor([[p * turn for turn in turns] for p in positions], dtype=torch.float64)
