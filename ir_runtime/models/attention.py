"""Attention: modules that ask transformers' `AttentionInterface` for the function to call."""

from __future__ import annotations

import copy
import inspect
from types import FunctionType
from typing import Any

import torch
from torch import nn

from ir_runtime.ir import IrOp
from ir_runtime.models.attend import ATTENTION, CAUSAL, ENCODER, attend
from ir_runtime.models.change import Change
from ir_runtime.models.found import Found, Place, Request
from ir_runtime.models.provider import provider_of
from ir_runtime.models.report import Left, Replaced

__all__ = ["asks_interface", "find_attention"]

_INTERFACE = "ALL_ATTENTION_FUNCTIONS"
_SETTING = "_attn_implementation_internal"


class _OwnConfig:
    """A configuration of one attention module, in which the interface finds our function.

    The model keeps its own configuration, which says how masks are made, and which it may share
    with other models.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._before: Any = None

    def apply(self) -> None:
        _register()
        self._before = self._module.__dict__["config"]
        config = copy.copy(self._before)
        setattr(config, _SETTING, ATTENTION)
        self._module.__dict__["config"] = config

    def check(self, state_dict: Any) -> None:
        """Accept: nothing was freed."""

    def revert(self, state_dict: Any) -> None:
        del state_dict
        if self._before is not None:
            self._module.__dict__["config"] = self._before


def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, attend)


def asks_interface(module: nn.Module) -> bool:
    """Tell whether a module asks the interface for the function that attends."""
    function = inspect.unwrap(type(module).forward)
    return isinstance(function, FunctionType) and _INTERFACE in function.__code__.co_names


def find_attention(place: Place, request: Request) -> Found | Left | None:
    """Recognise a module that calls attention by the interface; None if a module does not."""
    del request
    module = place.module
    if not asks_interface(module):
        return None
    reason = _why_not(module)
    if reason is not None:
        return place.left("attention", reason)
    name = CAUSAL if getattr(module, "is_causal", True) else ENCODER
    if name not in IrOp.registry.names():
        return place.left("attention", f"the op {name} is not registered")

    def changes() -> list[Change]:
        return [_OwnConfig(module)]

    replaced = Replaced(place.path, "attention", place.called, name, _provider(module, name))
    return Found(replaced, changes)


def _provider(module: nn.Module, name: str) -> str:
    """Return the provider of a call with one token, of the size and dtype of the module."""
    weight = next(module.parameters(), None)
    size = getattr(module, "head_dim", None) or getattr(module, "attention_head_size", 64)
    heads = torch.zeros(1, 1, 1, size, dtype=None if weight is None else weight.dtype)
    return provider_of(IrOp.registry[name], heads, heads, heads)


def _why_not(module: nn.Module) -> str | None:
    """Return why the interface cannot have our function for a module."""
    config = vars(module).get("config")
    present = getattr(config, "_attn_implementation", None)
    if present == ATTENTION:
        return "the model asks for it already"
    if present not in ("eager", "sdpa"):
        return f"the model asks for {present!r}, which has masks of its own"
    return None
