"""Does `invoke_vm_function` call a function of the VM, with fences and without?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ir_runtime import invoke_vm_function
from ir_runtime.device import Device
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program

X = torch.arange(1.0, 6.0)
ASYNC = "--iree-execution-model=async-external"


@pytest.fixture(params=["local-sync", "local-task"])
def device(request: pytest.FixtureRequest) -> Device:
    return Device(request.param)


def opened(device: Device, source: str, *flags: str) -> tuple[Any, Any]:
    """Return a context with the program, and its main function."""
    from iree.runtime import VmContext, VmModule

    flags = (*device.compile_target_flags, *BASE_FLAGS, *flags)
    module = VmModule.copy_buffer(
        device.vm_instance, compile_program("p", source.encode(), flags).vmfb
    )
    context = VmContext(device.vm_instance, [device.create_hal_module(), module])
    return context, module.lookup_function("main")


def lists(device: Device, x: torch.Tensor) -> tuple[Any, Any]:
    from iree.runtime import VmVariantList

    arguments: Any = VmVariantList(3)
    arguments.push_ref(device.import_torch_tensor(x))
    return arguments, VmVariantList(1)


def taken(device: Device, results: Any) -> torch.Tensor:
    from iree.runtime import HalBufferView

    view = results.get_as_object(0, HalBufferView)
    return device.export_torch_tensor(view, torch.empty(view.shape, device="meta"))


def test_signature_is_that_of_the_seed() -> None:
    """I1."""
    parameters = inspect.signature(invoke_vm_function).parameters.values()
    assert [(p.name, p.kind is p.KEYWORD_ONLY) for p in parameters] == [
        ("device", False),
        ("is_async", False),
        ("vm_context", False),
        ("vm_function", False),
        ("arg_list", False),
        ("ret_list", False),
        ("timer", True),
    ]


@pytest.mark.parametrize("is_async", [False, True])
def test_function_is_called_and_waited_for(
    device: Device, is_async: bool, doubling: Callable[..., str]
) -> None:
    """I1."""
    context, function = opened(device, doubling(), *([ASYNC] if is_async else []))
    arguments, results = lists(device, X)
    invoke_vm_function(device, is_async, context, function, arguments, results)
    assert torch.equal(taken(device, results), X + X)


def test_time_is_the_difference_of_the_given_clock(
    device: Device, doubling: Callable[..., str]
) -> None:
    """I1."""
    context, function = opened(device, doubling())
    ticks = iter([3.0, 10.0])
    took = invoke_vm_function(
        device, False, context, function, *lists(device, X), timer=lambda: next(ticks)
    )
    assert took == 7.0


def test_failed_call_leaves_the_next_one_alone(
    device: Device, doubling: Callable[..., str]
) -> None:
    """I1: in wave, one failed launch hangs the next."""
    context, function = opened(device, doubling("tensor<5xf32>"), ASYNC)
    for _ in range(3):
        with pytest.raises(ValueError, match="shape"):
            invoke_vm_function(device, True, context, function, *lists(device, torch.ones(4)))
        arguments, results = lists(device, X)
        invoke_vm_function(device, True, context, function, arguments, results)
        assert torch.equal(taken(device, results), X + X)


@pytest.mark.full
@pytest.mark.parametrize("name", ["local-sync", "local-task"])
def test_result_outlives_program_and_device(
    run_python: Any, doubling: Callable[..., str], name: str
) -> None:
    """IREE's buffers do not keep their device; without one, reading them is a crash."""
    code = """
import gc, sys, iree.runtime, torch
from ir_runtime import Device, DeviceState, Launchable
driver, source = sys.argv[1:]
hal = iree.runtime.get_driver(driver).create_default_device()
device = Device(device_state=DeviceState(driver=driver, device=hal))
program = Launchable.jit_compile(source)
x = torch.ones(1 << 16)
result = program(x, device=device)
del hal, device, program
gc.collect()
print(torch.equal(result, x + x))
"""
    done = run_python(code, name, doubling())
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
