"""The platform of layers: the kind of machine that they are made for."""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from ir_runtime.errors import ArgumentError

__all__ = ["PLATFORMS", "dispatch_keys", "platform_name", "use_platform"]

_KEYS = {
    "cpu": ("CPU",),
    "cuda": ("CPU", "CUDA"),
    "hip": ("CPU", "CUDA"),
    "xpu": ("CPU", "XPU"),
    "tpu": ("CPU", "XLA"),
    "vulkan": ("CPU", "Vulkan"),
    "oot": ("CPU", "PrivateUse1"),
}
PLATFORMS = tuple(_KEYS)
"""The platforms for which a layer may have a `forward_<platform>`; `oot` is outside of torch."""

_chosen: ContextVar[str | None] = ContextVar("ir_runtime_platform", default=None)


def platform_name() -> str:
    """Return the platform of this context, else the platform of torch's accelerator."""
    return _chosen.get() or _platform_of_torch()


@functools.cache
def _platform_of_torch() -> str:
    if torch.cuda.is_available():
        return "cuda" if torch.version.hip is None else "hip"
    if torch.xpu.is_available():
        return "xpu"
    if torch._C._get_privateuse1_backend_name() != "privateuseone":
        return "oot"
    return "cpu"


@contextmanager
def use_platform(platform: str) -> Generator[None]:
    """Make the layers in a `with` block for another platform.

    Raises:
        ArgumentError: no platform has this name.
    """
    if platform not in PLATFORMS:
        raise ArgumentError(f"platform {platform!r}: is not known, must be {', '.join(PLATFORMS)}")
    token = _chosen.set(platform)
    try:
        yield
    finally:
        _chosen.reset(token)


def dispatch_keys() -> tuple[str, ...]:
    """Return torch's dispatch keys of the platform: the CPU's, and the accelerator's if any."""
    return _KEYS[platform_name()]
