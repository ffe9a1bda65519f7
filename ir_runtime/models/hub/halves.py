"""Gates without weights: modules that multiply one half of a row by an activation of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.activation import Activation
from ir_runtime.models.probe import close, trace_straight, tried

__all__ = ["halves_of"]

_GATES = (
    Activation("silu_and_mul"),
    Activation("gelu_and_mul", ("none",)),
    Activation("gelu_and_mul", ("tanh",)),
)
_SHAPES = ((3, 64), (2, 5, 24))


def halves_of(module: nn.Module) -> Activation | str:
    """Return the gate that a module computes; or why there is none."""
    if next(module.parameters(), None) is not None or next(module.buffers(), None) is not None:
        return "it has parameters or buffers, a gate has none"
    straight = trace_straight(module)
    if isinstance(straight, str):
        return straight
    if len(straight.inputs) != 1:
        return f"it has {len(straight.inputs)} inputs, a gate of halves has one"
    found = (gate for gate in _GATES if _computes(module, gate))
    return next(found, "it computes another function than silu_and_mul and gelu_and_mul")


def _computes(module: nn.Module, gate: Activation) -> bool:
    native = IrOp.registry[gate.op].native

    def expected(x: Tensor) -> Tensor:
        return native(x, *gate.settings)

    def rows(shape: tuple[int, ...], dtype: torch.dtype) -> Callable[[torch.Generator], Tensor]:
        return lambda generator: (4 * torch.randn(shape, generator=generator)).to(dtype)

    def none(generator: torch.Generator) -> dict[str, Any]:
        del generator
        return {}

    wide = [rows(shape, torch.float32) for shape in _SHAPES]
    narrow = [rows(shape, torch.bfloat16) for shape in _SHAPES]
    return all(
        close(got, exact, 1e-4, 1e-6) and got.dtype == torch.float32
        for got, exact in tried(module, expected, wide, none)
    ) and all(
        isinstance(got, Tensor) and got.dtype == torch.bfloat16
        for got, _ in tried(module, expected, narrow, none)
    )
