"""Rounding to eight-bit floats by numpy and `ml_dtypes`, for the tests of quantisation."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import Tensor

__all__ = [
    "EVERY_BF16",
    "FORMATS",
    "FP8",
    "INF",
    "NAN",
    "assert_nearest",
    "assert_same_bits",
    "difficult_rows",
    "dynamic_oracle",
    "each_format",
    "group_oracle",
    "rounded",
]

FORMATS: dict[torch.dtype, tuple[Any, float]] = {
    torch.float8_e4m3fn: (ml_dtypes.float8_e4m3fn, 448.0),
    torch.float8_e4m3fnuz: (ml_dtypes.float8_e4m3fnuz, 224.0),
    torch.float8_e5m2: (ml_dtypes.float8_e5m2, 57344.0),
}
FP8 = torch.float8_e4m3fn
EVERY_BF16 = torch.arange(65536).to(torch.int16).view(torch.bfloat16).view(256, 256)
NAN, INF = float("nan"), float("inf")
each_format = pytest.mark.parametrize(
    "fp8",
    [pytest.param(f, id=str(f)[6:], marks=() if f == FP8 else pytest.mark.full) for f in FORMATS],
)


def rounded(x: np.ndarray, fp8: torch.dtype) -> Tensor:
    """Clamp and round float32 numbers, as the format says."""
    kind, bound = FORMATS[fp8]
    with np.errstate(invalid="ignore"):
        bits = np.clip(x.astype(np.float32), -bound, bound).astype(kind).view(np.uint8)
    return torch.from_numpy(bits.copy()).view(fp8)


def assert_same_bits(actual: Tensor, expected: Tensor) -> None:
    """Compare all bits, but those of a NaN: formats have several."""
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    is_nan = expected.float().isnan()
    assert torch.equal(actual.float().isnan(), is_nan)
    kind = torch.uint8 if actual.itemsize == 1 else torch.int32
    assert torch.equal(actual.view(kind)[~is_nan], expected.view(kind)[~is_nan])


def assert_nearest(actual: Tensor, expected: Tensor, exact: Tensor) -> None:
    """Compare eight-bit floats that may differ where what was rounded is next to a tie."""
    differ = (actual.float() != expected.float()) & ~expected.float().isnan()
    assert torch.equal(actual.float().isnan(), expected.float().isnan())
    assert differ.double().mean() < 0.01
    off = (actual.double() - exact).abs()[differ]
    torch.testing.assert_close(off, (expected.double() - exact).abs()[differ], rtol=1e-4, atol=0)


def difficult_rows(dtype: torch.dtype = torch.float32, width: int = 100) -> Tensor:
    """Return rows of every size, with zeros of both signs, subnormals, NaN and infinity."""
    x = torch.randn(12, width, generator=torch.Generator().manual_seed(0)).to(dtype)
    x *= 10.0 ** torch.arange(-6.0, 6.0)[:, None].to(dtype)
    x[3], x[4, ::2], x[5] = 0.0, -0.0, x[5] * torch.finfo(dtype).smallest_normal
    x[6, 7], x[7, 9], x[8, 1] = NAN, INF, -INF
    return x


def dynamic_oracle(
    x: Tensor, fp8: torch.dtype, granularity: str, bound: float = INF
) -> tuple[Tensor, Tensor]:
    wide, most = x.float().numpy(), FORMATS[fp8][1]
    size = np.abs(wide)
    size = size.max(-1, keepdims=True) if granularity == "token" else size.max().reshape(1)
    scale = np.maximum(np.minimum(size, np.float32(bound)) / np.float32(most), 1 / (most * 512))
    scale = scale.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return rounded(wide * (1 / scale), fp8), torch.from_numpy(scale)


def group_oracle(x: Tensor, fp8: torch.dtype, size: int, *, powers: bool) -> tuple[Tensor, Tensor]:
    wide, most = x.float().numpy(), FORMATS[fp8][1]
    n = wide.shape[-1]
    count = -(-n // size)
    groups = np.pad(wide, ((0, 0), (0, count * size - n))).reshape(len(wide), count, size)
    scale = np.abs(groups).max(-1) / np.float32(most)
    scale = np.maximum(scale, 1 / (most * 512)).astype(np.float32)
    if powers:
        fraction, exponent = np.frexp(scale.astype(np.float64))
        power = np.ldexp(1.0, exponent - (fraction == 0.5))
        scale = np.where(np.isfinite(scale), power, scale).astype(np.float32)
    with np.errstate(invalid="ignore"):
        scaled = (groups / scale[..., None]).reshape(len(wide), -1)[:, :n]
    return rounded(scaled, fp8), torch.from_numpy(scale)
