"""Linear layers and gates with rounded weights: a copy beside the weight, or in its place."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.errors import OptimizeError
from ir_runtime.models.forward import only
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.product import Product
from ir_runtime.models.report import Left, Replaced
from kernels_mlir.matmul.quantized_layer import PackedModule, QuantizedLinear

__all__ = [
    "Rounded",
    "has_finite",
    "provider_of_bits",
    "quantize_linear",
    "rounded_forward",
]

Make = Callable[[], PackedModule]


class Rounded:
    """A rounded copy of weights, made again when they change.

    A change is one that torch counts, another parameter, or new memory: after `load_state_dict`,
    a step of an optimiser, or `to(dtype)`. Writes to `parameter.data` are not seen.

    Args:
        make: makes the copy of the present weights.
        sources: the modules whose weights they are, and the names of these.
    """

    def __init__(self, make: Make, sources: Sequence[tuple[nn.Module, str]]) -> None:
        self._make, self._sources = make, tuple(sources)
        self._seen = self._state()
        self.module = make()

    def current(self) -> PackedModule:
        """Return the copy of the present weights; a graph that is being traced keeps the last."""
        if not torch.compiler.is_compiling():
            seen = self._state()
            if seen != self._seen:
                self.module, self._seen = self._make(), seen
        return self.module

    def _state(self) -> tuple[Any, ...]:
        found = [module._parameters[name] for module, name in self._sources]
        return tuple(
            (id(p), -1 if p.is_inference() else p._version, p.data_ptr())
            for p in found
            if p is not None
        )


def rounded_forward(rounded: Rounded) -> Callable[..., Tensor]:
    """Return a forward with rounded weights; in training the module computes as before."""

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        if self.training:
            return type(self).forward(self, x)
        return rounded.current().forward(x)

    return forward


class _Turned(QuantizedLinear):
    """A rounded layer whose float weight is `[in, out]` in state dicts."""

    def _quantized_state(self, weight: Tensor, prefix: str) -> dict[str, Tensor]:
        return super()._quantized_state(weight.T, prefix)


class _NewChild:
    """A rounded layer in place of another one, whose weights are freed.

    Args:
        place: of the layer.
        product: of the layer.
        bits: of the rounded weight.
    """

    def __init__(self, place: Place, product: Product, bits: int) -> None:
        self._place, self._product, self._bits = place, product, bits
        self._shapes: dict[str, tuple[torch.Size, torch.dtype, bool]] = {}
        self._shared: dict[str, weakref.ref[Any]] = {}

    def apply(self) -> None:
        """Round the weight, and free it if nothing else has it."""
        module = self._place.module
        kind = _Turned if self._product.turned else QuantizedLinear
        made = kind.from_linear(self._product.as_linear(module), self._bits)
        made.train(module.training)
        self._shapes = {
            name: (p.shape, p.dtype, p.requires_grad)
            for name, p in module._parameters.items()
            if p is not None
        }
        self._shared = {name: weakref.ref(module._parameters[name]) for name in self._shapes}
        assert self._place.parent is not None
        self._place.parent._modules[self._name] = made
        module._parameters.update(dict.fromkeys(self._shapes))

    @property
    def _name(self) -> str:
        return self._place.path.rpartition(".")[2]

    def check(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Refuse a state dict without the weights."""
        for name, (shape, _, _) in self._shapes.items():
            if self._shared[name]() is not None:
                continue
            key = f"{self._place.path}.{name}"
            found = None if state_dict is None else state_dict.get(key)
            fits = found is not None and found.shape == shape and found.is_floating_point()
            if not fits:
                raise OptimizeError(
                    f"undo: the weights were freed, and `state_dict` has no {key} of shape "
                    f"{list(shape)}",
                    fix="pass the state dict of the model before: report.undo(state_dict)",
                )

    def revert(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Put the layer back, with weights of the state dict."""
        self.check(state_dict)
        module, parent = self._place.module, self._place.parent
        for name in self._shapes:
            module._parameters[name] = self._restored(name, state_dict)
        assert parent is not None
        module.train(parent._modules[self._name].training)  # pyright: ignore[reportOptionalMemberAccess]
        parent._modules[self._name] = module

    def _restored(self, name: str, state_dict: Mapping[str, Tensor] | None) -> nn.Parameter:
        """Return the parameter itself if something else has it, such as an embedding."""
        shared = self._shared[name]()
        if shared is not None:
            return shared
        assert state_dict is not None
        _, dtype, needs_grad = self._shapes[name]
        values = state_dict[f"{self._place.path}.{name}"].detach().to(dtype, copy=True)
        return nn.Parameter(values, requires_grad=needs_grad)


def quantize_linear(place: Place, product: Product, request: Request) -> Found | Left:
    """Return a linear layer with a rounded weight."""
    bits, module = request.bits, place.module
    assert bits is not None
    if not has_finite(module, product.weight):
        return place.left("linear", "its weight has elements that are not finite")
    # Nothing here may keep the weight: it is freed when it is rounded.
    n, k, dtype = product.sizes(module)

    def make() -> PackedModule:
        return QuantizedLinear.from_linear(product.as_linear(module), bits)

    def changes() -> list[Change]:
        if not request.undo and place.parent is not None:
            return [_NewChild(place, product, bits)]
        rounded = Rounded(make, [(module, product.weight)])
        return [NewForward(module, rounded_forward(rounded))]

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(dtype),)

    provider = provider_of_bits(bits, dtype)
    op = f"linear_w{bits}"
    replaced = Replaced(place.path, "linear", place.called, op, provider, request.weights)
    alike = (op, n, k, dtype, product.turned)
    return Found(replaced, changes, trial=Trial(alike, module, make, rows))


def has_finite(module: nn.Module, name: str) -> bool:
    """Tell whether all elements of a weight are finite."""
    weight: Any = module._parameters[name]
    return bool(weight.detach().sum(dtype=torch.float64).isfinite())


@lru_cache(16)
def provider_of_bits(bits: int, dtype: torch.dtype) -> str:
    """Return the provider that multiplies by a rounded weight, for a small one."""
    packed = QuantizedLinear.from_linear(nn.Linear(128, 64, bias=False, dtype=dtype), bits).packed
    x = torch.zeros(1, 128, dtype=dtype)
    given = (x, packed.weight, packed.scale, *([] if bits == 8 else [packed.zero]))
    return IrOp.registry[f"linear_w{bits}"].dispatch(*given, None, None, 64, "none").provider
