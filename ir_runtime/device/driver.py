"""The members that each driver must have: the seam between torch tensors and HAL devices."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

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
        family: the device family, with which keys of device types start; its devices share
            binaries.
        names: IREE driver names that this class serves.
        torch_type: the `torch.device.type` of tensors in its memory; `cpu` for CPU drivers, and
            for devices that torch does not know.
        zero_copy: whether CPU tensors are used in place.
        host_flags: compiler flags for kernels that launch without IREE's VM; empty if none do.
        dlpack_device_type_code: the code of its memory in DLPack.
        named_targets: the targets that code can be compiled for, by name.
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
        """Return the targets whose code runs on a device; new code is compiled for the first."""
        ...

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return what a device lacks to run code of a target of this driver, if that is known."""
        ...

    def launch_library(self) -> str | None:
        """Return the library through which kernels are launched without IREE; None if by none."""
        ...

    def targets_of(self, torch_device: torch.device) -> tuple[Target, ...]:
        """Return the targets whose code runs on a torch device, without opening it in IREE."""
        ...

    def serves(self, torch_device: torch.device) -> bool:
        """Tell whether calls on tensors of `torch_device` run here by default."""
        ...

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        """Open the place for `torch_device` and torch's current stream on it."""
        ...

    def torch_device(self, place: HalPlace) -> torch.device:
        """Return the torch device of the tensors that a place takes and returns."""
        ...

    def wait_for_torch(self, state: OpenDevice) -> None:
        """Wait until a launch can no longer overtake the work that torch has enqueued."""
        ...

    def current(self, state: OpenDevice) -> AbstractContextManager[Any]:
        """Return a context in which the calling thread may allocate and launch on a device."""
        ...

    def import_tensor(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """Give a program a tensor to read."""
        ...

    def import_scratch(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """Give a program a copy of a tensor, which it may change in any way."""
        ...

    def import_destination(
        self, state: OpenDevice, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        """Give a program a buffer for the result that goes into `tensor`.

        `transfers` tells whether the program may write the buffer by copies and fills.
        """
        ...

    def finish_destination(self, state: OpenDevice, view: HalBufferView, tensor: Tensor) -> None:
        """After the launch, copy the buffer into `tensor`, unless it is the tensor's own memory."""
        ...

    def export_tensor(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        """Return a result as a tensor of the shape and dtype of `like`, a meta tensor."""
        ...
