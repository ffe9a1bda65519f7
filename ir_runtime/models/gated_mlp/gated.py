"""Gated MLPs: `down(act(gate(x)) * up(x))`, with two projections or one of both halves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.activation import Activation
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.condition import why_not
from ir_runtime.models.forward import only
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.gated_mlp.covered import Covered
from ir_runtime.models.gated_mlp.gate import Gate, covered_names, gate_of
from ir_runtime.models.product import Product, product_of
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced

__all__ = ["find_gated"]

_HALVED = {"silu": "silu_and_mul", "gelu": "gelu_and_mul"}
"""By activation, the op that gates one half of a row by the other."""


def find_gated(place: Place, request: Request) -> Found | Left | None:
    """Recognise a gated MLP; None if a module is none."""
    gate = gate_of(place.module)
    if gate is None:
        return None
    reason = _why_not(place.module, gate)
    if reason is not None:
        return place.left("mlp", reason)
    return _halved(place, gate) if gate.up is None else _joined(place, gate, request)


def _why_not(module: nn.Module, gate: Gate) -> str | None:
    reason = why_not(module)
    if reason is not None:
        return reason
    for name in filter(None, (gate.gate, gate.up)):
        child = module.get_submodule(name)
        reason = why_not(child)
        product = reason or product_of(child)
        if isinstance(product, str):
            return f"{name}: {product}"
    if gate.activation.op not in _HALVED:
        return f"no op has a gate of {gate.activation.op}"
    return None


def _halved(place: Place, gate: Gate) -> Found:
    """Replace what comes behind the projection of both halves."""
    module, op = place.module, IrOp.registry[_HALVED[gate.activation.op]]
    settings = gate.activation.settings
    first, last = gate.gate, gate.down
    activation = _activation_names(module, gate)
    covered = Covered(module, activation)

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        if covered.compute_more(self):
            return type(self).forward(self, x)
        children: Any = self._modules
        return children[last](op(children[first](x), *settings))

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    projection = module.get_submodule(first)
    product = product_of(projection)
    assert isinstance(product, Product)
    n, k, dtype = product.sizes(projection)

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(dtype),)

    def after(x: Tensor) -> Tensor:
        return forward(module, x)

    provider = provider_of(op, torch.randn(1, 1, n).to(dtype), *settings)
    replaced = Replaced(place.path, "mlp", place.called, op.name, provider)
    alike = (op.name, settings, n, k, dtype)
    covers = tuple(module.get_submodule(name) for name in activation)
    return Found(replaced, changes, covers, Trial(alike, module, lambda: after, rows))


def _activation_names(module: nn.Module, gate: Gate) -> list[str]:
    """Return the names of the children that compute nothing any more: the activation's, if any."""
    return [name for name in covered_names(module, gate) if name != gate.gate]


def _joined(place: Place, gate: Gate, request: Request) -> Found | Left:
    """Replace both projections and the gate by one product."""
    if gate.activation != Activation("silu"):
        return place.left("mlp", f"no op joins two projections by {gate.activation.op}")
    if request.weights is None:
        if not request.undo:
            reason = "its packed copy takes the memory of the weights again, and `undo` is False"
            return place.left("mlp", reason)
        from ir_runtime.models.gated_mlp.packed_pair import pack_gate_and_up

        return pack_gate_and_up(place, gate)
    if not request.undo:
        return place.left("mlp", "its projections stay apart, as in the state dict")
    from ir_runtime.models.gated_mlp.joined import join_gate_and_up

    return join_gate_and_up(place, gate, request)
