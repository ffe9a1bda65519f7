"""What norms with a gate share: the activations of the gate, and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kernels_mlir.library import make_rows

__all__ = ["GATES", "gated_inputs"]


def _silu(v: Tensor) -> Tensor:
    return v * torch.sigmoid(v)


GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": _silu,
    "swish": _silu,
    "sigmoid": torch.sigmoid,
}
"""The activations of a gate, by name."""


def gated_inputs(*options: Any) -> Callable[..., tuple[Any, ...]]:
    """Return the input generator of a norm with a gate; `options` follow epsilon."""

    def make(
        num_tokens: int = 32,
        hidden_size: int = 4096,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        epsilon: float = 1e-5,
    ) -> tuple[Any, ...]:
        x, gate = (make_rows(num_tokens, hidden_size, dtype, device) for _ in range(2))
        return x, gate, make_rows(1, hidden_size, dtype, device)[0], epsilon, *options

    return make
