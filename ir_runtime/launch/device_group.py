"""A group of devices that a program uses as one place."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device import Device, DeviceState
from ir_runtime.device.instance import keep_open, on_exit
from ir_runtime.errors import (
    ArgumentError,
    DeviceError,
    UnsupportedTorchDeviceError,
    UnsupportedTypeError,
)
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.launch.operand.tensor_device import settled
from ir_runtime.launch.vm.signature import Slot

if TYPE_CHECKING:
    from iree.runtime import HalBufferView, HalDevice, VmInstance, VmModule

__all__ = ["DeviceGroup", "open_devices"]

_TARGET = "--iree-hal-target-device="
_POOL, _CALLER = "local-task", "local-sync"
_lock = fork_safe_lock()
_separate: dict[tuple[Any, ...], HalDevice] = {}


@on_exit
def _close_devices() -> None:
    _separate.clear()


class DeviceGroup:
    """The devices of one program, in the order of their numbers in the program.

    Attributes:
        devices: one or more.
        uri: their URIs.
        instance_cache_key: differs between two groups.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = tuple(devices)
        self.uri = ", ".join(device.uri for device in devices)
        self.instance_cache_key = ", ".join(device.instance_cache_key for device in devices)

    @property
    def hal_device(self) -> HalDevice:
        """The HAL device that makes the fences of a launch."""
        return self.devices[0].hal_device

    @property
    def vm_instance(self) -> VmInstance:
        """The VM instance of all of them."""
        return self.devices[0].vm_instance

    @property
    def type_cache_key(self) -> str:
        """The device types of the group, as they enter the key of a binary."""
        families = "+".join(device.driver.family for device in self.devices)
        return f"{families}:{';'.join(self.compile_target_flags)}"

    @property
    def weaker_types(self) -> list[str]:
        """The device types of code that the group runs, too, the best first."""
        families = "+".join(device.driver.family for device in self.devices)
        most = max(len(device.targets) for device in self.devices)
        return [f"{families}:{';'.join(self._flags_at(i))}" for i in range(1, most)]

    @property
    def compile_target_flags(self) -> tuple[str, ...]:
        """Compiler flags that make `@__device_0`, `@__device_1`, ... these devices, in order."""
        return self._flags_at(0)

    def _flags_at(self, rank: int) -> tuple[str, ...]:
        """Return the flags of each device's target of a rank, of its last one if it has less."""
        seen: Counter[str] = Counter()
        targets: list[str] = []
        others: list[str] = []
        for device in self.devices:
            for flag in device.targets[min(rank, len(device.targets) - 1)].flags:
                if flag.startswith(_TARGET):
                    targets.append(f"{flag}[{seen[flag]}]")
                    seen[flag] += 1
                elif flag not in others:
                    others.append(flag)
        return (*targets, *others)

    def create_hal_module(self) -> VmModule:
        """Return a new HAL module over all the devices.

        Raises:
            DeviceError: IREE cannot join them; a Vulkan device of IREE 3.13 joins no other device.
        """
        from iree.runtime import create_hal_module

        handles = [device.hal_device for device in self.devices]
        try:
            return create_hal_module(self.vm_instance, devices=handles)
        except Exception as error:
            raise DeviceError(
                f"devices {self.uri}: IREE cannot join them for one program", facts=[str(error)]
            ) from error

    def setup_iree_action(self) -> None:
        """Wait until a launch cannot overtake the work that torch has enqueued so far."""
        for device in self.devices:
            device.setup_iree_action()

    def finalize_iree_action(self) -> None:
        """Make the results of a launch safe for torch to use."""
        for device in self.devices:
            device.finalize_iree_action()

    def on_calling_thread(self) -> DeviceGroup:
        """Return the group with `local-sync` in place of each `local-task`."""
        if not any(device.driver_id == _POOL for device in self.devices):
            return self
        return DeviceGroup([Device(_CALLER) if d.driver_id == _POOL else d for d in self.devices])

    def import_tensor(self, slot: Slot, tensor: Tensor) -> HalBufferView:
        """Bring an argument to the device where the program wants it.

        This is the device that the program declares, else the device that holds the tensor, else,
        for a tensor on the CPU, the first device.

        Raises:
            UnsupportedTorchDeviceError: the tensor is on a device outside of the group.
        """
        return self._device_for(slot, tensor).import_torch_tensor(tensor)

    def import_scratch(self, slot: Slot, tensor: Tensor) -> HalBufferView:
        """Bring a copy of an argument to its device; the program may change the copy."""
        return self._device_for(slot, tensor).import_scratch(tensor)

    def _device_for(self, slot: Slot, tensor: Tensor) -> Device:
        if slot.device_index is not None and slot.device_index < len(self.devices):
            return self.devices[slot.device_index]
        place = settled(tensor.device)
        for device in self.devices:
            if _holds(device, place):
                return device
        if place.type == "cpu":
            return self.devices[0]
        raise UnsupportedTorchDeviceError(
            f"a tensor on {place}: none of {self.uri} is there, one must be"
        )

    def export_tensor(self, slot: Slot, view: HalBufferView, like: Tensor) -> Tensor:
        """Take a result from the device that the program declares for it, else the first."""
        index = slot.device_index or 0
        device = self.devices[index if index < len(self.devices) else 0]
        return device.export_torch_tensor(view, like)


