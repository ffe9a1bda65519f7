"""Numbers beside constants mean what they do in torch, of whatever kind they are."""

from __future__ import annotations

import torch

from ir_runtime import aot

KINDS = (torch.float32, torch.int64, torch.bool)
NUMBERS = (-3, 0, 1, 3, -2.0, 0.5, True)


def _beside_constants(x):
    found = [x + 1]
    for kind in KINDS:
        for value in (torch.full((), 3, dtype=kind), torch.full((2,), -2, dtype=kind)):
            for y in NUMBERS:
                found += [value < y, value <= y, value > y, value >= y, value == y, value != y]
                found += [value + y, value * y, torch.add(value, value.float(), alpha=-2)]
    return found


def test_numbers_beside_constants_keep_their_value() -> None:
    x = torch.zeros(1)
    results = aot.export(_beside_constants, (x,))(x)
    for mine, torchs in zip(results, _beside_constants(x), strict=True):
        assert mine.dtype == torchs.dtype
        assert torch.equal(mine, torchs)
