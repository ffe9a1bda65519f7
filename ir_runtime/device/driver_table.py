"""The table of all drivers; finds a driver by name or by torch device."""

from __future__ import annotations

import torch

from ir_runtime.device.cuda import CudaDriver
from ir_runtime.device.driver import Driver
from ir_runtime.device.hip import HipDriver
from ir_runtime.device.local import LocalDriver
from ir_runtime.device.vulkan import VulkanDriver
from ir_runtime.errors import DeviceError

__all__ = ["DRIVERS", "driver_for_torch", "driver_named"]

DRIVERS: tuple[Driver, ...] = (LocalDriver(), CudaDriver(), HipDriver(), VulkanDriver())


def driver_named(name: str) -> Driver:
    """Return the driver that serves an IREE driver name or device URI.

    Raises:
        DeviceError: no driver has this name.
    """
    name = name.partition("://")[0]
    for driver in DRIVERS:
        if name in driver.names:
            return driver
    served = ", ".join(name for driver in DRIVERS for name in driver.names)
    raise DeviceError(f"driver {name!r}: not served by ir_runtime, must be one of {served}")


def driver_for_torch(torch_device: torch.device) -> Driver | None:
    """Return the driver for tensors of a torch device, None if there is none."""
    return next((driver for driver in DRIVERS if driver.serves(torch_device)), None)
