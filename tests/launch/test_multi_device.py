"""Do programs run over several devices as they were compiled to, and refuse what cannot be?"""

from __future__ import annotations

import gc
import inspect
import math
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import ir_runtime
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import (
    LaunchError,
    LinkError,
)
from ir_runtime.launch import Launchable, MultiDeviceLaunchable
from ir_runtime.launch.artifact.store import DirectoryStore
from tests.devices import ANY_DEVICE, open_or_skip
from tests.launch.programs import MIXED, TWO, device_with_own_workers, naps, pipeline
from tests.sampling import covering

jit = MultiDeviceLaunchable.jit_compile
X = torch.arange(1.0, 6.0)
ASYNC = ["--iree-execution-model=async-external"]


@pytest.fixture(scope="module")
def program(vmfb: bytes) -> MultiDeviceLaunchable:
    return MultiDeviceLaunchable(vmfb, TWO)


def test_it_is_public() -> None:
    assert ir_runtime.MultiDeviceLaunchable is MultiDeviceLaunchable


def test_signature_is_that_of_the_seed() -> None:
    """M1."""
    names = ["vmfb", "devices", "function_name", "runtime_flags", "is_async"]
    for function in (MultiDeviceLaunchable, MultiDeviceLaunchable.from_vmfb):
        parameters = list(inspect.signature(function).parameters.values())
        assert [p.name for p in parameters[:5]] == names
        assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters[:5])
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[5:])


@pytest.mark.parametrize(
    ("places", "expected"), [((0, 0), [True, False]), ((1, 1), [False, True]), ((0, 1), [True] * 2)]
)
def test_each_part_runs_on_the_device_that_the_program_says(
    places: tuple[int, int], expected: list[bool]
) -> None:
    """M1: told by whose worker threads are woken."""
    opened = [device_with_own_workers() for _ in range(2)]
    source = pipeline()
    for device, place in enumerate(places):
        source = source.replace(f"@__device_{device}>", f"@<{place}>")
    source = re.sub(r"@<(\d)>", r"@__device_\1>", source)
    program = jit(source, [device for device, _ in opened])
    x = torch.ones(1 << 16)
    program(x)
    before = [naps(workers) for _, workers in opened]
    with count_since() as counted:
        assert torch.equal(program(x), 4 * x)
    assert [naps(workers) > n for (_, workers), n in zip(opened, before, strict=True)] == expected
    assert counted[0].launches == 1


@pytest.fixture(params=ANY_DEVICE)
def device(request: pytest.FixtureRequest) -> Device:
    return open_or_skip(request.param)


def test_one_device_of_any_driver_serves_tensors_on_the_cpu(device: Device) -> None:
    """M1."""
    source = pipeline().replace("@__device_1", "@__device_0")
    assert torch.equal(jit(source, [device])(X).cpu(), 4 * X)


def test_undeclared_argument_on_the_cpu_goes_to_the_first_device(device: Device) -> None:
    source = "func.func @main(%a: tensor<5xf32>) -> tensor<5xf32> { return %a : tensor<5xf32> }"
    assert torch.equal(jit(source, [device])(X).cpu(), X)


def test_listed_devices_are_distinct(program: MultiDeviceLaunchable) -> None:
    first, second = program.devices
    assert first.hal_device is not second.hal_device


@pytest.mark.parametrize(
    "devices",
    [
        TWO,
        ["local-sync", "local-sync"],
        ["local-sync", "local-task"],
        [*TWO, "local-task"],
    ],
    ids=", ".join,
)
def test_local_devices_of_any_kind_serve(devices: list[str]) -> None:
    """M1: devices beyond those of the program stay idle."""
    assert torch.equal(jit(pipeline(), devices)(X), 4 * X)


def test_open_devices_serve(vmfb: bytes) -> None:
    """M1."""
    devices = [Device("local-sync"), Device("local-task")]
    program = MultiDeviceLaunchable(vmfb, devices)
    assert program.devices == tuple(devices)
    assert torch.equal(program(X), 4 * X)


def test_process_keeps_its_one_vm_instance(program: MultiDeviceLaunchable) -> None:
    """The seed makes an instance of its own, which races on HAL types."""
    assert all(d.vm_instance is ir_runtime.get_vm_instance() for d in program.devices)


def test_repeated_uri_is_opened_once_more_a_process(vmfb: bytes) -> None:
    opened = [MultiDeviceLaunchable(vmfb, TWO).devices for _ in range(2)]
    assert [d.hal_device for d in opened[0]] == [d.hal_device for d in opened[1]]


