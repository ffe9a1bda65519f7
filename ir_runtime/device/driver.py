"""What must a driver offer, and which drivers are there?  One file a driver, one row here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from ir_runtime.device.local import LocalDriver
from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from iree.runtime import HalBufferView, HalDevice

__all__ = ["DRIVERS", "Driver", "driver_for_torch", "driver_named"]


class Driver(Protocol):
    """The seam between torch tensors and the HAL devices of one kind of hardware.

    Attributes:
        family: what device type keys start with; binaries are shared within a family.
        names: IREE driver names that this class serves.
        torch_types: `torch.device.type` values that it serves.
        dlpack_device_type_code: the code of its memory in DLPack.
    """

    family: str
    names: tuple[str, ...]
    torch_types: tuple[str, ...]
    dlpack_device_type_code: int

    def target_flags(self) -> tuple[str, ...]: ...
    def uri_for_torch(self, torch_device: torch.device) -> str: ...
    def import_tensor(self, hal: HalDevice, tensor: Tensor) -> HalBufferView: ...
    def import_destination(self, hal: HalDevice, tensor: Tensor) -> HalBufferView: ...
    def export_tensor(self, hal: HalDevice, view: HalBufferView, like: Tensor) -> Tensor: ...


DRIVERS: tuple[Driver, ...] = (LocalDriver(),)


def driver_named(name: str) -> Driver:
    """Return the driver that serves the IREE driver `name`.

    Raises:
        DeviceError: none does.
    """
    for driver in DRIVERS:
        if name in driver.names:
            return driver
    served = ", ".join(name for driver in DRIVERS for name in driver.names)
    raise DeviceError(f"driver {name!r}: not served by ir_runtime, must be one of {served}")


def driver_for_torch(torch_device: torch.device) -> Driver | None:
    """Return the driver that serves a torch device, None if there is none."""
    for driver in DRIVERS:
        if torch_device.type in driver.torch_types:
            return driver
    return None
