"""Does each name of a device lead to its one place?"""

from __future__ import annotations

import contextlib
import os

import pytest

from ir_runtime.device import Device
from ir_runtime.device import place as places
from ir_runtime.device.place import enumerated_row, open_place
from ir_runtime.errors import DeviceError
from tests.device.test_device import from_threads
from tests.devices import open_or_skip

ROWS = [
    {"device_id": 11, "path": "GPU-00000000-aaaa-0000-0000-000000000001", "name": "first"},
    {"device_id": 12, "path": "GPU-00000000-bbbb-0000-0000-000000000002", "name": "second"},
]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "first"),
        ("0", "first"),
        ("1", "second"),
        ("GPU-00000000-bbbb-0000-0000-000000000002", "second"),
        ("GPU-00000000BBBB00000000000000000002", "second"),
    ],
)
def test_device_is_found_by_nothing_number_or_identity(path: str, name: str) -> None:
    assert enumerated_row(f"cuda://{path}", path, ROWS)["name"] == name


@pytest.mark.parametrize("path", ["2", "-1", "GPU-3", "second", "1.0"])
def test_device_that_is_not_there_is_refused_with_the_choices(path: str) -> None:
    with pytest.raises(DeviceError) as caught:
        enumerated_row(f"cuda://{path}", path, ROWS)
    assert str(caught.value) == (
        f"device 'cuda://{path}': no such device, must be one of the 2 that its driver finds\n"
        "    0: GPU-00000000-aaaa-0000-0000-000000000001  first\n"
        "    1: GPU-00000000-bbbb-0000-0000-000000000002  second"
    )


def test_threads_open_one_place() -> None:
    """2.2: one worker pool a process, not one a thread."""
    opened = from_threads(16, lambda: open_place("local-task"))
    assert len({id(place.hal) for place in opened}) == 1


@pytest.mark.vulkan
def test_names_of_one_device_share_one_hal_device() -> None:
    device = open_or_skip("vulkan")
    again = from_threads(8, lambda: Device("vulkan://0"))
    by_identity = Device(f"vulkan://{device.device_state.enumerated_path}")
    assert by_identity is device
    assert {d.hal_device for d in again} == {device.hal_device}
    assert {d.instance_cache_key for d in again} == {device.instance_cache_key}
    assert by_identity.uri == f"vulkan://{device.device_state.enumerated_path}"


def test_streams_beyond_the_limit_share_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.2: threads times streams HAL devices, without bound."""
    uri = "hip://GPU-1"
    taken = {(uri, stream): None for stream in range(places.MAX_STREAM_DEVICES)}
    monkeypatch.setattr(places, "_places", taken)
    assert not places._has_room(uri)
    assert places._has_room("hip://GPU-2")


@pytest.mark.parametrize("driver", ["cuda", "hip"])
def test_driver_without_its_library_says_what_is_missing(driver: str) -> None:
    with contextlib.suppress(DeviceError):
        Device(driver)
        pytest.skip(f"this machine has a {driver} device")
    with pytest.raises(DeviceError) as caught:
        Device(driver)
    assert caught.value.headline.startswith(f"device {driver!r}: ")
    assert caught.value.facts or "finds no device" in caught.value.headline


def test_forked_child_is_refused_what_its_parent_has_open() -> None:
    """The worker threads of the parent's device are not in the child: a launch would hang."""
    Device("local-task")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Device("local-task")
            os.write(writer, b"opened")
        except DeviceError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    assert "does not survive a fork, must be local-sync here" in text
