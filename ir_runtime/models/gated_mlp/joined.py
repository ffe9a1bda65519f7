"""Gated MLPs with rounded weights: one product computes the gate and its factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.models.change import Change
from ir_runtime.models.forward import only
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.gated_mlp.covered import Covered
from ir_runtime.models.gated_mlp.gate import Gate, covered_names
from ir_runtime.models.product import Product, product_of
from ir_runtime.models.quantized import (
    Rounded,
    RoundedForward,
    has_finite,
    provider_of_bits,
    rounded_of,
)
from ir_runtime.models.report import Left, Replaced
from kernels_mlir.matmul.gate_up_layer import GateUpSilu
from kernels_mlir.matmul.quantized_layer import PackedModule

__all__ = ["join_gate_and_up"]


def join_gate_and_up(place: Place, gate: Gate, request: Request) -> Found | Left:
    """Return an MLP whose projections of gate and factor are one product with a rounded weight."""
    module, bits, up = place.module, request.bits, gate.up
    assert bits is not None
    assert up is not None
    sources = [(module.get_submodule(name), _product(module, name)) for name in (gate.gate, up)]
    first, second = (product.sizes(child) + (product.bias is None,) for child, product in sources)
    if first != second:
        return place.left("mlp", "its projections differ in size, dtype, or in having a bias")
    if not all(has_finite(child, product.weight) for child, product in sources):
        return place.left("mlp", "a weight has elements that are not finite")

    names = [(gate.gate, sources[0][1]), (up, sources[1][1])]

    def make(owner: nn.Module) -> PackedModule:
        first, second = (p.as_linear(owner.get_submodule(name)) for name, p in names)
        joined = GateUpSilu.from_linears(first, second, bits)
        assert isinstance(joined, PackedModule)
        return joined

    def changes() -> list[Change]:
        parameters = [(name, part) for name, p in names for part in (p.weight, p.bias)]
        forward = _forward_to(gate.down, Covered(module, covered_names(module, gate)))
        return [RoundedForward(module, forward, Rounded(module, make, parameters))]

    n, k, dtype = sources[0][1].sizes(sources[0][0])

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(dtype),)

    def before(x: Tensor) -> Tensor:
        first, second = (child(x) for child, _ in sources)
        return nn.functional.silu(first) * second

    op, provider = f"linear_w{bits}", provider_of_bits(bits, dtype)
    replaced = Replaced(place.path, "mlp", place.called, op, provider, request.weights)
    alike = ("gate_up", op, n, k, dtype)
    covers = tuple(module.get_submodule(name) for name in covered_names(module, gate))
    return Found(replaced, changes, covers, Trial(alike, before, lambda: make(module), rows))


def _forward_to(down: str, covered: Covered) -> Callable[..., Tensor]:
    """Return the forward of an MLP whose last projection has this name.

    Children that compute more by now are called, with their weights as they are.
    """

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        if self.training or covered.compute_more(self):
            return type(self).forward(self, x)
        return self._modules[down](rounded_of(self).forward(x))  # pyright: ignore[reportOptionalCall]

    return forward


def _product(module: nn.Module, name: str) -> Product:
    product = product_of(module.get_submodule(name))
    assert isinstance(product, Product)
    return product
