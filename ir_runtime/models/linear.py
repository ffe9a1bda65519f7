"""Linear layers: modules that multiply rows by a weight of two dimensions, and add a bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.condition import why_not
from ir_runtime.models.forward import is_mixed, only
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.product import Product, looks_like_linear, product_of
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced

__all__ = ["find_linear", "linear_forward"]


def linear_forward(op: IrOp, product: Product) -> Callable[..., Tensor]:
    """Return a forward that multiplies by the module's own weight, which the op keeps packed."""
    weight, bias = product.weight, product.bias

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        own = self._parameters
        w: Any = own[weight]
        if is_mixed(x, w):
            return type(self).forward(self, x)
        return op(x, w, None if bias is None else own[bias])

    return forward


def find_linear(place: Place, request: Request) -> Found | Left | None:
    """Recognise a linear layer; None if a module does not look like one."""
    if not looks_like_linear(place.module) and not isinstance(place.module, nn.Linear):
        return None
    product = why_not(place.module) or product_of(place.module)
    if isinstance(product, str):
        return place.left("linear", product)
    if request.weights is not None:
        from ir_runtime.models.quantized import quantize_linear

        return quantize_linear(place, product, request)
    reason = _why_not_packed(place.module, product, request)
    return place.left("linear", reason) if reason else _packed(place, product)


def _why_not_packed(module: nn.Module, product: Product, request: Request) -> str | None:
    if product.turned:
        return "its weight is [in, out], which is not packed; `weights` takes it"
    weight: Any = module._parameters[product.weight]
    if weight.is_inference():
        return "its weight was made in inference mode, where no changes are counted: not packed"
    if not request.undo:
        return "its packed copy takes the memory of the weight again, and `undo` is False"
    return None


def _packed(place: Place, product: Product) -> Found | Left:
    module, op = place.module, IrOp.registry["linear"]
    weight: Any = module._parameters[product.weight]
    bias = None if product.bias is None else module._parameters[product.bias]
    n, k = weight.shape

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(weight.dtype),)

    provider = provider_of(op, rows(1)[0], weight, bias)
    if provider == "native":
        return place.left("linear", "no kernel of `linear` is tuned for this CPU and dtype")
    forward = linear_forward(op, product)

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    def after(x: Tensor) -> Tensor:
        return forward(module, x)

    replaced = Replaced(place.path, "linear", place.called, "linear", provider)
    alike = ("linear", n, k, weight.dtype, bias is None)
    return Found(replaced, changes, trial=Trial(alike, module, lambda: after, rows))
