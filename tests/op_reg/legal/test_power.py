"""Powers of infinities, zeros and NaN are those of torch."""

from __future__ import annotations

import torch

from ir_runtime import aot

VALUES = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 2.5, float("inf"), -float("inf"), float("nan")]
BASES = (-2.0, -0.0, 1.0, float("inf"), 0.5)


def _powers(x):
    found = [torch.pow(x[:, None], x[None, :]), x**10, x**-2, x**-3, x**2.5]
    return found + [torch.pow(base, x) for base in BASES]


def test_special_powers_are_torchs() -> None:
    x = torch.tensor(VALUES)
    for mine, torchs in zip(aot.export(_powers, (x,))(x), _powers(x), strict=True):
        assert torch.allclose(mine, torchs, rtol=1e-6, atol=0, equal_nan=True)
