"""A driver's error at any call: told to Python with all facts, tried again once, nothing left."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch

from ir_runtime.launch.direct import native
from tests.launch.gpu.fake_gpu import FakeGpu, fake_gpu
from tests.launch.gpu.plans import ADD, Failures, code, dispatch, plan
from tests.launch.gpu.test_launch import CALLS, run, tensors

STEPS = (
    ("fill", (3, 0, 64), b"\7"),
    ("fill", (3, 64, 32), b"\1\2"),
    ("fill", (3, 96, 32), b"\0\0\0\0"),
    ("copy", (0, 0, 128), (4, 0, 128)),
    dispatch(3, 4, 2),
    ("dispatch", 0, 1, (1, 1, 1), (1,), ((2, 0, 128),)),
)
CUDA = (
    ("cuDeviceGet", 4), ("cuDevicePrimaryCtxRetain", 4), ("cuCtxGetCurrent", 4),
    ("cuCtxSetCurrent", 4), ("cuModuleLoadDataEx", 4), ("cuModuleGetFunction", 4),
    ("cuFuncSetAttribute", 4), ("cuStreamIsCapturing", 0), ("cuMemsetD8Async", 0),
    ("cuMemsetD16Async", 1), ("cuMemsetD32Async", 2), ("cuMemcpyDtoDAsync", 3),
    ("cuLaunchKernel", 4),
)  # fmt: skip
"""Each call, and the step that it is made for; code is loaded for the first dispatch."""
HIP = (
    ("hipGetDevice", 4), ("hipSetDevice", 4), ("hipModuleLoadDataEx", 4),
    ("hipModuleGetFunction", 4), ("hipStreamIsCapturing", 0), ("hipMemsetD8Async", 0),
    ("hipMemsetD16Async", 1), ("hipMemsetD32Async", 2), ("hipMemcpyDtoDAsync", 3),
    ("hipModuleLaunchKernel", 4),
)  # fmt: skip
ALL = [("cuda", *each) for each in CUDA] + [("hip", *each) for each in HIP]
LOOKED_AT_WHEN_LOADING = ("cuStreamIsCapturing", "hipStreamIsCapturing")


@pytest.fixture(autouse=True)
def no_waiting_garbage() -> None:
    """Unload what other tests left behind errors: the driver's calls are counted here."""
    gc.collect()


@pytest.mark.parametrize(("kind", "call", "step"), ALL)
def test_error_at_each_call_is_told_and_leaves_nothing(kind: str, call: str, step: int) -> None:
    with fake_gpu(kind) as gpu:
        failures = Failures()
        what = plan(gpu, *STEPS, transients=(128, 128), failure=failures)
        given = tensors(gpu, device=1)
        gpu.use_device(1)
        gpu.fail(call, 700, nth=2 if call in LOOKED_AT_WHEN_LOADING else 1)
        with pytest.raises(RuntimeError):
            run(what, *given)
        ((name, code_, word, text, at, device, detail, flags),) = failures.seen
        assert (code_, at, device, flags) == (700, step, 1, 0)
        assert word == ("CUDA_ERROR_ILLEGAL_ADDRESS" if kind == "cuda" else "hipErrorUnknown")
        assert text
        assert name == call or name.startswith(("memset", "copy"))
        if "Launch" in call:
            assert detail == "add"
        assert gpu.library.recorder_context() == -1
        assert gpu.allocations == gpu.frees
        gpu.take()
        assert run(what, *given) == 0  # later calls work
        assert len(gpu.launches()) == 2


@pytest.mark.parametrize("call", ["cuLaunchKernel", "cuModuleLoadDataEx", "cuMemcpyDtoDAsync"])
def test_another_try_goes_on_where_the_first_ended(cuda: FakeGpu, call: str) -> None:
    failures = Failures(again=True)
    what = plan(cuda, *STEPS, transients=(128, 128), failure=failures)
    cuda.fail(call, 2)
    assert run(what, *tensors(cuda)) == 0
    assert [(seen[0], seen[2], seen[-1]) for seen in failures.seen] == [
        (failures.seen[0][0], "CUDA_ERROR_OUT_OF_MEMORY", 0)
    ]
    enqueued = [n for n in cuda.names() if "Mem" in n or n == "cuLaunchKernel"]
    once = ["cuMemsetD8Async", "cuMemsetD16Async", "cuMemsetD32Async", "cuMemcpyDtoDAsync"]
    wanted = [*once, "cuLaunchKernel", "cuLaunchKernel"]
    if call in wanted:
        wanted.insert(wanted.index(call), call)
    assert enqueued == wanted


def test_second_failure_ends_it(cuda: FakeGpu) -> None:
    failures = Failures(again=True)
    what, given = plan(cuda, failure=failures), tensors(cuda)
    run(what, *given)

    def fail_again(*facts: object) -> bool:
        cuda.fail("cuLaunchKernel", 2)
        return failures(*facts)

    what = plan(cuda, failure=fail_again)
    cuda.fail("cuLaunchKernel", 2)
    with pytest.raises(RuntimeError, match="cuLaunchKernel failed: CUDA_ERROR_OUT_OF_MEMORY"):
        run(what, *given)
    assert [seen[-1] for seen in failures.seen] == [0, 2]  # the second time it was tried before


