"""What is a device: where programs run, what they are compiled for, how tensors get there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from ir_runtime.device.driver import Driver, driver_named
from ir_runtime.device.instance import (
    get_vm_instance,
    hal_device_for_uri,
    is_forked,
    keep_open,
)
from ir_runtime.errors import (
    ArgumentError,
    DeviceError,
    MismatchedDeviceSetClearError,
    NoCurrentDeviceError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from iree.runtime import HalBufferView, HalDevice, HalDriver, VmInstance, VmModule

__all__ = ["Device", "DeviceState"]


class DeviceState:
    """What belongs to one open HAL device, whoever wraps it.

    Args:
        driver: an IREE driver name, or a driver object made by the caller.
        device: an open HAL device; default: the driver's default device.
        vm_instance: default: the process's.
        enumerated_info: the driver's own description: `device_id`, `path`, `name`.
        torch_device: the torch device that it serves, if it serves one.
        torch_stream: the raw stream it is tied to, None for none.
        dlpack_device_type_code: DLPack's code for its memory; 0 means the driver's.
    """

    __slots__ = (
        "device",
        "dlpack_device_type_code",
        "driver",
        "enumerated_info",
        "instance",
        "torch_device",
        "torch_stream",
    )

    def __init__(
        self,
        *,
        driver: str | HalDriver,
        device: HalDevice | None = None,
        vm_instance: VmInstance | None = None,
        enumerated_info: dict[str, Any] | None = None,
        torch_device: torch.device | None = None,
        torch_stream: int | None = None,
        dlpack_device_type_code: int = 0,
    ) -> None:
        self.instance = vm_instance or get_vm_instance()
        self.driver = driver
        if device is None:
            device = (
                hal_device_for_uri(driver)
                if isinstance(driver, str)
                else driver.create_default_device()
            )
        keep_open(device)
        self.device: HalDevice = device
        self.enumerated_info = enumerated_info or {}
        self.torch_device = torch_device
        self.torch_stream = torch_stream
        self.dlpack_device_type_code = dlpack_device_type_code

    @staticmethod
    def from_uri(uri: str) -> DeviceState:
        """Open the device of a URI such as `local-task`.

        Raises:
            DeviceError: the driver or device does not exist.
        """
        return DeviceState(driver=uri.partition("://")[0], device=hal_device_for_uri(uri))

    @property
    def enumerated_device_id(self) -> int:
        """The driver's number for the device."""
        return self._enumerated("device_id")

    @property
    def enumerated_path(self) -> str:
        """The driver's path for the device."""
        return self._enumerated("path")

    @property
    def enumerated_name(self) -> str:
        """The driver's name for the device."""
        return self._enumerated("name")

    def _enumerated(self, field: str) -> Any:
        try:
            return self.enumerated_info[field]
        except KeyError:
            raise DeviceError(
                f"device state of {self.driver!r}: no enumerated {field!r}, "
                "must come from a driver's enumeration"
            ) from None


class _ThreadState(threading.local):
    def __init__(self) -> None:
        self.by_uri: dict[str, Device] = {}
        self.stack: list[Device] = []


_thread = _ThreadState()


class Device:
    """A place where programs run.

    `Device("local-task")` returns the calling thread's object for that URI. Devices can be used
    loose, or be made current for a thread with `with device:`.

    Attributes:
        driver_id: IREE's name of the driver.
        compile_target_flags: compiler flags that select this device type, fully resolved.
        type_cache_key: what a binary depends on: driver family and flags.
        instance_cache_key: tells two places of one type apart.
    """

    def __new__(  # noqa: PYI034 - the thread's object for the URI, of whatever subclass
        cls, uri: str | None = None, *, device_state: DeviceState | None = None
    ) -> Device:
        if (uri is None) == (device_state is None):
            raise ArgumentError(
                "Device: takes a uri or a device_state, must be exactly one of them"
            )
        if uri is None:
            return super().__new__(cls)
        if is_forked() and uri.startswith("local-task"):
            raise DeviceError(
                f"device {uri!r}: its worker threads are gone in this forked process, "
                "must be local-sync here",
                fix="use local-sync, or start processes with spawn",
            )
        cached = _thread.by_uri.get(uri)
        if cached is None:
            cached = _thread.by_uri[uri] = super().__new__(cls)
        return cached

    def __init__(self, uri: str | None = None, *, device_state: DeviceState | None = None) -> None:
        if hasattr(self, "driver_id"):
            return  # the thread's object for this URI, made before
        try:
            self._open(uri, device_state)
        except BaseException:
            _thread.by_uri.pop(uri or "", None)
            raise

    def _open(self, uri: str | None, device_state: DeviceState | None) -> None:
        state = device_state or DeviceState.from_uri(uri or "")
        name = state.driver if isinstance(state.driver, str) else uri or "custom"
        driver = driver_named(name.partition("://")[0])
        self.uri = uri or name
        self.device_state = state
        self.driver: Driver = driver
        self.compile_target_flags: tuple[str, ...] = driver.target_flags()
        self.type_cache_key = f"{driver.family}:{';'.join(self.compile_target_flags)}"
        self.instance_cache_key = f"{self.uri}:{state.torch_stream}"
        hal = state.device
        self.import_torch_tensor: Callable[[Tensor], HalBufferView] = lambda tensor: (
            driver.import_tensor(hal, tensor)
        )
        self.export_torch_tensor: Callable[[HalBufferView, Tensor], Tensor] = lambda view, like: (
            driver.export_tensor(hal, view, like)
        )
        self.driver_id = name

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

    def dump_device_info(self) -> str:
        """Describe the device for a person."""
        flags = "\n".join(f"  {flag}" for flag in self.compile_target_flags)
        return f"{self!r}\ncompiled for:\n{flags}"

    def get_type_key_hash(self, *, hasher: Callable[[str], str] | None = None) -> str:
        """Return a digest of `type_cache_key`: SHA-1 in hex, unless `hasher` says otherwise."""
        if hasher is not None:
            return hasher(self.type_cache_key)
        return hashlib.sha1(self.type_cache_key.encode(), usedforsecurity=False).hexdigest()

    @staticmethod
    def is_open(uri: str) -> bool:
        """Tell whether the calling thread has opened the device of `uri`."""
        return uri in _thread.by_uri

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

    def set(self) -> None:
        """Make this the thread's current device until `clear`."""
        _thread.stack.append(self)

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