@pytest.mark.parametrize("make", [MultiDeviceLaunchable, MultiDeviceLaunchable.from_vmfb])
@pytest.mark.parametrize("form", ["bytes", "path", "text of a path"])
def test_compiled_program_comes_as_bytes_or_file(
    vmfb: bytes, tmp_path: Path, form: str, make: Any
) -> None:
    """M1."""
    path = tmp_path / "p.vmfb"
    path.write_bytes(vmfb)
    given = {"bytes": vmfb, "path": path, "text of a path": str(path)}[form]
    assert torch.equal(make(given, TWO)(X), 4 * X)


@pytest.mark.parametrize(
    "dtype",
    [d for d in DTYPES if d.is_floating_point and d.itemsize > 1]
    + [torch.int8, torch.int16, torch.int32, torch.int64],
    ids=str,
)
def test_every_dtype_with_an_addition_is_computed(dtype: torch.dtype) -> None:
    """M1: the seed gives back f32, f16, i32 and i64 only."""
    op = "arith.addf" if dtype.is_floating_point else "arith.addi"
    x = torch.arange(9).to(dtype)
    result = jit(pipeline(DTYPES[dtype].mlir, op), TWO)(x)
    assert result.dtype == dtype
    assert torch.equal(result, 4 * x)


SIGNED_MLIR = {"u8": "ui8", "u16": "ui16", "u32": "ui32", "u64": "ui64"}


@covering(dtype=tuple(DTYPES), kinds={"dtype": lambda d: (d.itemsize, DTYPES[d].carrier)})
def test_every_dtype_moves_from_device_to_device(dtype: torch.dtype) -> None:
    row = DTYPES[dtype]
    kind = f"tensor<8x{SIGNED_MLIR.get(row.short, row.mlir)}>"
    source = f"""
func.func @main(%a: {kind} {{iree.abi.affinity = #hal.device.promise<@__device_0>}})
    -> ({kind} {{iree.abi.affinity = #hal.device.promise<@__device_1>}}) {{
  %0 = flow.tensor.transfer %a : {kind} to #hal.device.promise<@__device_1>
  return %0 : {kind}
}}"""
    bits = (torch.arange(8 * dtype.itemsize) % (2 if dtype is torch.bool else 120)).to(torch.uint8)
    result = jit(source, TWO)(bits.view(dtype))
    assert result.dtype == dtype
    assert torch.equal(result.view(torch.uint8), bits)


def test_numbers_and_tensors_mix() -> None:
    """M1: the seed drops numbers."""
    number, scaled, flag = jit(MIXED, TWO)(X, 0.5, torch.tensor(7), True)
    assert (number, flag) == (7, True)
    assert torch.equal(scaled, X * 0.5)


def test_arguments_need_no_tensor() -> None:
    """M1: the seed wants a torch tensor to tell the device that it was given."""
    source = "func.func @main(%n: i64) -> i64 { %0 = arith.addi %n, %n : i64 return %0 : i64 }"
    assert jit(source, TWO)(21) == 42


