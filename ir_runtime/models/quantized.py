"""Linear layers and gates with rounded weights: a copy beside the weight, or in its place."""

from __future__ import annotations

import copy
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
    "RoundedForward",
    "has_finite",
    "provider_of_bits",
    "quantize_linear",
    "rounded_of",
]

Make = Callable[[nn.Module], PackedModule]

_ROUNDED = "_rounded_by_ir_runtime"
"""The attribute of a module that has its rounded weights."""

_Seen = tuple[str, str, int, int, int]

_UNCOUNTED = -1
"""The version of weights whose changes torch does not count: those made in inference mode."""


class Rounded:
    """A rounded copy of a module's weights, made again when they change.

    A change is one that torch counts, another parameter, or new memory: after a step of an
    optimiser, or `to(dtype)`. Writes to `parameter.data` are not seen. The numbers are written over
    the old ones, so that graphs read them, too.

    It knows no module, so that a copy of a model can have a copy of it.

    Args:
        module: whose weights they are, or those of its children.
        make: makes the copy of the module's present weights.
        sources: the weights and biases: names of the children, empty for the module itself, and
            names of the parameters.
    """

    def __init__(
        self, module: nn.Module, make: Make, sources: Sequence[tuple[str, str | None]]
    ) -> None:
        self._make, self._sources = make, tuple(sources)
        self._seen: list[_Seen] | None = self._state(module)
        self.packed = make(module)

    def current(self, module: nn.Module) -> PackedModule:
        """Return the copy of the present weights; a graph that is being traced keeps the last."""
        if not torch.compiler.is_compiling() and not self._is_current(module):
            self.renew(module)
        return self.packed

    def _is_current(self, module: nn.Module) -> bool:
        """Tell whether all weights are those that were rounded; each call asks."""
        if self._seen is None:
            return False
        for child, name, identity, version, address in self._seen:
            owner: Any = module._modules.get(child) if child else module
            found = None if owner is None else owner._parameters.get(name)
            if found is None or id(found) != identity or found.data_ptr() != address:
                return False
            if version != _UNCOUNTED and found._version != version:
                return False
        return True

    def renew(self, module: nn.Module) -> None:
        """Make the copy again from the present weights."""
        seen = self._state(module)
        self._write(module)
        self._seen = seen

    def _write(self, module: nn.Module) -> None:
        new, old = self._make(module), self.packed
        facts = [
            {name: (b.shape, b.dtype, b.device) for name, b in made.named_buffers()}
            for made in (new, old)
        ]
        if facts[0] != facts[1]:
            self.packed = new
            return
        with torch.inference_mode():  # the old ones may have been made in it
            for name, buffer in new.named_buffers():
                old.get_buffer(name).copy_(buffer)
        old._parameters.update(new._parameters)

    def _state(self, module: nn.Module) -> list[_Seen]:
        """Return child, name, identity, version and address of each present weight."""
        seen: list[_Seen] = []
        for child, name in self._sources:
            owner: Any = module._modules[child] if child else module
            found = owner._parameters.get(name)
            if name is not None and found is not None:
                version = _UNCOUNTED if found.is_inference() else found._version
                seen.append((child, name, id(found), version, found.data_ptr()))
        return seen

    def __deepcopy__(self, memo: dict[int, Any]) -> Rounded:
        """Return one for a copy of the module, which is not complete yet: it looks later."""
        twin = object.__new__(Rounded)
        twin._make, twin._sources, twin._seen = self._make, self._sources, None
        twin.packed = copy.deepcopy(self.packed, memo)
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as None: a pickled module is loaded with the forward of its class."""
        return type(None), ()


class RoundedForward(NewForward):
    """A forward with rounded weights, which a load of a state dict rounds again.

    Args:
        module: the module.
        forward: finds the weights by `rounded_of`.
        rounded: the weights.
    """

    def __init__(self, module: nn.Module, forward: Callable[..., Any], rounded: Rounded) -> None:
        super().__init__(module, forward)
        self._rounded, self._hook = rounded, None

    def apply(self) -> None:
        """Give the instance its weights and its forward."""
        self._module.__dict__[_ROUNDED] = self._rounded
        self._hook = self._module.register_load_state_dict_post_hook(_round_again)
        super().apply()

    def revert(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Take them away."""
        super().revert(state_dict)
        self._module.__dict__.pop(_ROUNDED, None)
        if self._hook is not None:
            self._hook.remove()


def _round_again(module: nn.Module, incompatible: Any) -> None:
    """Follow a load at once: a graph does not look whether weights have changed."""
    del incompatible
    rounded = vars(module).get(_ROUNDED)
    if rounded is not None:
        rounded.renew(module)


def rounded_of(module: nn.Module) -> PackedModule:
    """Return the rounded weights of a module that has a `RoundedForward`."""
    return module._rounded_by_ir_runtime.current(module)  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]


def _rounded_forward() -> Callable[..., Tensor]:
    """Return a forward with rounded weights; in training the module computes as before."""

    def forward(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        if self.training:
            return type(self).forward(self, x)
        return rounded_of(self).forward(x)

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
        for holder, name in self._place.holders:
            holder._modules[name] = made
        module._parameters.update(dict.fromkeys(self._shapes))

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
        module = self._place.module
        for name in self._shapes:
            module._parameters[name] = self._restored(name, state_dict)
        for holder, name in self._place.holders:
            module.train(holder._modules[name].training)  # pyright: ignore[reportOptionalMemberAccess]
            holder._modules[name] = module

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

    def make(owner: nn.Module) -> PackedModule:
        return QuantizedLinear.from_linear(product.as_linear(owner), bits)

    def changes() -> list[Change]:
        if not request.undo and place.holders:
            return [_NewChild(place, product, bits)]
        rounded = Rounded(module, make, [("", product.weight), ("", product.bias)])
        return [RoundedForward(module, _rounded_forward(), rounded)]

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, k).to(dtype),)

    provider = provider_of_bits(bits, dtype)
    op = f"linear_w{bits}"
    replaced = Replaced(place.path, "linear", place.called, op, provider, request.weights)
    alike = (op, n, k, dtype, product.turned)
    return Found(replaced, changes, trial=Trial(alike, module, lambda: make(module), rows))


def has_finite(module: nn.Module, name: str) -> bool:
    """Tell whether all elements of a weight are finite."""
    weight: Any = module._parameters[name]
    if not weight.numel():
        return True
    least, most = weight.detach().aminmax()  # NaN passes through both
    return bool(least.isfinite() & most.isfinite())


@lru_cache(16)
def provider_of_bits(bits: int, dtype: torch.dtype) -> str:
    """Return the provider that multiplies by a rounded weight, for a small one."""
    packed = QuantizedLinear.from_linear(nn.Linear(128, 64, bias=False, dtype=dtype), bits).packed
    x = torch.zeros(1, 128, dtype=dtype)
    given = (x, packed.weight, packed.scale, *([] if bits == 8 else [packed.zero]))
    return IrOp.registry[f"linear_w{bits}"].dispatch(*given, None, None, 64, "none").provider
