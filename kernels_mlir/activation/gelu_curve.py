"""The curve of gelu, in the forms that become row kernels; for ops that multiply by it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["gelu_curve"]


def gelu_curve(v: Tensor, approximate: str) -> Tensor:
    """Return the GELU of each element, in the dtype of `v`.

    Args:
        v: f32 or f64.
        approximate: "none", or "tanh", computed by a sigmoid: `1 + tanh(w)` loses all digits far
            below zero.
    """
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)
        return v * torch.sigmoid(2 * inner)
    return 0.5 * v * (1 + torch.erf(v * math.sqrt(0.5)))
