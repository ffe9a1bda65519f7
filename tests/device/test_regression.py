"""Are the faults of this package's ancestors in devices absent?  Those that no other file shows."""

from __future__ import annotations

import atexit
import gc
import weakref

import pytest
import torch

from ir_runtime.device import Device, DeviceState, get_device_from_torch, get_vm_instance
from ir_runtime.device.driver_table import DRIVERS, driver_for_torch, driver_named
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import UnsupportedTypeError
from tests.device.test_device import from_threads


def test_state_keeps_what_it_is_given() -> None:
    """D2."""
    given = DeviceState.from_uri("local-sync")
    state = DeviceState(
        driver="local-sync",
        device=given.device,
        vm_instance=get_vm_instance(),
        enumerated_info={"device_id": 1},
        torch_device=torch.device("cpu"),
        torch_stream=17,
        dlpack_device_type_code=1,
    )
    assert state.device is given.device
    assert state.instance is get_vm_instance()
    assert (state.driver, state.torch_stream, state.dlpack_device_type_code) == (
        "local-sync",
        17,
        1,
    )
    assert (state.torch_device, state.enumerated_info) == (torch.device("cpu"), {"device_id": 1})
    assert not Device(device_state=state).sync


def test_uri_is_opened_once_whoever_asks() -> None:
    """D4."""
    states = from_threads(8, lambda: DeviceState.from_uri("local-task"))
    assert len({id(state.device) for state in states}) == 1


def test_device_gives_modules_text_and_its_parts() -> None:
    """D7."""
    from iree.runtime import HalDevice, VmModule

    device = Device("local-sync")
    assert isinstance(device.hal_device, HalDevice)
    module = device.create_hal_module()
    assert isinstance(module, VmModule)
    assert (module.name, device.vm_instance) == ("hal", get_vm_instance())
    assert repr(device) == "<ir_runtime Device: local-sync>"


@pytest.mark.parametrize(
    ("uri", "served"),
    [
        ("local-sync", "local"),
        ("local-task", "local"),
        ("cuda://0", "cuda"),
        ("hip://GPU-1", "hip"),
        ("vulkan", "vulkan"),
    ],
)
def test_each_driver_has_its_own_row(uri: str, served: str) -> None:
    """D8; 2.2: CUDA devices were made by the driver `hip`, and Vulkan was an assertion."""
    driver = driver_named(uri)
    assert driver.family == served
    assert uri.partition("://")[0] in driver.names


def test_torch_cuda_is_served_by_the_driver_torch_was_built_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2.2: a real CUDA device was created on the driver `hip`."""
    for version, family in ((None, "cuda"), ("6.2", "hip")):
        monkeypatch.setattr(torch.version, "hip", version)
        driver = driver_for_torch(torch.device("cuda"))
        assert driver is not None
        assert driver.family == family


def test_memory_has_the_codes_of_dlpack() -> None:
    """D18."""
    codes = {driver.family: driver.dlpack_device_type_code for driver in DRIVERS}
    assert (codes["local"], codes["cuda"], codes["hip"]) == (1, 2, 10)


def test_device_is_freed_when_nobody_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.2: a function of each device was registered to run at exit, which kept it."""
    registered: list[object] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    device = Device(device_state=DeviceState.from_uri("local-sync"))
    device.import_torch_tensor(torch.ones(4))
    ref = weakref.ref(device)
    del device
    gc.collect()
    assert ref() is None
    assert registered == []


@pytest.mark.parametrize(
    "name",
    [
        "float16 bfloat16 float32 float64",
        "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu",
        "int8 int16 int32 int64 uint8 bool complex64 complex128",
        "uint16 uint32 uint64",
    ],
)
def test_dtypes_of_the_ancestors_and_those_they_lacked(name: str) -> None:
    """D19; 2.2: no uint16, uint32, uint64, e8m0."""
    assert all(getattr(torch, n) in DTYPES for n in name.split())


def test_unknown_dtype_says_which_it_is() -> None:
    """2.2: the exception was raised with an argument too few: a TypeError hid the cause."""
    tensor = torch.zeros(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    with pytest.raises(UnsupportedTypeError) as caught:
        Device("local-sync").import_torch_tensor(tensor)
    assert str(caught.value).startswith("torch.float4_e2m1fn_x2: not a dtype that")


def test_dtype_that_numpy_has_not_crosses_without_a_copy() -> None:
    """D16: tensors went by way of numpy, and were copied."""
    device = get_device_from_torch(torch.device("cpu"))
    for dtype in (torch.bfloat16, torch.float8_e4m3fn):
        tensor = torch.arange(64, dtype=torch.float32).to(dtype)
        view = device.import_torch_tensor(tensor)
        result = device.export_torch_tensor(view, torch.empty(64, dtype=dtype, device="meta"))
        assert result.data_ptr() == tensor.data_ptr()


def test_devices_of_the_same_driver_and_other_number_have_other_keys() -> None:
    """2.2, D9: keys were `driver:None:None`; those of states that differ in the stream differ."""
    states = [DeviceState.from_uri("local-sync") for _ in range(2)]
    states[0].torch_stream, states[1].torch_stream = 1, 2
    keys = {Device(device_state=state).instance_cache_key for state in states}
    assert len(keys) == 2
    assert len({Device(device_state=state).type_cache_key for state in states}) == 1
