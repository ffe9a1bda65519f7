"""The members that each driver must have: the seam between torch tensors and HAL devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from ir_runtime.device.place import HalPlace
from ir_runtime.device.target import NamedTargets, Target

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.open_device import OpenDevice

__all__ = ["Driver"]


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
        named_targets: what code is compiled for, by name.
    """

    family: str
    names: tuple[str, ...]
    torch_type: str
    zero_copy: bool
    host_flags: tuple[str, ...]
    dlpack_device_type_code: int
    named_targets: NamedTargets

    def prepare(self) -> None:
        """Get ready for the driver's first use in this process."""
        ...

    def targets(self, state: OpenDevice) -> tuple[Target, ...]:
        """Return the targets whose code runs on a device, the best first; it is compiled for."""
        ...

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return what a device lacks to run code of a target of this driver, if that is known."""
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

    def wait_for_torch(self, state: OpenDevice) -> None:
        """Return when what torch enqueued before cannot be overtaken by a launch."""
        ...

    def import_tensor(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """Give a program a tensor to read."""
        ...

    def import_scratch(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """Give a program a copy of a tensor, which it may change in every way."""
        ...

    def import_destination(
        self, state: OpenDevice, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        """Give a program a buffer for a result that goes into `tensor`.

        `transfers`: whether the program may write it by copies and fills.
        """
        ...

    def finish_destination(self, state: OpenDevice, view: HalBufferView, tensor: Tensor) -> None:
        """After the launch, see that what was written to the buffer is in `tensor`."""
        ...

    def export_tensor(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        """Return a result as a tensor of the shape and dtype of `like`, a meta tensor."""
        ...
