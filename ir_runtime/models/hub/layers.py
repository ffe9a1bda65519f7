"""The layers that HuggingFace's `kernels` gives to modules: each asks what the module computes.

A name such as `RMSNorm` marks a module, and does not say what it computes: a class with that name
may round elsewhere, or have its epsilon outside of the root. So a layer recognises the module in
its first call, and computes as the module's class does if no op computes the same.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import IrOp
from ir_runtime.models.activation import Activation, activation_of
from ir_runtime.models.forward import is_mixed
from ir_runtime.models.hub.halves import halves_of
from ir_runtime.models.norm import looks_like_norm, norm_of
from ir_runtime.models.rotary import Rotate, rotate_as, rotates_by_halves

__all__ = ["FUNCTIONS", "LAYERS"]

_log = logging.getLogger("ir_runtime.models")

_FOUND = "_found_by_ir_runtime"
"""The attribute of a module that remembers what was found."""

_OPS = {
    name: IrOp.registry[name]
    for name in (
        *("rms_norm", "gemma_rms_norm", "layer_norm"),
        *("silu", "gelu", "quick_gelu", "silu_and_mul", "gelu_and_mul"),
    )
}
"""A graph guards this table, and not the registry, which grows while ops are loaded."""

_Found = tuple[str, tuple[Any, ...]] | str
"""The name of an op and its settings; or why no op computes the module."""


def _remembered(module: nn.Module, find: Callable[[nn.Module], _Found]) -> _Found:
    """Return what is found of a module with the forward of its class; it is looked at once."""
    found = vars(module).get(_FOUND)
    if found is None:
        plain = copy.copy(module)
        plain.__dict__.pop("forward", None)
        found = module.__dict__[_FOUND] = find(plain)
        if isinstance(found, str):
            _log.warning("%s computes as before: %s", type(module).__name__, found)
    return found


def _find_norm(module: nn.Module) -> _Found:
    norm = norm_of(module) if looks_like_norm(module) else "it does not look like a norm"
    if isinstance(norm, str):
        return norm
    # A graph reads the epsilon from the module, so that it is guarded.
    named = [n for n, v in vars(module).items() if type(v) is float and v == norm.epsilon]
    if len(named) != 1:
        return f"its epsilon is in {len(named)} attributes, must be in one"
    return norm.op, (named[0], *norm.weights)


def _find_activation(module: nn.Module) -> _Found:
    found = activation_of(module)
    return _as_found(found or "it computes another function than gelu, quick_gelu and silu")


def _find_halves(module: nn.Module) -> _Found:
    return _as_found(halves_of(module))


def _as_found(found: Activation | str) -> _Found:
    return found if isinstance(found, str) else (found.op, found.settings)


# A graph calls these while it is traced.
_norm = torch.compiler.assume_constant_result(lambda module: _remembered(module, _find_norm))
_element = torch.compiler.assume_constant_result(
    lambda module: _remembered(module, _find_activation)
)
_halves = torch.compiler.assume_constant_result(lambda module: _remembered(module, _find_halves))


class Norm(nn.Module):
    """A norm over the last dimension, with the weights and the epsilon of the module."""

    can_torch_compile = True
    has_backward = True

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Compute the norm of rows `[*, features]`."""
        found = _norm(self)
        if isinstance(found, str):
            return type(self).forward(self, hidden_states)
        op, (epsilon, *names) = found
        weights: list[Any] = [getattr(self, name) for name in names] or [None]
        if names and is_mixed(hidden_states, weights[0]):
            return type(self).forward(self, hidden_states)
        return _OPS[op](hidden_states, *weights, getattr(self, epsilon))


class Elementwise(nn.Module):
    """A function of elements."""

    can_torch_compile = True
    has_backward = True

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that models have
        """Compute each element."""
        found = _element(self)
        if isinstance(found, str):
            return type(self).forward(self, input)
        return _OPS[found[0]](input, *found[1])


class Halves(nn.Module):
    """An activation of the first half of a row, times the second half."""

    can_torch_compile = True
    has_backward = True

    def forward(self, x: Tensor) -> Tensor:
        """Compute rows `[*, 2 * features]` to `[*, features]`."""
        found = _halves(self)
        if isinstance(found, str):
            return type(self).forward(self, x)
        return _OPS[found[0]](x, *found[1])


class Rotary(nn.Module):
    """The rotation of queries and keys; graphs and gradients have that of the model."""

    can_torch_compile = True
    has_backward = True

    def forward(
        self, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Rotate `[b, h, s, d]` by angles `[b, s, d]`."""
        if torch.compiler.is_compiling():
            return type(self).forward(self, q, k, cos, sin, unsqueeze_dim)
        return _rotation(type(self))(q, k, cos, sin, unsqueeze_dim)


@lru_cache(64)
def _rotation(kind: type[nn.Module]) -> Rotate:
    """Return the rotation in place of a function, which `kernels` makes a class of its own."""
    before: Any = kind()
    if rotates_by_halves(before):
        return rotate_as(before)
    _log.warning("a rotation computes as before: it is another one than the op's")
    return before


LAYERS: dict[str, type[nn.Module]] = {
    "RMSNorm": Norm,
    "RMSNormZeroCentered": Norm,
    "LayerNorm": Norm,
    "GeLU": Elementwise,
    "GeluTanh": Elementwise,
    "NewGELU": Elementwise,
    "FastGELU": Elementwise,
    "QuickGELU": Elementwise,
    "SiluAndMul": Halves,
    "GeluAndMul": Halves,
    "GeluTanhAndMul": Halves,
}
"""By the names with which models of transformers, and layers of the hub, mark modules."""

FUNCTIONS: dict[str, type[nn.Module]] = {"rotary_pos_emb": Rotary}
"""By the names with which they mark functions; for tensors on the CPU."""