def _holds(device: Device, place: torch.device) -> bool:
    own = device.device_state.torch_device
    return place.type == device.driver.torch_type if own is None else settled(own) == place


def open_devices(
    devices: Sequence[str | Device], runtime_flags: Sequence[str] = ()
) -> tuple[Device, ...]:
    """Return the devices for a list of URIs and devices; a repeated URI means another device.

    Args:
        devices: at least one.
        runtime_flags: flags of IREE's runtime, such as `--task_topology_group_count=2`. They hold
            for the whole process from here on; new devices are made, so that they see the flags.

    Raises:
        ArgumentError: there is none, or a flag is not known or comes too late.
        UnsupportedTypeError: one is neither a URI nor a device.
        DeviceError: one does not exist.
    """
    if isinstance(devices, str | Device) or not devices:
        found = "empty" if not devices else f"the {type(devices).__name__} {devices}"
        raise ArgumentError(f"devices: {found}, must be a list of URIs or devices")
    for device in devices:
        if not isinstance(device, str | Device):
            raise UnsupportedTypeError(
                f"devices: holds a {type(device).__name__}, must hold URIs or devices"
            )
    if runtime_flags:
        return _open_with_flags(devices, runtime_flags)
    from iree.runtime import get_driver

    opened: list[Device] = []
    for item in devices:
        device = item if isinstance(item, Device) else Device(item)
        repeats = sum(known.uri == device.uri for known in opened)
        if repeats and not isinstance(item, Device):
            device = _separate_device(device.uri, get_driver, (repeats,))
        opened.append(device)
    return tuple(opened)


def _open_with_flags(devices: Sequence[str | Device], flags: Sequence[str]) -> tuple[Device, ...]:
    from iree.runtime import _binding
    from iree.runtime.flags import parse_flags

    for device in devices:
        if isinstance(device, Device):
            raise ArgumentError(
                f"runtime_flags: too late for {device!r}, which is open, must come with URIs",
                fix=f"pass {device.uri!r}",
            )
    for flag in (flags,) if isinstance(flags, str) else flags:
        if isinstance(flags, str) or not flag.startswith("--") or flag.startswith("--help"):
            raise ArgumentError(f"runtime_flags: {flag!r}, must be a list of '--name=value'")
    with _lock:
        try:
            parse_flags(*flags)
        except ValueError as error:
            raise ArgumentError(
                f"runtime_flags: {' '.join(flags)} is refused, must be flags of IREE's runtime",
                facts=[str(error)],
            ) from error
        # A driver reads the flags only when it is made, so the shared one cannot be used.
        new_driver = functools.cache(_binding.create_hal_driver)
        return tuple(
            _separate_device(str(uri), new_driver, (i, *flags)) for i, uri in enumerate(devices)
        )


def _separate_device(uri: str, driver_of: Callable[[str], Any], which: tuple[Any, ...]) -> Device:
    """Return a device with its own HAL device, separate from the one that the process shares.

    Args:
        uri: the URI to open.
        driver_of: makes the driver with a given name.
        which: identifies one of the separate devices of a URI; each is opened only once.
    """
    state = DeviceState.from_uri(uri)
    with _lock:
        hal = _separate.get((uri, *which))
        if hal is None:
            try:
                driver = driver_of(uri.partition("://")[0])
                hal = (
                    driver.create_device_by_uri(uri)
                    if "://" in uri
                    else driver.create_default_device()
                )
            except Exception as error:
                raise DeviceError(
                    f"device {uri!r}: cannot be created", facts=[str(error)]
                ) from error
            keep_open(hal)
            _separate[uri, *which] = hal
    keep_open(hal)
    state.device = hal
    return Device(device_state=state)
