"""Gated MLPs with weights as they are: one product computes the gate and its factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.condition import FLOATS
from ir_runtime.models.forward import is_mixed, is_recorded, only
from ir_runtime.models.found import Found, Place, Trial
from ir_runtime.models.gated_mlp.covered import Covered
from ir_runtime.models.gated_mlp.gate import Gate, covered_names
from ir_runtime.models.product import Product, product_of
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced
from kernels_mlir.matmul.packed_product import gate_up_pair

__all__ = ["pack_gate_and_up"]

_OP = "gate_up_silu"


def pack_gate_and_up(place: Place, gate: Gate) -> Found | Left:
    """Return an MLP whose projections of gate and factor are packed and multiplied as one weight.

    The projections stay: for gradients, in training, and in a graph, whose compiler fuses the gate
    itself, the module computes as before.
    """
    module = place.module
    assert gate.up is not None
    children = [module.get_submodule(name) for name in (gate.gate, gate.up)]
    products = [product_of(child) for child in children]
    reason = _why_not(children, products)
    if reason is not None:
        return place.left("mlp", reason)
    first = products[0]
    assert isinstance(first, Product)
    n, k, dtype = first.sizes(children[0])
    provider = _provider(dtype)
    if provider == "native":
        return place.left("mlp", f"no kernel of `{_OP}` is tuned for this CPU and dtype")
    names = [p.weight for p in products if isinstance(p, Product)]
    forward = _forward(gate, names, Covered(module, covered_names(module, gate)))

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(dtype),)

    def after(x: Tensor) -> Tensor:
        return forward(module, x)

    replaced = Replaced(place.path, "mlp", place.called, _OP, provider)
    return Found(replaced, changes, trial=Trial((_OP, n, k, dtype), module, lambda: after, rows))


def _why_not(children: list[nn.Module], products: list[Product | str]) -> str | None:
    facts: list[tuple[Any, ...]] = []
    for child, product in zip(children, products, strict=True):
        if isinstance(product, str):
            return product
        weight: Any = child._parameters[product.weight]
        if product.turned:
            return "a projection's weight is [in, out], which is not packed; `weights` takes it"
        if product.bias is not None:
            return "its projections have a bias: they are computed one by one"
        if weight.is_inference():
            return "a weight was made in inference mode, where no changes are counted: not packed"
        facts.append((weight.shape, weight.dtype))
    return None if facts[0] == facts[1] else "its projections differ in size or dtype"


def _forward(gate: Gate, weights: list[str], covered: Covered) -> Callable[..., Tensor]:
    first, second, last = gate.gate, gate.up, gate.down

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        if covered.compute_more(self):
            return type(self).forward(self, x)
        own: Any = self._modules
        w, u = own[first]._parameters[weights[0]], own[second]._parameters[weights[1]]
        needs = x.requires_grad or w.requires_grad or u.requires_grad
        gradient = torch.is_grad_enabled() and needs
        if not (self.training or gradient or is_mixed(x, w) or is_recorded()):
            y = gate_up_pair(x, w, u) if type(x) is Tensor else None
            if y is not None:
                return own[last](y)
        return type(self).forward(self, x)

    return forward


@lru_cache(8)
def _provider(dtype: torch.dtype) -> str:
    """Return the provider of a small call; native for a dtype without a kernel."""
    if dtype not in FLOATS:
        return "native"
    x, weight = torch.zeros(1, 64, dtype=dtype), torch.zeros(64, 64, dtype=dtype)
    return provider_of(IrOp.registry[_OP], x, weight, None)
