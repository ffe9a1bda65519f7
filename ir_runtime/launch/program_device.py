"""The device that a call of a program runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.device import Device, get_device_from_torch
from ir_runtime.errors import ArgumentError, MixedDeviceError
from ir_runtime.launch.operand.launch_type import local_uri_for_work
from ir_runtime.launch.operand.tensor_device import places_of, refuse_tensors_elsewhere, settled
from ir_runtime.settings import current_settings

__all__ = ["device_of", "device_of_call", "gpu_of_call"]


def device_of(device: torch.device | str | Device) -> Device:
    """Return the device that stands for a torch device, or for its name."""
    if isinstance(device, Device):
        return device
    where = torch.device(device)
    return Device("local-sync") if where.type == "cpu" else get_device_from_torch(where)


def gpu_of_call(
    name: str, args: Sequence[Any], device: torch.device | str | Device | None
) -> torch.device | None:
    """Return the GPU of torch's that a call may be launched on directly, None if there is none.

    Args:
        name: the program's name, for messages.
        args: all operands.
        device: the device that the caller asks for; None for that of the tensors.

    Raises:
        ArgumentError: nothing tells the device.
        MixedDeviceError: the tensors are on several devices, or not on the one asked for.
    """
    if isinstance(device, Device) or current_settings().launch == "vm":
        return None
    if device is None:
        where = _common_device(name, args)
    else:
        where = torch.device(device)
        refuse_tensors_elsewhere(name, args, where)
    return settled(where) if not isinstance(where, Device) and where.type == "cuda" else None


def device_of_call(
    name: str, args: Sequence[Any], device: torch.device | str | Device | None
) -> tuple[Device, bool]:
    """Return the device of a call, and whether it is the CPU's default.

    Args:
        name: the program's name, for messages.
        args: all operands.
        device: the device that the caller asks for; None for that of the tensors.

    Raises:
        ArgumentError: nothing tells the device.
        MixedDeviceError: the tensors are on several devices, or not on the one asked for.
    """
    empty = any(a.numel() == 0 for a in args if isinstance(a, Tensor))
    if device is None:
        device = _common_device(name, args)
    elif not isinstance(device, Device):
        device = torch.device(device)
        refuse_tensors_elsewhere(name, args, device)
    if isinstance(device, Device):  # IREE's worker pool crashes on an empty grid
        on_pool = device.driver_id == "local-task" and empty
        return Device("local-sync") if on_pool else device, False
    if device.type == "cpu":
        return Device(local_uri_for_work(_size_bytes(args), has_empty=empty)), True
    return get_device_from_torch(device), False


def _common_device(name: str, args: Sequence[Any]) -> torch.device | Device:
    """Return the device of the tensors, or the current `Device` if it can run on them."""
    places = places_of(args)
    if len(places) > 1:
        found = ", ".join(sorted(str(place) for place in places))
        raise MixedDeviceError(f"{name}: tensors on {found}, must be on one device")
    where = next(iter(places), torch.device("cpu"))
    chosen = Device.chosen_for(where)
    if chosen is None and not places:
        raise ArgumentError(
            f"{name}: no tensor among the arguments, must have one to tell the device",
            fix="pass device=, or call it in `with Device(...):`",
        )
    return chosen or where


def _size_bytes(args: Sequence[Any]) -> int:
    return sum(a.numel() * a.element_size() for a in args if isinstance(a, Tensor))
