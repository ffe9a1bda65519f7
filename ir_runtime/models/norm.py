"""Norms: modules whose rows are those of `rms_norm`, `gemma_rms_norm` or `layer_norm`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.frozen import frozen
from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.condition import why_not
from ir_runtime.models.forward import row_forward
from ir_runtime.models.found import Found, Place, Request, Trial
from ir_runtime.models.probe import Straight, close, numbers_of, trace_straight, tried
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced

__all__ = ["Norm", "find_norm", "norm_of"]

_ROWS = (16, 3)
_WITHOUT_WEIGHT = 64
_ROUNDED_TWICE = 2.02 * 2.0**-8
"""The error of a result of bfloat16 that was rounded before and after the weight."""
_F32 = 2e-5
_LARGEST_EPSILON = 0.1


@frozen
class Norm:
    """A norm that an op computes.

    Attributes:
        op: the name of the op.
        weights: names of the module's parameters, in the order of the op.
        epsilon: the epsilon.
        features: the length of a row, None for a norm without parameters.
    """

    op: str
    weights: tuple[str, ...]
    epsilon: float
    features: int | None

    def arguments(self, module: nn.Module) -> tuple[Any, ...]:
        """Return the arguments of the op behind the rows."""
        tensors = [getattr(module, name) for name in self.weights] or [None]
        return (*tensors, self.epsilon)


def find_norm(place: Place, request: Request) -> Found | Left | None:
    """Recognise a norm; None if a module does not look like one."""
    del request
    if not looks_like_norm(place.module):
        return None
    norm = why_not(place.module) or norm_of(place.module)
    if isinstance(norm, str):
        return place.left("norm", norm)
    module, op = place.module, IrOp.registry[norm.op]
    forward = row_forward(op, norm.weights, norm.epsilon)

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    def rows(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(1, count, norm.features or _WITHOUT_WEIGHT).to(_dtype(module)),)

    (row,) = rows(1)
    provider = provider_of(op, row, *norm.arguments(module))
    replaced = Replaced(place.path, "norm", place.called, norm.op, provider)
    alike = (norm.op, norm.epsilon, norm.features, _dtype(module))

    def after(x: Tensor) -> Tensor:
        return forward(module, x)

    return Found(replaced, changes, trial=Trial(alike, module, lambda: after, rows))


def looks_like_norm(module: nn.Module) -> bool:
    """Tell whether a module has rows of one size as its parameters, and no other state."""
    parameters = [p for p in module._parameters.values() if p is not None]
    if next(module.children(), None) is not None or module._buffers:
        return False
    if any(p.ndim != 1 for p in parameters):
        return False
    if not parameters:
        return "norm" in type(module).__name__.lower()
    return len({p.shape for p in parameters}) == 1 and len(parameters) <= 2


def _dtype(module: nn.Module) -> torch.dtype:
    return next((p.dtype for p in module.parameters(recurse=False)), torch.float32)


def norm_of(module: nn.Module) -> Norm | str:
    """Return the norm that a module computes; or why there is none."""
    straight = trace_straight(module)
    if isinstance(straight, str):
        return straight
    if len(straight.inputs) != 1:
        return f"it has {len(straight.inputs)} inputs, a norm has one"
    names = tuple(name for name, p in module._parameters.items() if p is not None)
    sizes = {p.shape[0] for p in module.parameters(recurse=False)}
    features = next(iter(sizes), None)
    for candidate in _candidates(straight, names, features):
        if _computes(module, candidate, torch.float32, _F32):
            if _computes(module, candidate, torch.bfloat16, _ROUNDED_TWICE):
                return candidate
            return f"it computes {candidate.op} in bfloat16 with more roundings than two"
    return "it computes another function than rms_norm, gemma_rms_norm and layer_norm"


def _candidates(straight: Straight, names: tuple[str, ...], features: int | None) -> Iterator[Norm]:
    ops = {0: ("rms_norm",), 1: ("rms_norm", "gemma_rms_norm"), 2: ("layer_norm",)}
    for epsilon in numbers_of(straight):
        if epsilon < _LARGEST_EPSILON:
            for op in ops.get(len(names), ()):
                yield Norm(op, names, epsilon, features)


def _computes(module: nn.Module, norm: Norm, dtype: torch.dtype, rtol: float) -> bool:
    native = IrOp.registry[norm.op].native
    n = norm.features or _WITHOUT_WEIGHT

    def parameters(generator: torch.Generator) -> dict[str, nn.Parameter | None]:
        def made() -> nn.Parameter:
            values = 1 + 0.5 * torch.randn(n, generator=generator)
            return nn.Parameter(values.to(dtype), requires_grad=False)

        return {name: None if p is None else made() for name, p in module._parameters.items()}

    def expected(x: Tensor, **tensors: Any) -> Tensor:
        given = [tensors[name] for name in norm.weights] or [None]
        return native(x, *given, norm.epsilon)

    def scaled(scale: float) -> Callable[[torch.Generator], Tensor]:
        def make(generator: torch.Generator) -> Tensor:
            rows = torch.randn(*_ROWS, n, generator=generator) + 0.3
            return (scale * rows).to(dtype)

        return make

    near = max(norm.epsilon, 1e-12) ** 0.5  # where the place of epsilon shows
    inputs = [scaled(scale) for scale in (1.0, near, 30.0, 0.0)]
    pairs = tried(module, expected, inputs, parameters)
    return all(close(got, exact, rtol, 1e-6) and got.dtype == dtype for got, exact in pairs)
