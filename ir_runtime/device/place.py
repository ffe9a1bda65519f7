"""Places: open HAL devices, found by name, one for each device of a process.

A device can be named by driver (`vulkan`), by number (`hip://1`) or by identity
(`cuda://GPU-<uuid>`). All its names lead to one place that all threads share. So the number of HAL
devices and of worker pools does not grow with the number of threads and streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ir_runtime.device.instance import get_vm_instance, is_forked, keep_open, on_exit, on_fork
from ir_runtime.errors import DeviceError
from ir_runtime.fork_lock import fork_safe_lock, fork_waits
from ir_runtime.frozen import frozen

if TYPE_CHECKING:
    from iree.runtime import HalDevice, HalDriver

__all__ = ["MAX_STREAM_DEVICES", "HalPlace", "device_names", "enumerated_row", "open_place"]

MAX_STREAM_DEVICES = 8
"""The number of streams of one GPU that get a HAL device tied to them; later ones share one."""


@frozen
class HalPlace:
    """An open HAL device.

    Attributes:
        driver_name: IREE's name of the driver.
        uri: the canonical name of this place: `<driver>://<path>`, or only the driver's name.
        hal: the device.
        row: the driver's own description: `device_id`, `path`, `name`; empty for CPU drivers.
        details: a longer description from the driver, for people and for the chip's name.
        stream: the raw stream that it is tied to, None for none.
    """

    driver_name: str
    uri: str
    hal: HalDevice
    row: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    details: str = ""
    stream: int | None = None


_lock = fork_safe_lock()
_places: dict[tuple[str, int | None], HalPlace] = {}
_parents: list[HalPlace] = []  # kept for ever: closing one waits for threads that a child lacks


@on_fork
def _leave_to_parent() -> None:
    """In a forked child, forget the places whose threads only the parent has."""
    left = [key for key in _places if key[0] != "local-sync"]
    _parents.extend(_places.pop(key) for key in left)


@on_exit
def _release_places() -> None:
    if _places:
        from iree.runtime._binding import clear_hal_driver_cache

        _places.clear()
        clear_hal_driver_cache()  # not later: libraries that Vulkan drivers use are unloaded then


def open_place(
    uri: str,
    *,
    prepare: Callable[[], None] = lambda: None,
    stream: int | None = None,
    stream_parameters: Mapping[str, str] = MappingProxyType({}),
) -> HalPlace:
    """Return the place of a URI, opened at the first call and shared by all threads.

    Args:
        uri: `<driver>`, `<driver>://<number>` or `<driver>://GPU-<uuid>`.
        prepare: called before the driver is created.
        stream: tie the HAL device to this raw stream, if its driver can.
        stream_parameters: the parameters that pass the stream to the driver.

    Raises:
        DeviceError: IREE has no such driver or device, or this is a forked process, which lacks
            the device threads of its parent.
    """
    known = _places.get((uri, stream))
    if known is not None:
        return known
    name, _, path = uri.partition("://")
    if is_forked() and name != "local-sync":
        raise DeviceError(
            f"device {uri!r}: its driver does not survive a fork, must be local-sync here",
            fix="use local-sync, or start processes with spawn",
        )
    with fork_waits(), _lock:
        known = _places.get((uri, stream))
        if known is None:
            known = _open(name, path, uri, prepare, stream, stream_parameters)
            _places[uri, stream] = known
    return known


def _open(
    name: str,
    path: str,
    uri: str,
    prepare: Callable[[], None],
    stream: int | None,
    stream_parameters: Mapping[str, str],
) -> HalPlace:
    driver = _driver(name, uri, prepare)
    rows = [] if name.startswith("local-") else _rows(driver, uri)
    row = enumerated_row(uri, path, rows) if rows else {}
    canonical = f"{name}://{row['path'] or row['device_id']}" if row else uri
    if stream is not None and not _has_room(canonical):
        stream = None
    same = _places.get((canonical, stream))  # opened before under another name
    if same is not None:
        return same
    described: Any = dict(row)  # nanobind's stub has no overload for a typed dictionary
    try:
        if not row:
            hal = driver.create_default_device() if not path else driver.create_device_by_uri(uri)
        elif stream is None:
            hal = driver.create_device(described)  # pyright: ignore[reportCallIssue]
        else:
            hal = driver.create_device(described, params=dict(stream_parameters))
        details = driver.dump_device_info(row["device_id"]) if row else ""
    except Exception as error:
        raise DeviceError(f"device {uri!r}: cannot be created", facts=[str(error)]) from error
    keep_open(hal)
    place = HalPlace(name, canonical, hal, MappingProxyType(described), details, stream)
    _places[canonical, stream] = place
    return place


@fork_waits()
def device_names(driver_name: str, *, prepare: Callable[[], None] = lambda: None) -> list[str]:
    """Return the names of the devices that a driver finds, without opening one.

    Raises:
        DeviceError: the driver does not start, or finds no device.
    """
    driver = _driver(driver_name, driver_name, prepare)
    if driver_name.startswith("local-"):
        return [driver_name]
    return [str(row["name"]) for row in _rows(driver, driver_name)]


def _driver(name: str, uri: str, prepare: Callable[[], None]) -> HalDriver:
    import iree.runtime as rt

    get_vm_instance()
    known = rt.query_available_drivers()
    if name not in known:
        raise DeviceError(
            f"device {uri!r}: no driver {name!r}, must be one of {', '.join(sorted(known))}"
        )
    try:
        prepare()
        return rt.get_driver(name)
    except Exception as error:
        raise DeviceError(
            f"device {uri!r}: the driver {name!r} does not start on this machine",
            facts=str(error).split("\n"),
        ) from error


def _rows(driver: HalDriver, uri: str) -> Sequence[Mapping[str, Any]]:
    rows = driver.query_available_devices()
    if not rows:
        raise DeviceError(f"device {uri!r}: its driver finds no device on this machine")
    return rows


def _has_room(canonical: str) -> bool:
    tied = sum(stream is not None for uri, stream in _places if uri == canonical)
    return tied < MAX_STREAM_DEVICES


def enumerated_row(uri: str, path: str, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Choose a device among those that a driver enumerates.

    Args:
        uri: for messages.
        path: empty for the first device, a number, or `GPU-<uuid>`; dashes and case do not count.
        rows: the devices as the driver describes them.

    Raises:
        DeviceError: no device matches.
    """
    if not path:
        return rows[0]
    if path.isdecimal() and int(path) < len(rows):
        return rows[int(path)]
    for row in rows:
        if _same_identity(path, str(row["path"])):
            return row
    raise DeviceError(
        f"device {uri!r}: no such device, must be one of the {len(rows)} that its driver finds",
        facts=[f"{i}: {row['path']}  {row['name']}" for i, row in enumerate(rows)],
    )


def _same_identity(one: str, other: str) -> bool:
    return one.replace("-", "").lower() == other.replace("-", "").lower()
