"""What must a driver offer, and which drivers are there?  One file a driver, one row here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from ir_runtime.device.cuda import CudaDriver
from ir_runtime.device.hip import HipDriver
from ir_runtime.device.local import LocalDriver
from ir_runtime.device.place import HalPlace
from ir_runtime.device.vulkan import VulkanDriver
from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.state import DeviceState

__all__ = ["DRIVERS", "Driver", "driver_for_torch", "driver_named"]


class Driver(Protocol):
    """The seam between torch tensors and the HAL devices of one kind of hardware.

    Attributes:
        family: what device type keys start with; binaries are shared within a family.
        names: IREE driver names that this class serves.
        torch_type: the `torch.device.type` whose tensors live in its memory; of the CPU drivers
            and of devices that torch does not know it is `cpu`.
        zero_copy: whether CPU tensors are used where they lie.
        host_flags: compiler flags for kernels that launch without IREE's VM; none where none do.
        dlpack_device_type_code: the code of its memory in DLPack.
    """

    family: str
    names: tuple[str, ...]
    torch_type: str
    zero_copy: bool
    host_flags: tuple[str, ...]
    dlpack_device_type_code: int

    def prepare(self) -> None:
        """Get ready for the driver's first use in this process."""
        ...

    def target_flags(self, state: DeviceState) -> tuple[str, ...]:
        """Return the compiler flags for a device, its chip spelled out."""
        ...

    def serves(self, torch_device: torch.device) -> bool:
        """Tell whether torch's tensors on `torch_device` run here unless asked otherwise."""
        ...

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        """Open the place that torch's current stream on `torch_device` leads to."""
        ...

    def torch_device(self, place: HalPlace) -> torch.device:
        """Return the torch device whose tensors a place takes and gives."""
        ...

    def wait_for_torch(self, state: DeviceState) -> None:
        """Return when what torch enqueued before cannot be overtaken by a launch."""
        ...

    def import_tensor(self, state: DeviceState, tensor: Tensor) -> HalBufferView:
        """Give a program a tensor to read."""
        ...

    def import_scratch(self, state: DeviceState, tensor: Tensor) -> HalBufferView:
        """Give a program a copy of a tensor, which it may change in every way."""
        ...

    def import_destination(
        self, state: DeviceState, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        """Give a program a buffer for a result that goes into `tensor`.

        `transfers`: whether the program may write it by copies and fills.
        """
        ...

    def finish_destination(self, state: DeviceState, view: HalBufferView, tensor: Tensor) -> None:
        """After the launch, see that what was written to the buffer is in `tensor`."""
        ...

    def export_tensor(self, state: DeviceState, view: HalBufferView, like: Tensor) -> Tensor:
        """Return a result as a tensor of the shape and dtype of `like`, a meta tensor."""
        ...


DRIVERS: tuple[Driver, ...] = (LocalDriver(), CudaDriver(), HipDriver(), VulkanDriver())


def driver_named(name: str) -> Driver:
    """Return the driver that serves an IREE driver name or device URI.

    Raises:
        DeviceError: none does.
    """
    name = name.partition("://")[0]
    for driver in DRIVERS:
        if name in driver.names:
            return driver
    served = ", ".join(name for driver in DRIVERS for name in driver.names)
    raise DeviceError(f"driver {name!r}: not served by ir_runtime, must be one of {served}")


def driver_for_torch(torch_device: torch.device) -> Driver | None:
    """Return the driver that runs what torch holds on a device, None if there is none."""
    return next((driver for driver in DRIVERS if driver.serves(torch_device)), None)
