"""The cache: models that keep the keys and values of earlier tokens in a `DynamicCache`."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

from torch import nn

from ir_runtime.models.attention import asks_interface
from ir_runtime.models.change import Change
from ir_runtime.models.found import Found, Place, Request
from ir_runtime.models.report import Left, Replaced

__all__ = ["GROWING", "find_cache"]

GROWING = f"{__package__}.growing_layer"
"""The module of our layer and hook; it imports transformers."""


class _Hook:
    """A hook that makes caches grow which a model is called with."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._handle: Any = None

    def apply(self) -> None:
        from ir_runtime.models.growing_layer import grow_cache

        self._handle = self._module.register_forward_pre_hook(grow_cache, with_kwargs=True)

    def check(self, state_dict: Any) -> None:
        """Accept: nothing was freed."""

    def revert(self, state_dict: Any) -> None:
        del state_dict
        if self._handle is not None:
            self._handle.remove()


def find_cache(place: Place, request: Request) -> Found | Left | None:
    """Recognise a decoder that makes a `DynamicCache` if it gets none; None if a module does not.

    Such a module is called with the cache. Only layers that keep all tokens are replaced.
    """
    del request
    module = place.module
    function = inspect.unwrap(type(module).forward)
    if not isinstance(function, FunctionType) or "DynamicCache" not in function.__code__.co_names:
        return None
    decodes = (m for m in module.modules() if asks_interface(m) and _is_causal(m))
    if next(decodes, None) is None:
        return None
    if "forward" in vars(module):
        return place.left("cache", "its forward was replaced on the instance")
    reason = _why_not(module)
    if reason is not None:
        return place.left("cache", reason)

    def changes() -> list[Change]:
        return [_Hook(module)]

    return Found(
        Replaced(place.path, "cache", place.called, "GrowingLayer", "torch"),
        changes,
    )


def _is_causal(module: nn.Module) -> bool:
    return getattr(module, "is_causal", True)


def _why_not(module: nn.Module) -> str | None:
    """Return why no layer of a model's cache can be replaced."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    try:
        layers = DynamicCache(config=module.config).layers  # pyright: ignore[reportArgumentType]
    except Exception as error:  # noqa: BLE001 - of the model's own configuration
        return f"its configuration makes no cache: {error}"
    kinds = {type(layer) for layer in layers}
    if not kinds or DynamicLayer in kinds:
        return None
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    return f"no layer of its cache keeps all tokens, as its layers are {names}"