LAYOUTS = {
    "misaligned": lambda: torch.arange(33.0)[1:],
    "strided": lambda: torch.arange(16.0)[::2],
    "expanded": lambda: torch.ones(1).expand(5),
    "neg": lambda: torch._neg_view(torch.arange(16.0)),
    "nan": lambda: torch.tensor([math.nan, math.inf, -0.0]),
    "wants a gradient": lambda: torch.ones(4, requires_grad=True),
    "large": lambda: torch.ones(1 << 21),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_right_results(program: MultiDeviceLaunchable, layout: str) -> None:
    x = LAYOUTS[layout]()
    assert torch.equal(program(x).nan_to_num(7.0), (4 * x).detach().nan_to_num(7.0))


def test_empty_tensor_is_computed(program: MultiDeviceLaunchable) -> None:
    assert program(torch.empty(0)).shape == (0,)  # IREE's worker pool dies of an empty grid
    assert torch.equal(program(X), 4 * X)


def test_result_is_written_into_the_output(program: MultiDeviceLaunchable) -> None:
    out = torch.zeros(10)[::2]
    assert program(X, outputs=[out]) is out
    assert torch.equal(out, 4 * X)


def test_result_outlives_program_and_devices(vmfb: bytes) -> None:
    program = MultiDeviceLaunchable(vmfb, TWO)
    x = torch.ones(1 << 16)
    result = program(x)
    del program
    gc.collect()
    assert torch.equal(result, 4 * x)


@pytest.mark.parametrize("devices", [TWO, ["local-sync", "local-sync"]], ids=", ".join)
def test_program_of_the_asynchronous_model_is_waited_for(devices: list[str]) -> None:
    """M1, I1."""
    program = jit(pipeline(), devices, flags=ASYNC)
    x = torch.ones(1 << 16)
    for _ in range(4):
        x = program(x)
    assert torch.equal(x, torch.full((1 << 16,), 256.0))


@pytest.mark.parametrize("flags", [[], ASYNC], ids=["sync", "async"])
def test_failing_launch_raises_and_the_next_one_works(flags: list[str]) -> None:
    """I1."""
    source = pipeline().replace("tensor<?x", "tensor<4x").replace("{%d}", "")
    program = jit(source, TWO, flags=flags, name="softcap")
    for _ in range(2):
        with pytest.raises(LaunchError, match="softcap: failed while running"):
            program(torch.ones(5))
        assert torch.equal(program(torch.ones(4)), torch.full((4,), 4.0))


def test_threads_share_a_program(program: MultiDeviceLaunchable) -> None:
    wrong: list[int] = []

    def work(size: int) -> None:
        x = torch.arange(float(size))
        wrong.extend(size for _ in range(20) if not torch.equal(program(x), 4 * x))

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 33, 4096, 1 << 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []


@pytest.mark.full
def test_forked_child_runs_the_program_of_its_parent(
    run_python: Any, tmp_path: Path, vmfb: bytes
) -> None:
    (tmp_path / "p.vmfb").write_bytes(vmfb)
    code = f"""
import os, torch
from ir_runtime import MultiDeviceLaunchable
program = MultiDeviceLaunchable({str(tmp_path / "p.vmfb")!r}, {TWO!r})
x = torch.ones(9)
assert torch.equal(program(x), 4 * x)
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(program(x), 4 * x) else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert torch.equal(program(x), 4 * x)
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stored_program_is_found_again(tmp_path: Path) -> None:
    with count_since() as counted:
        for _ in range(2):
            assert torch.equal(jit(pipeline(), TWO, file_cache_dir=tmp_path)(X), 4 * X)
    assert (counted[0].compiles, counted[0].store_hits) == (1, 1)


def test_number_of_devices_is_part_of_the_key(tmp_path: Path) -> None:
    source = "func.func @main(%a: tensor<5xf32>) -> tensor<5xf32> { return %a : tensor<5xf32> }"
    for count in (1, 2, 3):
        jit(source, ["local-sync"] * count, file_cache_dir=tmp_path)
    Launchable.jit_compile(source, entry_point="main", file_cache_dir=tmp_path).preload("cpu")
    assert len({key.device_type for key in DirectoryStore(tmp_path).keys()}) == 4


def test_parameters_are_linked() -> None:
    import numpy as np
    from iree.runtime import ParameterIndex, parameter_index_add_numpy_ndarray

    source = """
util.global private @w = #flow.parameter.named<"model"::"weight"> : tensor<4xf32>
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %w = util.global.load @w : tensor<4xf32>
  %0 = arith.mulf %a, %w : tensor<4xf32>
  return %0 : tensor<4xf32>
}"""
    index = ParameterIndex()
    parameter_index_add_numpy_ndarray(index, "weight", np.float32([1, 2, 3, 4]))
    program = jit(source, TWO, parameter_providers=[index.create_provider(scope="model")])
    assert torch.equal(program(torch.ones(4)), torch.arange(1.0, 5.0))
    with pytest.raises(LinkError, match="io_parameters"):
        jit(source, TWO)


def test_runtime_flags_hold_for_the_devices(run_python: Any, vmfb: bytes, tmp_path: Path) -> None:
    """M1: the seed keeps them and does nothing with them."""
    (tmp_path / "p.vmfb").write_bytes(vmfb)
    code = """
import os, sys, torch
from ir_runtime import MultiDeviceLaunchable
threads = lambda: len(os.listdir("/proc/self/task"))
MultiDeviceLaunchable(sys.argv[1], ["local-task"] * 2)
before = threads()
flags = ["--task_topology_group_count=7"]
program = MultiDeviceLaunchable(sys.argv[1], ["local-task"] * 2, runtime_flags=flags)
print(threads() - before >= 7)
x = torch.ones(9)
print(torch.equal(program(x), 4 * x))
"""
    done = run_python(code, tmp_path / "p.vmfb")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nTrue\n", "")


def test_it_says_what_it_is(program: MultiDeviceLaunchable) -> None:
    assert repr(program) == "<MultiDeviceLaunchable program on local-task, local-task>"
