"""The calls of row ops that are tested, packed and measured for GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.ir import IrOp

__all__ = ["DTYPES", "LAUNCH_ROWS", "WIDTHS", "GpuCase", "gpu_cases"]

WIDTHS = (64, 80, 1000, 4096, 11008)
DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
HEAD = 64
LAUNCH_ROWS = 4
"""Rows of the call whose cost on the host is measured."""


@dataclass(frozen=True)
class GpuCase:
    """A row op at a width.

    Attributes:
        name: of the op, and of its variant.
        width: the last size of the result.
        dtype: of all floating-point tensors.
    """

    name: str
    width: int
    dtype: torch.dtype

    @property
    def op(self) -> str:
        """The name of the op."""
        return self.name.removesuffix("_tanh")

    @property
    def kernel(self) -> Callable[..., Any]:
        """The op itself."""
        return getattr(torch.ops.ir_kernels, self.op).default

    @property
    def native(self) -> Callable[..., Any]:
        """Its torch function, for `torch.compile` and for float64."""
        return IrOp.registry[self.op].native

    @property
    def eager(self) -> Callable[..., Any]:
        """What users of torch call for the same, native where torch has nothing."""
        return _EAGER.get(self.name) or self.native

    def arguments(self, rows: int, device: str, seed: int = 0) -> tuple[Any, ...]:
        """Return random arguments of the op."""
        generator = torch.Generator().manual_seed(seed)

        def make(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator).to(self.dtype).to(device)

        return self.arguments_of(rows, make, torch.arange(rows, device=device) % 512)

    def arguments_of(
        self, rows: int, make: Callable[..., Tensor], positions: Tensor
    ) -> tuple[Any, ...]:
        """Return arguments of the op in memory that the caller makes.

        Args:
            rows: number of rows.
            make: returns a tensor of the case's dtype; takes its sizes.
            positions: of the rows, `[rows]`, int64; used by `rotary_embedding` alone.
        """
        x, weight = make(rows, self.width), make(self.width)
        if self.op == "rotary_embedding":
            size = HEAD if self.width % HEAD == 0 else self.width // 2
            return positions, x, make(rows, self.width), size, size, make(512, size), True
        if self.op == "silu_and_mul":
            return (make(rows, 2 * self.width),)
        others: dict[str, tuple[Any, ...]] = {
            "rms_norm": (x, weight, 1e-6, None),
            "layer_norm": (x, weight, make(self.width), 1e-5),
            "gelu": (x, "none"),
            "gelu_tanh": (x, "tanh"),
        }
        return others.get(self.name, (x,))

    def moved_bytes(self, rows: int) -> int:
        """Return the bytes that a call reads and writes at least."""
        tensors = {"silu_and_mul": 3, "rotary_embedding": 4}.get(self.op, 2)
        shared = {"rms_norm": 1, "layer_norm": 2}.get(self.op, 0)
        return (tensors * rows + shared) * self.width * self.dtype.itemsize


def gpu_cases() -> Iterator[GpuCase]:
    """Return all cases."""
    for name in (*_EAGER, "rotary_embedding"):
        for width in WIDTHS:
            for dtype in DTYPES.values():
                yield GpuCase(name, width, dtype)


def _rms_norm(x: Tensor, weight: Tensor, epsilon: float, _: Any) -> Tensor:
    return functional.rms_norm(x, x.shape[-1:], weight, epsilon)


def _layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def _silu_and_mul(x: Tensor) -> Tensor:
    gate, up = x.chunk(2, -1)
    return functional.silu(gate) * up


_EAGER: dict[str, Callable[..., Any]] = {
    "rms_norm": _rms_norm,
    "layer_norm": _layer_norm,
    "softmax": lambda x: functional.softmax(x, -1),
    "gelu": lambda x, _: functional.gelu(x),
    "gelu_tanh": lambda x, _: functional.gelu(x, approximate="tanh"),
    "silu_and_mul": _silu_and_mul,
}
