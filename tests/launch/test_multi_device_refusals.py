"""Is what cannot run over several devices refused by name, as early as it can be?"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ir_runtime.device import Device
from ir_runtime.errors import (
    ArgumentError,
    CompileError,
    DeviceError,
    EntryPointError,
    LaunchError,
    UnsupportedTorchDeviceError,
    UnsupportedTypeError,
)
from ir_runtime.launch import Launchable, MultiDeviceLaunchable
from tests.devices import open_or_skip
from tests.launch.programs import MIXED, TWO, pipeline

jit = MultiDeviceLaunchable.jit_compile
X = torch.arange(1.0, 6.0)


@pytest.fixture(scope="module")
def program(vmfb: bytes) -> MultiDeviceLaunchable:
    return MultiDeviceLaunchable(vmfb, TWO)


@pytest.mark.parametrize("devices", [["local-task"], ["local-sync"]])
def test_too_few_devices_are_refused_at_once(vmfb: bytes, devices: list[str]) -> None:
    """M1."""
    with pytest.raises(DeviceError) as caught:
        MultiDeviceLaunchable(vmfb, devices, name="pipeline")
    assert str(caught.value) == (
        "pipeline: compiled for a device `__device_1` that is not there, "
        "must be given all devices that it was compiled for\n"
        "    wanted: local[1]\n"
        f"    given: {devices[0]}"
    )


def test_program_for_two_devices_is_refused_on_one(vmfb: bytes) -> None:
    from iree.runtime import VmModule

    program = Launchable.from_vm_module(lambda d: VmModule.copy_buffer(d.vm_instance, vmfb))
    with pytest.raises(DeviceError, match="compiled for a device `__device_1` that is not there"):
        program(X)


def test_source_for_more_devices_than_listed_does_not_compile() -> None:
    with pytest.raises(CompileError, match="promised device that was not declared"):
        jit(pipeline(), ["local-task"])


BAD_DEVICES = [
    ([], ArgumentError, "devices: empty, must be a list of URIs or devices"),
    (
        "local-task",
        ArgumentError,
        "devices: the str local-task, must be a list of URIs or devices",
    ),
    ([3], UnsupportedTypeError, "devices: holds a int, must hold URIs or devices"),
    ([None], UnsupportedTypeError, "devices: holds a NoneType, must hold URIs or devices"),
]


@pytest.mark.parametrize(("devices", "kind", "message"), BAD_DEVICES)
def test_devices_that_are_no_list_of_devices_are_refused(
    vmfb: bytes, devices: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        MultiDeviceLaunchable(vmfb, devices)
    assert str(caught.value) == message


@pytest.mark.parametrize("uri", ["nonsense", "nonsense://1"])
def test_unknown_uri_is_refused_with_the_drivers(vmfb: bytes, uri: str) -> None:
    with pytest.raises(DeviceError, match=r"driver 'nonsense': not served .*local-task"):
        MultiDeviceLaunchable(vmfb, ["local-task", uri])


@pytest.mark.vulkan
def test_devices_that_iree_cannot_join_are_refused(vmfb: bytes) -> None:
    vulkan = open_or_skip("vulkan")
    with pytest.raises(DeviceError) as caught:
        MultiDeviceLaunchable(vmfb, ["local-task", vulkan])
    assert caught.value.headline == (
        f"devices local-task, {vulkan.uri}: IREE cannot join them for one program"
    )


def test_missing_function_is_refused_at_once(vmfb: bytes) -> None:
    with pytest.raises(EntryPointError) as caught:
        MultiDeviceLaunchable(vmfb, TWO, "mian")
    assert str(caught.value) == "program: no entry point 'mian', must be one of main"


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (b"no program", LaunchError, "program: the VMFB does not load"),
        ("/nowhere/p.vmfb", ArgumentError, "vmfb: /nowhere/p.vmfb cannot be read"),
        (3, UnsupportedTypeError, "vmfb: a int, must be bytes or a path"),
    ],
    ids=["bytes", "path", "type"],
)
def test_what_is_no_compiled_program_is_refused(
    given: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        MultiDeviceLaunchable(given, TWO)
    assert caught.value.headline.startswith(message)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("value", [None, "x", [1.0]])
def test_argument_that_is_no_tensor_or_number_is_refused(
    program: MultiDeviceLaunchable, value: Any
) -> None:
    with pytest.raises(UnsupportedTypeError, match="argument 0 is a"):
        program(value)


def test_wrong_number_of_arguments_is_refused(program: MultiDeviceLaunchable) -> None:
    with pytest.raises(ArgumentError, match="program: 2 arguments, must be 1"):
        program(X, X)


def test_tensor_that_no_device_serves_is_refused(program: MultiDeviceLaunchable) -> None:
    with pytest.raises(UnsupportedTorchDeviceError, match=r"argument 0: .*on meta"):
        program(X.to("meta"))
    with pytest.raises(UnsupportedTorchDeviceError, match="argument 0: a tensor on meta: none of"):
        jit(MIXED, TWO)(X.to("meta"), 1.0, 1, True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--nonsense=1"],
            "runtime_flags: --nonsense=1 is refused, must be flags of IREE's runtime",
        ),
        (["--help"], "runtime_flags: '--help', must be a list of '--name=value'"),
        (["x"], "runtime_flags: 'x', must be a list of '--name=value'"),
        ("--x=1", "runtime_flags: '--x=1', must be a list of '--name=value'"),
    ],
    ids=["unknown", "help", "no flag", "bare text"],
)
def test_runtime_flag_that_is_not_known_is_refused(vmfb: bytes, flags: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        MultiDeviceLaunchable(vmfb, TWO, runtime_flags=flags)
    assert caught.value.headline == message


def test_runtime_flags_for_an_open_device_are_refused(vmfb: bytes) -> None:
    device = Device("local-task")
    with pytest.raises(ArgumentError) as caught:
        MultiDeviceLaunchable(vmfb, [device, device], runtime_flags=["--task_worker_spin_us=0"])
    assert str(caught.value) == (
        f"runtime_flags: too late for {device!r}, which is open, must come with URIs\n"
        "  fix: pass 'local-task'"
    )
