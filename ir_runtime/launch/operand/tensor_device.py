"""The torch devices of the arguments of a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import MixedDeviceError

__all__ = ["places_of", "refuse_tensors_elsewhere", "settled"]

_UNNUMBERED = ("cpu", "meta")


def settled(place: torch.device) -> torch.device:
    """Return a torch device with its number: `cuda` becomes the current device, such as `cuda:0`.

    It does not start the device's runtime: before the start, the current device is number 0.
    """
    if place.type in _UNNUMBERED:
        return torch.device(place.type)
    if place.index is not None:
        return place
    module = getattr(torch, place.type, None)
    started = getattr(module, "is_initialized", None)
    index = module.current_device() if module is not None and started and started() else 0
    return torch.device(place.type, index)


def places_of(values: Sequence[Any]) -> set[torch.device]:
    """Return the devices of the tensors among `values`.

    torch treats a 0-d tensor on the CPU as a number, so it may be used with tensors of any device.
    """
    tensors = [value for value in values if isinstance(value, Tensor)]
    decisive = [t for t in tensors if t.dim() or t.device.type != "cpu"]
    return {settled(tensor.device) for tensor in decisive or tensors}


def refuse_tensors_elsewhere(name: str, values: Sequence[Any], place: torch.device) -> None:
    """Refuse a call with tensors on another device than the one it runs on.

    Raises:
        MixedDeviceError: a tensor is on another torch device than `place`.
    """
    numbers_only = not any(isinstance(v, Tensor) and v.dim() for v in values)
    others = places_of(values) - {settled(place)}
    if others and not (numbers_only and others == {torch.device("cpu")}):
        found = ", ".join(sorted(str(other) for other in others))
        raise MixedDeviceError(f"{name}: tensors on {found}, must be on {settled(place)}")
