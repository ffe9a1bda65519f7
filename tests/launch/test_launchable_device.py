"""Do programs run on the device that is asked for, and on no other?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, ArtifactNotFoundError, LaunchError
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from tests.devices import ANY_DEVICE, open_or_skip, torch_place

jit = Launchable.jit_compile
X = torch.arange(1.0, 6.0)
SCALARS = """
func.func @main(%a: tensor<?xf32>, %n: i64) -> (tensor<?xf32>, i64) {
  %0 = arith.addf %a, %a : tensor<?xf32>
  %1 = arith.addi %n, %n : i64
  return %0, %1 : tensor<?xf32>, i64
}
"""
CHECKED = """
func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %n = tensor.dim %a, %c0 : tensor<?xf32>
  %ok = arith.cmpi ugt, %n, %c3 : index
  cf.assert %ok, "too short"
  %0 = arith.addf %a, %a : tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""


@pytest.fixture(params=ANY_DEVICE)
def device(request: pytest.FixtureRequest) -> Device:
    return open_or_skip(request.param)


def test_program_runs_on_the_device_named_at_the_call(
    device: Device, doubling: Callable[..., str], store: DirectoryStore
) -> None:
    """L8."""
    x = X.to(torch_place(device))
    result = jit(doubling())(x, device=device)
    assert result.device == x.device
    assert torch.equal(result.cpu(), X * 2)
    assert [key.device_type for key in store.keys()] == [device.type_cache_key]


def test_program_runs_on_the_current_device(
    device: Device, doubling: Callable[..., str], store: DirectoryStore
) -> None:
    """D6."""
    with device:
        assert torch.equal(jit(doubling())(X.to(torch_place(device))).cpu(), X * 2)
    assert [key.device_type for key in store.keys()] == [device.type_cache_key]


def test_program_without_tensors_runs_on_the_current_device(device: Device) -> None:
    program = jit("func.func @main(%a: i64) -> i64 { return %a : i64 }")
    with device:
        assert program(7) == 7
    with pytest.raises(ArgumentError, match="no tensor among the arguments"):
        program(7)


def test_numbers_and_tensors_come_back(device: Device) -> None:
    """L9."""
    tensor, number = jit(SCALARS)(X.to(torch_place(device)), 21, device=device)
    assert torch.equal(tensor.cpu(), X * 2)
    assert number == 42


def test_outputs_are_written(device: Device, doubling: Callable[..., str]) -> None:
    """2.1: `outputs` imported the last input."""
    out = torch.zeros(5, device=torch_place(device))
    jit(doubling())(X.to(out.device), device=device, outputs=[out])
    assert torch.equal(out.cpu(), X * 2)


def test_preloaded_program_does_not_compile_at_the_call(
    device: Device, doubling: Callable[..., str]
) -> None:
    """L5."""
    program = jit(doubling())
    program.preload(device)
    with count_since() as counts:
        program(X.to(torch_place(device)), device=device)
    assert (counts[0].compiles, counts[0].store_hits) == (0, 0)


def test_failed_launch_does_not_poison_the_next(device: Device) -> None:
    """2.1: a failure reached the device's one semaphore for good."""
    program = jit(CHECKED)
    x = X.to(torch_place(device))
    for _ in range(2):
        with pytest.raises(LaunchError, match="too short"):
            program(x[:2], device=device)
        assert torch.equal(program(x, device=device).cpu(), X * 2)


def test_tensors_without_elements(device: Device, doubling: Callable[..., str]) -> None:
    x, program = X[:0].to(torch_place(device)), jit(doubling())
    if device.driver_id == "vulkan":
        with pytest.raises(LaunchError, match="fix: run calls with tensors without elements on"):
            program(x, device=device)
    else:
        assert program(x, device=device).shape == (0,)


@pytest.mark.vulkan
def test_stored_program_is_found_for_its_device_alone(
    doubling: Callable[..., str], tmp_path: Path
) -> None:
    """2.1: flags of one device in the compile for another."""
    vulkan = open_or_skip("vulkan")
    jit(doubling(), file_cache_dir=tmp_path)(X, device=vulkan)
    stored = Launchable.from_file_cache_only(tmp_path)
    with count_since() as counts:
        assert torch.equal(stored(X, device=vulkan), X * 2)
    assert counts[0].compiles == 0
    with pytest.raises(ArtifactNotFoundError, match="no artifact fits"):
        stored(X)


@pytest.mark.vulkan
def test_one_program_runs_on_two_devices_in_turn(doubling: Callable[..., str]) -> None:
    """L6."""
    vulkan, program = open_or_skip("vulkan"), jit(doubling())
    for _ in range(2):
        assert torch.equal(program(X, device=vulkan), X * 2)
        assert torch.equal(program(X), X * 2)
    with count_since() as counts:
        program(X, device=vulkan)
        program(X)
    assert (counts[0].compiles, counts[0].store_hits) == (0, 0)
