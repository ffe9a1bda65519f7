"""Devices: where programs run, the flags they are compiled with, and how tensors get there."""

from __future__ import annotations

import functools
import hashlib
import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from ir_runtime.device.driver import Driver
from ir_runtime.device.driver_table import driver_named
from ir_runtime.device.instance import on_exit, on_fork
from ir_runtime.device.place import HalPlace
from ir_runtime.device.state import DeviceState
from ir_runtime.errors import (
    ArgumentError,
    MismatchedDeviceSetClearError,
    NoCurrentDeviceError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from iree.runtime import HalBufferView, HalDevice, HalExternalTimepoint, VmInstance, VmModule

__all__ = ["Device", "set_devices"]


class _ThreadState(threading.local):
    def __init__(self) -> None:
        self.by_uri: dict[tuple[str, int | None], Device] = {}
        self.stack: list[Device] = []


_thread = _ThreadState()
_serials = itertools.count()
_parents: list[Device] = []
set_devices: list[Device] = []
"""The current devices of all threads. While the list is empty, a call skips the search for one."""


class Device:
    """A thread's handle for a place where programs run.

    `Device("local-task")` returns the calling thread's object for that URI: `local-task`,
    `local-sync`, `vulkan`, `cuda://0`, `hip://GPU-<uuid>`. Pass a device to a `Launchable`, or make
    it current for the thread with `with device:`; calls on CPU tensors then run there.

    Attributes:
        uri: the canonical name of the place; equal for all URIs that lead to it.
        driver_id: IREE's name of the driver.
        compile_target_flags: compiler flags that select this device type, fully resolved.
        type_cache_key: the device type, on which a binary depends: device family and flags.
        instance_cache_key: differs for two places of one type, and for two streams of one place.
        import_torch_tensor: gives a program a tensor to read, as `HalBufferView`.
        import_scratch: gives a program a copy of a tensor, which it may change.
        export_torch_tensor: turns a result into a tensor with shape and dtype of a meta tensor.
    """

    uri: str
    driver_id: str
    driver: Driver
    device_state: DeviceState
    compile_target_flags: tuple[str, ...]
    type_cache_key: str
    instance_cache_key: str
    import_torch_tensor: Callable[[Tensor], HalBufferView]
    import_scratch: Callable[[Tensor], HalBufferView]
    export_torch_tensor: Callable[[HalBufferView, Tensor], Tensor]

    def __new__(  # noqa: PYI034 - the thread's object for the URI, of whatever subclass
        cls, uri: str | None = None, *, device_state: DeviceState | None = None
    ) -> Device:
        if (uri is None) == (device_state is None):
            raise ArgumentError(
                "Device: takes a uri or a device_state, must be exactly one of them"
            )
        if device_state is not None:
            return super().__new__(cls)._open(device_state, f"state{next(_serials)}")
        assert uri is not None
        known = _thread.by_uri.get((uri, None))
        if known is None:
            state = DeviceState.from_uri(uri)
            known = _thread.by_uri.get((state.uri, None))
            if known is None:
                known = super().__new__(cls)._open(state)
            _thread.by_uri[uri, None] = _thread.by_uri[state.uri, None] = known
        return known

    @classmethod
    def at_place(cls, place: HalPlace) -> Device:
        """Return the calling thread's device for an open place."""
        known = _thread.by_uri.get((place.uri, place.stream))
        if known is None:
            known = super().__new__(cls)._open(DeviceState.at_place(place))
            _thread.by_uri[place.uri, place.stream] = known
        return known

    def _open(self, state: DeviceState, serial: str = "") -> Self:
        driver = driver_named(state.driver if isinstance(state.driver, str) else repr(state.device))
        self.uri = state.uri
        self.device_state = state
        self.driver = driver
        self.driver_id = (
            state.driver.partition("://")[0] if isinstance(state.driver, str) else driver.names[0]
        )
        self.compile_target_flags = driver.target_flags(state)
        self.type_cache_key = f"{driver.family}:{';'.join(self.compile_target_flags)}"
        self.instance_cache_key = f"{state.uri}:{serial}{state.torch_stream}"
        self.import_torch_tensor = functools.partial(driver.import_tensor, state)
        self.import_scratch = functools.partial(driver.import_scratch, state)
        self.export_torch_tensor = functools.partial(driver.export_tensor, state)
        return self

    @property
    def hal_device(self) -> HalDevice:
        """The HAL device, shared by all threads."""
        return self.device_state.device

    @property
    def vm_instance(self) -> VmInstance:
        """The VM instance that the device belongs to."""
        return self.device_state.instance

    @property
    def sync(self) -> bool:
        """Whether a launch has ended when the call returns."""
        return self.device_state.torch_stream is None

    def create_hal_module(self) -> VmModule:
        """Return a new HAL module on this device, to link programs against."""
        from iree.runtime import create_hal_module

        return create_hal_module(self.vm_instance, self.hal_device)

    def setup_iree_action(self) -> None:
        """Wait until a launch can no longer overtake the work that torch has enqueued."""
        self.driver.wait_for_torch(self.device_state)

    def finalize_iree_action(self, external_timepoint: HalExternalTimepoint | None = None) -> None:
        """Do nothing: a launch has ended when it returns, so torch does not have to wait for it."""
        del external_timepoint

    def dump_device_info(self) -> str:
        """Describe the device for a person."""
        flags = "\n".join(f"  {flag}" for flag in self.compile_target_flags)
        row = "\n".join(f"  {k}: {v}" for k, v in self.device_state.enumerated_info.items())
        details = self.device_state.details.strip()
        parts = [repr(self), f"driver:\n{row}" if row else "", f"compiled for:\n{flags}", details]
        return "\n".join(part for part in parts if part)

    def get_type_key_hash(self, *, hasher: Callable[[str], str] | None = None) -> str:
        """Return a digest of `type_cache_key`: SHA-1 in hex, unless `hasher` says otherwise."""
        if hasher is not None:
            return hasher(self.type_cache_key)
        return hashlib.sha1(self.type_cache_key.encode(), usedforsecurity=False).hexdigest()

    @staticmethod
    def is_open(uri: str) -> bool:
        """Tell whether the calling thread has opened the device of `uri`."""
        return (uri, None) in _thread.by_uri

    @staticmethod
    def opened() -> tuple[Device, ...]:
        """Return the devices that the calling thread has opened."""
        return tuple(dict.fromkeys(_thread.by_uri.values()))

    @staticmethod
    def current() -> Device:
        """Return the thread's current device.

        Raises:
            NoCurrentDeviceError: no device was set on this thread.
        """
        if not _thread.stack:
            raise NoCurrentDeviceError(
                "current device: none on this thread, must be set first",
                fix="use `with device:` or device.set()",
            )
        return _thread.stack[-1]

    @staticmethod
    def chosen_for(torch_device: torch.device) -> Device | None:
        """Return the thread's current device if calls on a torch device run there, else None.

        Calls on CPU tensors and calls without tensors run on the current device. Calls on other
        tensors run on the device of their tensors.
        """
        if not set_devices or torch_device.type != "cpu" or not _thread.stack:
            return None
        return _thread.stack[-1]

    def set(self) -> None:
        """Make this the thread's current device until `clear`."""
        _thread.stack.append(self)
        set_devices.append(self)

    def clear(self) -> None:
        """Undo the last `set` of this device.

        Raises:
            NoCurrentDeviceError: no device is set on this thread.
            MismatchedDeviceSetClearError: another device was set later.
        """
        current = Device.current()
        if current is not self:
            raise MismatchedDeviceSetClearError(
                f"{self!r}: not the current device, must be cleared after {current!r}"
            )
        _thread.stack.pop()
        set_devices.remove(self)

    def __enter__(self) -> Self:
        self.set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"<ir_runtime Device: {self.uri}>"


@on_fork
def _leave_to_parent() -> None:
    """In a forked child, forget the devices whose threads only the parent has."""
    left = [key for key in _thread.by_uri if key[0] != "local-sync"]
    _parents.extend(_thread.by_uri.pop(key) for key in left)


@on_exit
def _drop_devices() -> None:
    _thread.by_uri.clear()
    _thread.stack.clear()
    set_devices.clear()
