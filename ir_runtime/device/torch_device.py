"""Find the device that runs calls on the tensors of a `torch.device`."""

from __future__ import annotations

import torch

from ir_runtime.device.device import Device
from ir_runtime.device.driver import Driver
from ir_runtime.device.driver_table import DRIVERS, driver_for_torch
from ir_runtime.errors import UnsupportedTorchDeviceError

__all__ = ["driver_of_torch", "get_device_from_torch", "lookup_device_from_torch"]


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
    if not create:
        return next((d for d in Device.opened() if _serves(d, driver, torch_device)), None)
    return Device.at_place(driver.place_for_torch(torch_device))


def _serves(device: Device, driver: Driver, torch_device: torch.device) -> bool:
    served = device.device_state.torch_device
    same_index = torch_device.index is None or served == torch_device
    return device.driver is driver and served is not None and same_index


def driver_of_torch(torch_device: torch.device) -> Driver:
    """Return the driver for tensors of a torch device.

    Raises:
        UnsupportedTorchDeviceError: no driver serves it.
    """
    driver = driver_for_torch(torch_device)
    if driver is None:
        served = ", ".join(sorted({driver.torch_type for driver in DRIVERS}))
        raise UnsupportedTorchDeviceError(
            f"torch device {torch_device}: no driver serves it, must be one of {served}"
        )
    return driver


def get_device_from_torch(torch_device: torch.device) -> Device:
    """Return the calling thread's device for a torch device.

    Raises:
        UnsupportedTorchDeviceError: no driver serves it.
    """
    return Device.at_place(driver_of_torch(torch_device).place_for_torch(torch_device))