def test_log_of_the_drivers_compiler_is_passed_on(cuda: FakeGpu) -> None:
    failures = Failures()
    cuda.fail("cuModuleLoadDataEx", 222)
    with pytest.raises(RuntimeError):
        run(plan(cuda, failure=failures), *tensors(cuda))
    (seen,) = failures.seen
    assert (seen[2], seen[6]) == ("CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "ptxas: line 1; ?")


def test_kernel_that_is_missing_is_named_and_nothing_stays_loaded(gpu: FakeGpu) -> None:
    failures = Failures()
    exports = (("add", (32, 1, 1), 0, 1, 3), ("absent", (32, 1, 1), 0, 1, 1))
    executable = code(gpu, exports=exports)
    with pytest.raises(RuntimeError):
        run(plan(gpu, executable=executable, failure=failures), *tensors(gpu))
    assert failures.seen[0][6] == "absent"
    assert not executable.is_loaded(0)
    assert CALLS[gpu.kind][3] in gpu.names()


def test_failure_of_a_fill_names_no_kernel_of_an_earlier_step(cuda: FakeGpu) -> None:
    failures = Failures()
    cuda.fail("cuMemsetD8Async", 1)
    what = plan(cuda, dispatch(0, 1, 2), ("fill", (2, 0, 64), b"\7"), failure=failures)
    with pytest.raises(RuntimeError):
        run(what, *tensors(cuda))
    assert failures.seen[0][4:7] == (1, 0, None)


def test_error_that_is_set_while_code_goes_stays(cuda: FakeGpu) -> None:
    """It asks torch for a stream then, and there is none."""
    kept, zero = [code(cuda)], 0
    run(plan(cuda, executable=kept[0]), *tensors(cuda))
    cuda.library.recorder_hide_streams(1)
    with pytest.raises(ZeroDivisionError):
        (kept.pop(), 1 / zero)


def test_memory_that_is_lost_between_two_tries_is_an_error(cuda: FakeGpu) -> None:
    x, y, out = tensors(cuda)

    def shrink(*_: object) -> bool:
        x.untyped_storage().resize_(4)
        return True

    cuda.fail("cuLaunchKernel", 2)
    with pytest.raises(RuntimeError, match="lost its memory between two tries"):
        run(plan(cuda, failure=shrink), x, y, out)
    assert [launch.kernel for launch in cuda.launches()] == ["add"]


# --- captures ---


def test_code_is_loaded_in_relaxed_mode_during_a_capture(gpu: FakeGpu) -> None:
    gpu.set_stream(9)
    executable = code(gpu)
    with gpu.capture(9):
        assert run(plan(gpu, executable=executable), *tensors(gpu)) == 0
    loads = [line for line in gpu.take() if line.startswith(CALLS[gpu.kind][0])]
    assert len(loads) == 1
    assert " mode=2 " in loads[0]


def test_error_of_a_load_says_that_a_capture_went_on(gpu: FakeGpu) -> None:
    failures = Failures()
    gpu.set_stream(9)
    gpu.fail(CALLS[gpu.kind][0], 900)
    with gpu.capture(9), pytest.raises(RuntimeError):
        run(plan(gpu, failure=failures), *tensors(gpu))
    assert failures.seen[0][-1] == 1


def test_code_of_a_captured_graph_stays_loaded(gpu: FakeGpu) -> None:
    gpu.set_stream(9)
    what = plan(gpu)
    with gpu.capture(9):
        run(what, *tensors(gpu))
    del what
    gc.collect()
    assert CALLS[gpu.kind][3] not in gpu.names()


def test_code_is_not_unloaded_while_its_stream_is_captured(gpu: FakeGpu) -> None:
    what = plan(gpu)
    run(what, *tensors(gpu))
    gpu.take()
    gpu.set_stream(9)
    with gpu.capture(9):
        del what
        gc.collect()
        assert CALLS[gpu.kind][3] not in gpu.names()
    other = plan(gpu)
    run(other, *tensors(gpu))
    gpu.take()
    del other
    gc.collect()
    unloaded = [line for line in gpu.take() if line.startswith(CALLS[gpu.kind][3])]
    assert len(unloaded) == 2
    assert all(" mode=2 live=1" in line for line in unloaded)


def test_one_gpu_may_have_other_code(cuda: FakeGpu) -> None:
    executable = code(cuda)
    longer = ADD + b"// made for this chip\n"
    executable.use_image(1, longer)
    what = plan(cuda, executable=executable)
    for device in (0, 1):
        run(what, *tensors(cuda, device=device))
    sizes = [line.split("bytes=")[1] for line in cuda.take() if "cuModuleLoadDataEx" in line]
    assert sizes == [str(len(ADD)), str(len(longer))]


def test_nothing_is_waited_for(cuda: FakeGpu) -> None:
    """The driver has no function to wait that the launcher knows."""
    folder = Path(native.__file__).parent / "gpu"
    text = "".join(path.read_text() for path in folder.glob("*.[ch]"))
    assert "Synchronize" not in text
    assert torch.cuda.is_initialized() is False
