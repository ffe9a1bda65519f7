"""Constants on GPUs: uploaded once a GPU, known to torch on each stream, freed with the kernel."""

from __future__ import annotations

import ctypes
import gc
import struct
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.device.driver_error import CaptureError
from ir_runtime.launch.direct.gpu import gpu_constants
from ir_runtime.launch.direct.gpu.driver_library import open_driver, use_library
from ir_runtime.launch.direct.gpu.gpu_constants import GpuConstants
from ir_runtime.launch.direct.native._launcher import Plan
from ir_runtime.launch.direct.plan import Dispatch
from ir_runtime.launch.executor import BoundKernel, LoadedKernel, bind_gpu_kernel
from tests.launch.gpu.constant_kernel import TABLE, WIDTH, scaling
from tests.launch.gpu.fake_gpu import FakeGpu, fake_gpu, recorder_path
from tests.launch.gpu.plans import SIZE, Failures, code

PARTS = (b"a" * 65, b"b" * 128)


class Uploads:
    """Memory that passes for that of GPUs, and what torch was told of it."""

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.devices: list[int] = []
        self.told: list[tuple[int, int]] = []
        self.wait_s = 0.0
        self.before: Any = lambda: None
        self.memories: list[weakref.ref[Tensor]] = []

    def upload(self, data: Tensor, device: int) -> Tensor:
        self.before()
        time.sleep(self.wait_s)
        self.devices.append(device)
        made = self.gpu.place(torch.empty(data.numel() + 64, dtype=torch.uint8), device)
        made[: data.numel()] = data
        self.memories.append(weakref.ref(made))
        return made

    def tell(self, memory: Tensor, device: int) -> None:
        self.told.append((device, memory.data_ptr()))


@pytest.fixture
def uploads(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    made = Uploads(gpu)
    monkeypatch.setattr(gpu_constants, "_uploaded", made.upload)
    monkeypatch.setattr(gpu_constants, "_tell_of_stream", made.tell)
    yield made
    gc.collect()


def plan_of(gpu: FakeGpu, constants: GpuConstants, **options: Any) -> Plan:
    """Launch on an operand, the second constant and the result; slot 2 is a transient."""
    bindings = ((0, 0, SIZE), (4, 0, SIZE), (1, 0, SIZE))
    given = {"driver": gpu.driver, "failure": Failures(), "place": constants} | options
    return Plan(
        [code(gpu)], 1, 1, [SIZE, SIZE], [64], [("dispatch", 0, 0, (4, 1, 1), (7,), bindings)],
        SIZE * 3, constants.spans, **given,
    )  # fmt: skip


def tensors(gpu: FakeGpu, device: int = 0) -> list[Tensor]:
    gpu.use_device(device)
    return [gpu.place(torch.zeros(4, 8), device) for _ in range(2)]


def launch(what: Plan, given: list[Tensor]) -> int:
    return what.run(given[:1], given[1:])


def test_constant_is_a_parameter_of_the_launch(uploads: Uploads) -> None:
    gpu, constants = uploads.gpu, GpuConstants("test", PARTS)
    assert constants.spans == ((0, 65), (128, 128))
    x, out = tensors(gpu)
    assert launch(plan_of(gpu, constants), [x, out]) == 0
    (seen,) = gpu.launches()
    (memory,) = [memory() for memory in uploads.memories]
    assert memory is not None
    assert seen.parameters == (x.data_ptr(), memory.data_ptr() + 128, out.data_ptr(), 7)
    assert ctypes.string_at(seen.parameters[1], 128) == PARTS[1]


def test_constants_are_uploaded_once_for_each_gpu(uploads: Uploads) -> None:
    gpu, constants = uploads.gpu, GpuConstants("test", PARTS)
    plans = [plan_of(gpu, constants) for _ in range(2)]
    assert not constants.is_on(0)
    for device in (0, 1, 0):
        for each in plans:
            assert launch(each, tensors(gpu, device)) == 0
    assert uploads.devices == [0, 1]
    assert constants.is_on(0)
    assert constants.is_on(1)
    at = {each.parameters[1] for each in gpu.launches()}
    assert len(at) == 2


def test_torch_is_told_of_each_stream_once(uploads: Uploads) -> None:
    gpu, what = uploads.gpu, plan_of(uploads.gpu, GpuConstants("test", PARTS))
    for stream in (5, 5, 6, 5, 6):
        gpu.set_stream(stream)
        assert launch(what, tensors(gpu)) == 0
    assert uploads.devices == [0]
    assert len(uploads.told) == 2


def test_many_threads_upload_once(uploads: Uploads) -> None:
    gpu, constants = uploads.gpu, GpuConstants("test", PARTS)
    uploads.wait_s = 0.05
    plans = [plan_of(gpu, constants) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: launch(each, tensors(gpu)), plans))
    assert answers == [0] * 4
    assert uploads.devices == [0]
    assert len({each.parameters[1] for each in gpu.launches()}) == 1


