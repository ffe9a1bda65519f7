"""Does a thread find its devices again, and are the device stack's rules kept?"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from ir_runtime.device import (
    Device,
    DeviceState,
    get_device_from_torch,
    get_vm_instance,
    lookup_device_from_torch,
)
from ir_runtime.device.instance import hal_device_for_uri
from ir_runtime.errors import (
    ArgumentError,
    DeviceError,
    MismatchedDeviceSetClearError,
    NoCurrentDeviceError,
    UnsupportedTorchDeviceError,
)

DRIVERS = "cuda, hip, local-sync, local-task, vulkan"


def in_new_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=60)


def from_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """Run `work` on `count` threads that start it together."""
    barrier = threading.Barrier(count)

    def run(_: int) -> Any:
        barrier.wait(timeout=60)
        return work()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_thread_gets_one_object_for_a_uri() -> None:
    assert Device("local-task") is Device("local-task")


def test_uris_have_objects_of_their_own() -> None:
    assert Device("local-task") is not Device("local-sync")


def test_other_thread_gets_another_object() -> None:
    assert in_new_thread(lambda: Device("local-task")) is not Device("local-task")


def test_threads_share_one_hal_device_a_uri() -> None:
    devices = from_threads(8, lambda: Device("local-task").hal_device)
    assert all(device is Device("local-task").hal_device for device in devices)


def test_process_has_one_vm_instance_from_any_thread() -> None:
    instances = from_threads(8, get_vm_instance)
    assert all(instance is get_vm_instance() for instance in instances)


def test_device_of_a_state_is_made_anew_and_uses_its_hal_device() -> None:
    state = DeviceState.from_uri("local-sync")
    device = Device(device_state=state)
    assert device is not Device("local-sync")
    assert device.hal_device is hal_device_for_uri("local-sync")
    assert device.vm_instance is get_vm_instance()


def test_device_of_a_state_serves_tensors() -> None:
    device = Device(device_state=DeviceState(driver="local-sync"))
    tensor = torch.arange(16.0)
    view = device.import_torch_tensor(tensor)
    result = device.export_torch_tensor(view, torch.empty(16, device="meta"))
    assert result.data_ptr() == tensor.data_ptr()


@pytest.mark.parametrize("both", [False, True])
def test_uri_and_state_exclude_and_need_each_other(both: bool) -> None:
    kwargs: dict[str, Any] = (
        {"uri": "local-sync", "device_state": DeviceState.from_uri("local-sync")} if both else {}
    )
    with pytest.raises(ArgumentError) as caught:
        Device(**kwargs)
    assert str(caught.value) == (
        "Device: takes a uri or a device_state, must be exactly one of them"
    )


@pytest.mark.parametrize("uri", ["nope", "nope://0"])
def test_unknown_driver_is_refused_with_the_choices(uri: str) -> None:
    with pytest.raises(DeviceError) as caught:
        Device(uri)
    assert str(caught.value) == f"device {uri!r}: no driver 'nope', must be one of {DRIVERS}"


def test_refused_uri_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(DeviceError):
            Device("nope")
    assert not Device.is_open("nope")


def test_unknown_device_of_a_driver_is_refused_with_the_reason() -> None:
    with pytest.raises(DeviceError) as caught:
        Device("local-sync://elsewhere")
    assert caught.value.headline == "device 'local-sync://elsewhere': cannot be created"
    assert "device paths not yet implemented" in caught.value.facts[0]


def test_state_without_enumeration_says_so() -> None:
    state = DeviceState(driver="local-sync")
    with pytest.raises(DeviceError) as caught:
        _ = state.enumerated_path
    assert str(caught.value) == (
        "device state of 'local-sync': no enumerated 'path', must come from a driver's enumeration"
    )


def test_state_gives_back_its_enumeration() -> None:
    described = {"device_id": 3, "path": "p", "name": "n"}
    state = DeviceState(driver="local-sync", enumerated_info=described)
    found = (state.enumerated_device_id, state.enumerated_path, state.enumerated_name)
    assert found == (3, "p", "n")


def test_no_device_is_current_at_first() -> None:
    with pytest.raises(NoCurrentDeviceError) as caught:
        in_new_thread(Device.current)
    assert str(caught.value) == (
        "current device: none on this thread, must be set first\n"
        "  fix: use `with device:` or device.set()"
    )


def test_set_device_is_current_until_cleared() -> None:
    device = Device("local-sync")
    device.set()
    assert Device.current() is device
    device.clear()
    with pytest.raises(NoCurrentDeviceError):
        Device.current()


def test_with_blocks_nest() -> None:
    outer, inner = Device("local-sync"), Device("local-task")
    with outer:
        with inner as entered:
            assert Device.current() is inner is entered
        assert Device.current() is outer


def test_with_block_is_undone_by_an_exception() -> None:
    with pytest.raises(KeyError), Device("local-sync"):
        raise KeyError
    with pytest.raises(NoCurrentDeviceError):
        Device.current()


def test_current_device_belongs_to_its_thread() -> None:
    with Device("local-sync"), pytest.raises(NoCurrentDeviceError):
        in_new_thread(Device.current)


def test_clear_without_set_is_refused() -> None:
    with pytest.raises(NoCurrentDeviceError):
        Device("local-sync").clear()


def test_clear_of_a_device_below_the_top_is_refused_and_changes_nothing() -> None:
    outer, inner = Device("local-sync"), Device("local-task")
    with outer, inner:
        with pytest.raises(MismatchedDeviceSetClearError) as caught:
            outer.clear()
        assert Device.current() is inner
    assert str(caught.value) == (
        "<ir_runtime Device: local-sync>: not the current device, "
        "must be cleared after <ir_runtime Device: local-task>"
    )


def test_type_key_hash_is_sha1_or_what_the_caller_says() -> None:
    device = Device("local-sync")
    expected = hashlib.sha1(device.type_cache_key.encode(), usedforsecurity=False).hexdigest()
    assert device.get_type_key_hash() == expected
    assert device.get_type_key_hash(hasher=lambda key: key[:5]) == "local"


def test_instance_keys_tell_places_apart() -> None:
    keys = {Device("local-sync").instance_cache_key, Device("local-task").instance_cache_key}
    assert len(keys) == 2


def test_dump_lists_every_compiler_flag() -> None:
    device = Device("local-sync")
    lines = device.dump_device_info().splitlines()
    assert lines[:2] == ["<ir_runtime Device: local-sync>", "compiled for:"]
    assert lines[2:] == [f"  {flag}" for flag in device.compile_target_flags]


def test_cpu_tensors_are_served_by_the_worker_pool() -> None:
    assert get_device_from_torch(torch.device("cpu")) is Device("local-task")


def test_lookup_without_create_opens_nothing() -> None:
    def look() -> tuple[object, object]:
        cpu = torch.device("cpu")
        before = lookup_device_from_torch(cpu, create=False)
        opened = Device("local-task")
        return before, lookup_device_from_torch(cpu, create=False) is opened

    assert in_new_thread(look) == (None, True)


def test_torch_device_without_a_driver() -> None:
    assert lookup_device_from_torch(torch.device("meta")) is None
    with pytest.raises(UnsupportedTorchDeviceError) as caught:
        get_device_from_torch(torch.device("meta"))
    assert str(caught.value) == "torch device meta: no driver serves it, must be one of cpu"
