"""Which device runs what torch holds on a given `torch.device`?"""

from __future__ import annotations

import torch

from ir_runtime.device.device import Device
from ir_runtime.device.driver import DRIVERS, driver_for_torch
from ir_runtime.errors import UnsupportedTorchDeviceError

__all__ = ["get_device_from_torch", "lookup_device_from_torch"]


def lookup_device_from_torch(torch_device: torch.device, *, create: bool = True) -> Device | None:
    """Return the calling thread's device for a torch device and torch's current stream on it.

    Args:
        torch_device: where the tensors live.
        create: whether a device may be opened for it.

    Returns:
        None if no driver serves the torch device, or if none is open and `create` is False.
    """
    driver = driver_for_torch(torch_device)
    if driver is None:
        return None
    if not create and not any(Device.is_open(name) for name in driver.names):
        return None
    return Device.at_place(driver.place_for_torch(torch_device), torch_device)


def get_device_from_torch(torch_device: torch.device) -> Device:
    """Return the calling thread's device for a torch device.

    Raises:
        UnsupportedTorchDeviceError: no driver serves it.
    """
    device = lookup_device_from_torch(torch_device)
    if device is None:
        served = ", ".join(sorted({driver.torch_type for driver in DRIVERS}))
        raise UnsupportedTorchDeviceError(
            f"torch device {torch_device}: no driver serves it, must be one of {served}"
        )
    return device
