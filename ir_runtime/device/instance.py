"""Which IREE objects exist once in a process?  The VM instance and one HAL device a URI."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from iree.runtime import HalDevice, VmInstance

__all__ = [
    "get_vm_instance",
    "hal_device_for_uri",
    "is_forked",
    "keep_open",
    "on_exit",
    "on_fork",
]

_lock = threading.RLock()
_instance: VmInstance | None = None
_hal_devices: dict[str, HalDevice] = {}
_kept_devices: list[HalDevice] = []
_forked = False
_after_fork: list[Callable[[], None]] = []
_at_exit: list[Callable[[], None]] = []


def get_vm_instance() -> VmInstance:
    """Return the one VM instance of this process.

    A second instance would race with the first on registering HAL types.
    """
    global _instance
    if _instance is None:
        with _lock:
            if _instance is None:
                from iree.runtime import VmInstance

                _instance = VmInstance()
    return _instance


def hal_device_for_uri(uri: str) -> HalDevice:
    """Return the HAL device of `uri`, made at the first call and shared by all threads.

    Raises:
        DeviceError: IREE has no such driver or device.
    """
    device = _hal_devices.get(uri)
    if device is None:
        with _lock:
            device = _hal_devices.get(uri)
            if device is None:
                device = _hal_devices[uri] = _create_hal_device(uri)
    return device


def keep_open(device: HalDevice) -> None:
    """Keep a HAL device until the process ends.

    IREE's buffers do not keep theirs, and a tensor may outlive whoever opened the device.
    """
    with _lock:
        if not any(device is known for known in _kept_devices):
            _kept_devices.append(device)


def _create_hal_device(uri: str) -> HalDevice:
    import iree.runtime as rt

    get_vm_instance()
    name = uri.partition("://")[0]
    known = rt.query_available_drivers()
    if name not in known:
        raise DeviceError(
            f"device {uri!r}: no driver {name!r}, must be one of {', '.join(sorted(known))}"
        )
    try:
        driver = rt.get_driver(name)
        return driver.create_device_by_uri(uri) if "://" in uri else driver.create_default_device()
    except Exception as error:
        raise DeviceError(f"device {uri!r}: cannot be created", facts=[str(error)]) from error


def is_forked() -> bool:
    """Tell whether this process is a fork of one that had imported this package.

    IREE's worker threads do not survive a fork; work must stay on the calling thread.
    """
    return _forked


def on_fork(callback: Callable[[], None]) -> Callable[[], None]:
    """Run `callback` in each forked child, before it runs anything else; a decorator."""
    _after_fork.append(callback)
    return callback


def on_exit(callback: Callable[[], None]) -> Callable[[], None]:
    """Run `callback` at exit, latest first, before HAL devices are dropped; a decorator."""
    _at_exit.append(callback)
    return callback


def _mark_forked() -> None:
    global _forked, _lock
    _forked = True
    _lock = threading.RLock()  # another thread of the parent may have held it
    for callback in _after_fork:
        callback()


def _release() -> None:
    global _instance
    for callback in reversed(_at_exit):
        callback()
    _hal_devices.clear()
    _kept_devices.clear()
    _instance = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)
atexit.register(_release)