def test_upload_in_a_capture_is_an_error_and_later_calls_work(uploads: Uploads) -> None:
    gpu, what = uploads.gpu, plan_of(uploads.gpu, GpuConstants("test", PARTS))
    gpu.set_stream(9)
    with gpu.capture(9), pytest.raises(CaptureError) as caught:
        launch(what, tensors(gpu))
    assert str(caught.value) == (
        "test: its constants are not on device 0 while its stream is captured, must be there "
        "before a capture begins\n"
        "  fix: call the op once with such tensors before the capture"
    )
    assert uploads.devices == []
    assert launch(what, tensors(gpu)) == 0
    with gpu.capture(9):
        assert launch(what, tensors(gpu)) == 0
    assert len(gpu.launches()) == 2


@pytest.mark.parametrize("captured", [False, True])
def test_memory_goes_with_the_kernel_unless_a_graph_reads_it(
    uploads: Uploads, captured: bool
) -> None:
    gpu = uploads.gpu
    constants = GpuConstants("test", PARTS)
    what = plan_of(gpu, constants)
    gpu.set_stream(9)
    assert launch(what, tensors(gpu)) == 0
    if captured:
        with gpu.capture(9):
            assert launch(what, tensors(gpu)) == 0
    del what, constants
    gc.collect()
    (memory,) = uploads.memories
    assert (memory() is not None) == captured


def test_failed_upload_is_the_error_and_the_next_call_works(uploads: Uploads) -> None:
    def fail() -> None:
        uploads.before = lambda: None
        raise torch.OutOfMemoryError("CUDA out of memory")

    gpu, what = uploads.gpu, plan_of(uploads.gpu, GpuConstants("test", PARTS))
    uploads.before = fail
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        launch(what, tensors(gpu))
    assert gpu.launches() == []
    assert launch(what, tensors(gpu)) == 0
    assert len(gpu.launches()) == 1


def test_failed_look_at_the_stream_is_the_drivers_error(uploads: Uploads) -> None:
    gpu, what = uploads.gpu, plan_of(uploads.gpu, GpuConstants("test", PARTS))
    gpu.fail(f"{'cu' if gpu.kind == 'cuda' else 'hip'}StreamIsCapturing", 700)
    with pytest.raises(RuntimeError, match="StreamIsCapturing: "):
        launch(what, tensors(gpu))
    assert uploads.devices == []
    assert launch(what, tensors(gpu)) == 0


def test_tensor_that_is_cut_during_the_upload_is_not_read(uploads: Uploads) -> None:
    """An upload runs Python code: finalisers, and other threads."""
    gpu, what = uploads.gpu, plan_of(uploads.gpu, GpuConstants("test", PARTS))
    x, out = tensors(gpu)
    uploads.before = lambda: x.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="lost its memory"):
        launch(what, [x, out])
    assert gpu.launches() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"place": None}, "has constants on a GPU, must have a function that places them"),
        ({"constants": [b"1234"]}, r"constant 0 is b'1234', must be \(offset, length\) on a GPU"),
        ({"constants": [(32, 4)]}, "constant 0 is not 64-byte aligned"),
        ({"constants": [(0, 4), (64, -1)]}, "a constant's size is -1"),
    ],
)
def test_wrong_constants_are_refused(gpu: FakeGpu, change: dict, message: str) -> None:
    given = {"constants": [(0, SIZE)], "place": lambda *_: 64} | change
    with pytest.raises(ValueError, match=message):
        Plan(
            [code(gpu)], 2, 1, [SIZE] * 3, (), (), 0,
            driver=gpu.driver, failure=Failures(), **given,
        )  # fmt: skip


@pytest.mark.parametrize("place", [lambda *_: 0, lambda *_: 96, lambda *_: "here"])
def test_address_that_is_none_is_an_error(gpu: FakeGpu, place: Any) -> None:
    what = plan_of(gpu, GpuConstants("test", PARTS), place=place)
    with pytest.raises((RuntimeError, TypeError)):
        launch(what, tensors(gpu))
    assert gpu.launches() == []


# --- a real kernel ---


@pytest.fixture
def cuda_uploads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    with use_library("cuda", str(recorder_path())), fake_gpu("cuda") as gpu:
        gpu.driver = open_driver("cuda")
        made = Uploads(gpu)
        monkeypatch.setattr(gpu_constants, "_uploaded", made.upload)
        monkeypatch.setattr(gpu_constants, "_tell_of_stream", made.tell)
        yield made


def test_kernel_with_a_table_is_launched_directly(cuda_uploads: Uploads) -> None:
    gpu, kernel = cuda_uploads.gpu, LoadedKernel(scaling("cuda:sm_89"))
    x, out = (gpu.place(torch.zeros(3, WIDTH)) for _ in range(2))
    results = (((3, WIDTH), torch.float32),)
    bound = bind_gpu_kernel(kernel, torch.device("cpu"), [x], results)
    assert isinstance(bound, BoundKernel), bound
    bound.launch([x], [out])
    (seen,) = gpu.launches()
    assert bound.plan is not None
    (step,) = bound.plan.plan.steps
    assert isinstance(step, Dispatch)
    assert [binding.slot for binding in step.bindings] == [0, 2, 1]
    assert (seen.parameters[0], seen.parameters[2]) == (x.data_ptr(), out.data_ptr())
    table = struct.pack(f"{WIDTH}f", *TABLE)
    assert ctypes.string_at(seen.parameters[1], len(table)) == table
    assert (cuda_uploads.devices, seen.grid) == ([0], step.workgroups)
