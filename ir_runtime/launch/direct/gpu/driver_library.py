"""The library of a GPU's driver, opened once by the C launcher."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ir_runtime.device.driver_table import driver_named
from ir_runtime.errors import DeviceError
from ir_runtime.fork_lock import fork_safe_lock

if TYPE_CHECKING:
    from ir_runtime.launch.direct.native._launcher import GpuDriver

__all__ = ["open_driver", "use_library"]

_open: dict[tuple[str, str], GpuDriver] = {}
_instead: dict[str, str] = {}
_lock = fork_safe_lock()


def open_driver(family: str) -> GpuDriver:
    """Return the driver of a device family, `cuda` or `hip`.

    Raises:
        DeviceError: its library is not on this machine, or does not start.
    """
    from ir_runtime.launch.direct.native import _launcher

    path = _instead.get(family) or driver_named(family).launch_library()
    if path is None:
        raise DeviceError(f"device family {family}: has no library to launch with")
    with _lock:
        if (family, path) not in _open:
            try:
                _open[family, path] = _launcher.GpuDriver(family, path)
            except OSError as error:
                raise DeviceError(
                    f"{family}: its driver cannot be used, must be installed and have a GPU",
                    facts=[str(error)],
                    fix="install the driver of the GPU, or set IR_RUNTIME_LAUNCH=vm",
                ) from error
        return _open[family, path]


@contextmanager
def use_library(family: str, path: str) -> Generator[None]:
    """Open another library in place of a driver's during a `with` block, for tests."""
    before = _instead.get(family)
    _instead[family] = path
    try:
        yield
    finally:
        del _instead[family]
        if before is not None:
            _instead[family] = before
