"""Products: modules whose rows are those of their argument times a matrix, plus a bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ir_runtime.frozen import frozen
from ir_runtime.models.probe import close, trace_straight, tried

__all__ = ["Product", "looks_like_linear", "product_of"]

_FEW = 8


@frozen
class Product:
    """A linear layer.

    Attributes:
        weight: name of the parameter.
        bias: name of the parameter, None for none.
        turned: whether the weight is `[in, out]`, not `[out, in]`.
    """

    weight: str
    bias: str | None
    turned: bool

    def sizes(self, module: nn.Module) -> tuple[int, int, torch.dtype]:
        """Return the output features, the input features, and the dtype of the weight."""
        weight = module._parameters[self.weight]
        assert weight is not None
        n, k = weight.T.shape if self.turned else weight.shape
        return n, k, weight.dtype

    def as_linear(self, module: nn.Module) -> nn.Linear:
        """Return an `nn.Linear` on the same memory."""
        weight = module._parameters[self.weight]
        bias = None if self.bias is None else module._parameters[self.bias]
        assert weight is not None
        values = weight.detach().T if self.turned else weight.detach()
        made = nn.Linear(1, 1, bias=False, device="meta")
        made.out_features, made.in_features = values.shape
        made.weight = nn.Parameter(values, requires_grad=False)
        made.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)  # pyright: ignore[reportAttributeAccessIssue]
        return made


def looks_like_linear(module: nn.Module) -> bool:
    """Tell whether a module has a matrix, and perhaps a bias, as its only parameters."""
    parameters = [p for p in module._parameters.values() if p is not None]
    if next(module.children(), None) is not None or module._buffers:
        return False
    ranks = sorted(p.ndim for p in parameters)
    return ranks in ([2], [1, 2]) and not isinstance(module, nn.Embedding)


def product_of(module: nn.Module) -> Product | str:
    """Return the product that a module computes; or why there is none."""
    if not looks_like_linear(module):
        return "it has children, buffers or parameters beside a weight and a bias"
    names = {p.ndim: name for name, p in module._parameters.items() if p is not None}
    if type(module).forward is nn.Linear.forward:
        return Product(names[2], names.get(1), turned=False)
    straight = trace_straight(module)
    if isinstance(straight, str):
        return straight
    if len(straight.inputs) != 1:
        return f"it has {len(straight.inputs)} inputs, a linear layer has one"
    for turned in (False, True):
        product = Product(names[2], names.get(1), turned)
        if _computes(module, product):
            return product
    return "it computes another function than a linear layer"


def _computes(module: nn.Module, product: Product) -> bool:
    weight = module._parameters[product.weight]
    assert weight is not None
    n, k = weight.T.shape if product.turned else weight.shape
    few = min(k, _FEW)

    def parameters(generator: torch.Generator) -> dict[str, nn.Parameter | None]:
        made = dict.fromkeys(module._parameters)
        shape = (few, n) if product.turned else (n, few)
        made[product.weight] = _random(shape, generator)
        if product.bias is not None:
            made[product.bias] = _random((n,), generator)
        return made

    def expected(x: Tensor, **tensors: Any) -> Tensor:
        w = tensors[product.weight]
        bias = None if product.bias is None else tensors[product.bias]
        return functional.linear(x, w.T if product.turned else w, bias)

    shapes = ((3, few), (2, 5, few))
    pairs = tried(module, expected, [_normal(shape) for shape in shapes], parameters)
    return all(close(got, exact, 1e-5, 1e-5) for got, exact in pairs)


def _random(shape: tuple[int, ...], generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape, generator=generator), requires_grad=False)


def _normal(shape: tuple[int, ...]) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: torch.randn(shape, generator=generator)
