"""NaN goes through operators that compare as it does in torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ir_runtime import aot

NAN, INF = float("nan"), float("inf")
ROW = torch.tensor([1.0, NAN, -2.0, 0.0, INF, -0.0, 7.0, -INF])
PLAIN = torch.tensor([1.0, 3.0, -2.0, 0.0, INF, 3.0, 7.0, -INF])


def _compared(x, y):
    return [
        torch.clamp(x, -1, 5),
        torch.clamp_min(x, 0.5),
        torch.clamp_max(x, 0.5),
        torch.clamp(x, y, y + 1),
        torch.maximum(x, y),
        torch.minimum(y, x),
        torch.fmax(x, y),
        torch.fmin(x, y),
        F.relu(x),
        F.relu6(x),
        F.hardtanh(x),
        torch.argmax(x),
        torch.argmin(x),
        torch.argmax(y),
        *torch.max(x, 0),
        *torch.min(x, 0),
        torch.amax(x),
        *torch.sort(x, stable=True),
        *torch.sort(x, descending=True, stable=True),
        torch.topk(x, 3)[0],
        torch.topk(x, 3, largest=False)[0],
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nan_goes_through(dtype: torch.dtype) -> None:
    operands = ROW.to(dtype), PLAIN.to(dtype)
    got = aot.export(_compared, operands)(*operands)
    for i, (mine, torchs) in enumerate(zip(got, _compared(*operands), strict=True)):
        assert torch.allclose(mine, torchs, rtol=0, atol=0, equal_nan=True), (i, mine, torchs)
