"""The one device that the tensors of a call live on, or the error that names where each one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import MixedDeviceError

__all__ = ["call_device", "check_devices"]


def call_device(op_name: str, arg_names: Sequence[str], args: Sequence[Any]) -> torch.device | None:
    """Return the device of all tensors of a call, None if there are no tensors.

    Raises:
        MixedDeviceError: they are on several devices; the message lists them.
    """
    return _one_device(op_name, _placed(arg_names, args))


def check_devices(op_name: str, arg_names: Sequence[str], args: Sequence[Any]) -> None:
    """Refuse tensors on several devices; a 0-d CPU tensor may be used with tensors of a GPU.

    Raises:
        MixedDeviceError: they are on several devices; the message lists them.
    """
    placed = _placed(arg_names, args)
    if len({t.device for _, t in placed}) > 1:
        others = [(n, t) for n, t in placed if t.ndim or t.device.type != "cpu"]
        _one_device(op_name, placed if len({t.device for _, t in others}) > 1 else others)


def _placed(arg_names: Sequence[str], args: Sequence[Any]) -> list[tuple[str, Tensor]]:
    placed: list[tuple[str, Tensor]] = []
    for name, value in zip(arg_names, args, strict=True):
        listed = value if isinstance(value, list | tuple) else (value,)
        placed += [(name, tensor) for tensor in listed if isinstance(tensor, Tensor)]
    return placed


def _one_device(op_name: str, placed: Sequence[tuple[str, Tensor]]) -> torch.device | None:
    found: dict[torch.device, str] = {}
    for name, tensor in placed:
        found.setdefault(tensor.device, f"`{name}` on {tensor.device}")
    if len(found) > 1:
        where = ", ".join(found.values())
        raise MixedDeviceError(f"{op_name}: {where}, must all be on one device")
    return next(iter(found), None)
