"""The one VM instance of a process, open HAL devices, and the callbacks at fork and exit."""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iree.runtime import HalDevice, VmInstance

from ir_runtime.fork_lock import fork_safe_lock, fork_waits

__all__ = ["get_vm_instance", "is_forked", "keep_open", "on_exit", "on_fork"]

_lock = fork_safe_lock()
_instance: VmInstance | None = None
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
        with fork_waits(), _lock:
            if _instance is None:
                from iree.runtime import VmInstance

                _instance = VmInstance()
    return _instance


def keep_open(device: HalDevice) -> None:
    """Keep a HAL device until the process ends.

    IREE's buffers do not keep their device alive, and a tensor may outlive the code that opened it.
    """
    with _lock:
        if not any(device is known for known in _kept_devices):
            _kept_devices.append(device)


def is_forked() -> bool:
    """Tell whether this process was forked after this package was imported.

    IREE's worker threads do not survive a fork, so work must stay on the calling thread.
    """
    return _forked


def on_fork(callback: Callable[[], None]) -> Callable[[], None]:
    """Run `callback` in each forked child, before it runs anything else; a decorator."""
    _after_fork.append(callback)
    return callback


def on_exit(callback: Callable[[], None]) -> Callable[[], None]:
    """Run `callback` at exit, latest first, before the VM instance is dropped; a decorator."""
    _at_exit.append(callback)
    return callback


def _mark_forked() -> None:
    global _forked
    _forked = True
    _never_release(*_kept_devices, _instance)
    for callback in _after_fork:
        callback()


def _never_release(*objects: object) -> None:
    """Keep objects of the parent until this process is gone, past the end of the interpreter.

    Releasing a device joins its worker threads. A forked child does not have them, and would wait
    for ever when the last reference is dropped.
    """
    kept = [each for each in objects if each is not None]
    if kept:
        from iree.runtime._binding import disable_leak_checker

        disable_leak_checker()  # it would list them on stderr at exit
    for each in kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


def _release() -> None:
    global _instance
    for callback in reversed(_at_exit):
        callback()
    _kept_devices.clear()
    _instance = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)
atexit.register(_release)
