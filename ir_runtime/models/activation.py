"""Activations: modules without parameters whose elements are those of `gelu` or `quick_gelu`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.frozen import frozen
from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.condition import why_not
from ir_runtime.models.forward import only
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.probe import close, trace_straight
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced

__all__ = ["Activation", "activation_of", "find_activation"]

_FEATURES = 4096


@frozen
class Activation:
    """A function of elements.

    Attributes:
        op: the name of the op.
        settings: its arguments behind the elements.
    """

    op: str
    settings: tuple[Any, ...] = ()


_ACTIVATIONS = (
    Activation("silu"),
    Activation("gelu", ("none",)),
    Activation("gelu", ("tanh",)),
    Activation("quick_gelu"),
)
_ALONE = frozenset({"gelu", "quick_gelu"})
"""Ops that are faster than torch's function alone; SiLU counts in a gate only."""


def activation_of(function: Any) -> Activation | None:
    """Return the activation that a module or a function of one tensor computes, None if none."""
    if isinstance(function, nn.Module):
        if why_not(function) or next(function.parameters(), None) is not None:
            return None
        if isinstance(trace_straight(function), str):
            return None
    return next((each for each in _ACTIVATIONS if _computes(function, each)), None)


def _computes(function: Any, activation: Activation) -> bool:
    native = IrOp.registry[activation.op].native
    x = torch.cat((torch.linspace(-12, 12, 4001), torch.tensor([0.0, -100.0, 100.0, 1e4, -1e4])))
    try:
        with torch.no_grad():
            got = function(x.clone())
            narrow = function(x.bfloat16().reshape(2, -1))
    except Exception:  # noqa: BLE001 - a function that fails on numbers is no activation
        return False
    if not isinstance(got, Tensor) or narrow.dtype != torch.bfloat16:
        return False
    exact = native(x.double(), *activation.settings)
    return got.dtype == x.dtype and close(got, exact, 1e-4, 1e-10)


def find_activation(place: Place, request: Request) -> Found | Left | None:
    """Recognise an activation; None if a module does not look like one."""
    del request
    module = place.module
    if module._parameters or module._buffers or next(module.children(), None) is not None:
        return None
    reason = why_not(module)
    if reason is not None:
        return place.left("activation", reason) if "act" in place.path.lower() else None
    activation = activation_of(module)
    if activation is None or activation.op not in _ALONE:
        return None
    op, settings = IrOp.registry[activation.op], activation.settings

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        del self
        return op(only(given, named), *settings)

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, _FEATURES),)

    def after(x: Tensor) -> Tensor:
        return op(x, *settings)

    provider = provider_of(op, rows(1)[0], *settings)
    name = activation.op if not settings else f"{activation.op} ({settings[0]})"
    replaced = Replaced(place.path, "activation", place.called, name, provider)
    return Found(replaced, changes, trial=Trial((activation,), module, lambda: after, rows))
