"""A real kernel on GPUs: from its artifact to what the driver is asked for, and its errors."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.device.driver_error import (
    CaptureError,
    DeviceLostError,
    DriverError,
    DriverTooOldError,
)
from ir_runtime.errors import DeviceError, LaunchError
from ir_runtime.launch.compile.program_record import stored_gpu_exports
from ir_runtime.launch.direct.direct_program import DirectProgram
from ir_runtime.launch.direct.gpu.driver_library import open_driver, use_library
from ir_runtime.launch.direct.gpu.failure import DriverFailure
from ir_runtime.launch.direct.gpu_launch import bind_gpu_launch, load_gpu_direct
from ir_runtime.launch.direct.plan import Dispatch
from ir_runtime.launch.executor import BoundKernel, LoadedKernel, bind_gpu_kernel
from ir_runtime.settings import override_settings
from tests.launch.gpu.fake_gpu import FakeGpu, fake_gpu, recorder_path
from tests.launch.gpu.kernels import RMS_NORM, artifact, use_readable_images

CHIPS = {"cuda": "cuda:sm_89", "hip": "hip:gfx942"}
HERE = torch.device("cpu")  # what torch says of the memory that passes for a GPU's


@pytest.fixture(autouse=True)
def no_waiting_garbage() -> None:
    """Unload what other tests left behind errors: the driver's calls are counted here."""
    gc.collect()


@contextmanager
def gpu_of(kind: str) -> Iterator[FakeGpu]:
    with use_library(kind, str(recorder_path())), fake_gpu(kind) as gpu:
        gpu.driver = open_driver(kind)
        yield gpu


def loaded(kind: str) -> DirectProgram:
    """Load the kernel; the recorder reads PTX only, so HSACO gets a stand-in."""
    stored = artifact(CHIPS[kind])
    direct = load_gpu_direct(stored)
    assert isinstance(direct, DirectProgram), direct
    if kind == "hip":
        use_readable_images(stored, direct)
    return direct


def operands(gpu: FakeGpu, device: int = 0) -> tuple[list[Tensor], Tensor]:
    x, weight, *_ = RMS_NORM.arguments(torch.bfloat16)
    aligned = [gpu.place(torch.empty(t.numel() + 64, dtype=t.dtype), device) for t in (x, weight)]
    given = [
        whole[: t.numel()].view(t.shape).copy_(t)
        for whole, t in zip(aligned, (x, weight), strict=True)
    ]
    out = gpu.place(torch.empty(x.numel() + 64, dtype=x.dtype), device)
    return given, out[: x.numel()].view(x.shape)


def results(out: Tensor) -> Any:
    return ((tuple(out.shape), out.dtype),)


@pytest.mark.parametrize("kind", ["cuda", "hip"])
def test_kernel_is_launched_as_its_plan_says(kind: str) -> None:
    with gpu_of(kind) as gpu:
        (x, weight), out = operands(gpu)
        gpu.set_stream(3)
        launch, bound = bind_gpu_launch(loaded(kind), [x, weight], results(out), where=HERE)
        launch([x, weight], [out])
        (seen,) = gpu.launches()
    (step,) = bound.plan.steps
    assert isinstance(step, Dispatch)
    (exports,) = stored_gpu_exports(artifact(CHIPS[kind])).values()
    assert (seen.kernel, seen.block) == (exports[0].name, exports[0].block)
    assert (seen.grid, seen.stream) == (step.workgroups, 3)
    memory = (x.data_ptr(), weight.data_ptr(), out.data_ptr())
    addresses = [memory[span.slot] + span.offset - span.lead for span in step.bindings]
    assert seen.parameters == (*addresses, *step.constants)
    assert seen.sizes == (8,) * len(step.bindings) + (4,) * len(step.constants)


def test_tensors_that_do_not_fit_are_copied_and_counted() -> None:
    with gpu_of("cuda") as gpu:
        (x, weight), out = operands(gpu)
        launch, _ = bind_gpu_launch(loaded("cuda"), [x, weight], results(out), where=HERE)
        shifted = gpu.place(torch.empty(x.numel() + 1, dtype=x.dtype))[1:].view(x.shape)
        wide = gpu.place(torch.empty(2 * weight.numel(), dtype=weight.dtype))[::2]
        with pytest.raises(LaunchError, match="refuses a tensor: device"):
            # its copy is in memory that only torch on a GPU would put there
            launch([shifted, weight], [out])
        with count_since() as counts, pytest.raises(LaunchError):
            launch([shifted, wide], [out])
        assert counts[0].copies == 2


def test_kernel_of_an_unknown_library_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with use_library("cuda", "/nowhere/libcuda.so.1"):
        reason = load_gpu_direct(artifact(CHIPS["cuda"]))
    assert isinstance(reason, str)
    assert reason.startswith("cuda: its driver cannot be used, must be installed and have a GPU; ")
    assert "/nowhere/libcuda.so.1" in reason


def test_record_of_another_version_says_why() -> None:
    stored = artifact(CHIPS["cuda"])
    damaged = json.loads(stored.program) | {"gpu": {"main": [["kernel"]]}}
    with gpu_of("cuda"):
        reason = load_gpu_direct(replace(stored, program=json.dumps(damaged).encode()))
    assert isinstance(reason, str)
    assert reason.startswith("its code does not load: ")


def bound(gpu: FakeGpu, kernel: LoadedKernel) -> BoundKernel | str:
    given, out = operands(gpu)
    return bind_gpu_kernel(kernel, HERE, given, results(out))


def test_kernel_is_bound_directly_where_it_can_be() -> None:
    kernel = LoadedKernel(artifact(CHIPS["cuda"]))
    with gpu_of("cuda") as gpu:
        made = bound(gpu, kernel)
        assert isinstance(made, BoundKernel)
        assert (made.executor, made.place) == ("direct", "cpu")
        assert made.plan is not None
        assert not kernel.take_ran()
        with override_settings(launch="vm"):
            assert bound(gpu, kernel) == "IR_RUNTIME_LAUNCH=vm"


def test_direct_alone_refuses_what_it_cannot_run() -> None:
    kernel = LoadedKernel(artifact(CHIPS["cuda"]))
    with fake_gpu("cuda") as gpu, use_library("cuda", "/nowhere"):
        reason = bound(gpu, kernel)
        assert isinstance(reason, str)
        with override_settings(launch="direct"), pytest.raises(LaunchError, match="directly"):
            bound(gpu, kernel)


# --- errors ---

ERRORS = [
    ("cuLaunchKernel", 1, DriverError, "rms_norm: device 0 refused the launch"),
    (
        "cuLaunchKernel",
        700,
        DeviceLostError,
        "rms_norm: device 0 failed, and this process cannot use it any more",
    ),
    (
        "cuModuleLoadDataEx",
        222,
        DriverTooOldError,
        "rms_norm: the driver of device 0 cannot load its code, must know it",
    ),
    (
        "cuModuleLoadDataEx",
        209,
        DriverTooOldError,
        "rms_norm: the driver of device 0 cannot load its code, must know it",
    ),
    (
        "cuStreamIsCapturing",
        900,
        CaptureError,
        (
            "rms_norm: failed on device 0 while its stream is captured, must be loaded before a "
            "capture begins"
        ),
    ),
]


@pytest.mark.parametrize(("call", "code", "kind", "headline"), ERRORS)
def test_each_error_of_the_driver_is_its_own_exception(
    call: str, code: int, kind: type[LaunchError], headline: str
) -> None:
    with gpu_of("cuda") as gpu:
        given, out = operands(gpu)
        launch, _ = bind_gpu_launch(loaded("cuda"), given, results(out), where=HERE)
        gpu.fail(call, code, nth=2 if call == "cuStreamIsCapturing" else 1)
        with pytest.raises(kind) as caught:
            launch(given, [out])
        assert caught.value.headline == headline
        assert type(caught.value) is kind
        gpu.take()
        launch(given, [out])  # and later calls work
        assert len(gpu.launches()) == 1


def test_message_has_op_kernel_and_plan() -> None:
    with gpu_of("cuda") as gpu:
        given, out = operands(gpu)
        launch, bound = bind_gpu_launch(loaded("cuda"), given, results(out), where=HERE)
        gpu.fail("cuLaunchKernel", 1)
        with pytest.raises(DriverError) as caught:
            launch(given, [out])
    stored = artifact(CHIPS["cuda"])
    ((export,),) = stored_gpu_exports(stored).values()
    (step,) = bound.plan.steps
    assert isinstance(step, Dispatch)
    grid = " x ".join(map(str, step.workgroups))
    assert str(caught.value) == (
        "rms_norm: device 0 refused the launch\n"
        "    cuLaunchKernel returned 1: CUDA_ERROR_INVALID_VALUE (error 1)\n"
        f"    kernel {stored.key.label}, device 0\n"
        f"    step 0 of 1: {export.name} over {grid} blocks, 3 buffers, {step.constants}"
    )
    error = caught.value
    assert (error.call, error.code, error.error) == (
        "cuLaunchKernel", 1, "CUDA_ERROR_INVALID_VALUE"
    )  # fmt: skip


def test_out_of_memory_empties_the_cache_once_and_tries_again() -> None:
    emptied: list[int] = []
    with gpu_of("cuda") as gpu:
        given, out = operands(gpu)
        direct = loaded("cuda")
        _, bound = bind_gpu_launch(direct, given, results(out), where=HERE)

        def empty() -> None:
            emptied.append(1)
            if len(emptied) > 1:
                gpu.fail("cuLaunchKernel", 2)

        failure = DriverFailure("rms_norm", "label", bound.plan, direct.program, empty)
        assert failure("cuLaunchKernel", 2, "CUDA_ERROR_OUT_OF_MEMORY", "", 0, 0, None, 0) is True
        assert emptied == [1]
        with pytest.raises(DriverError, match="has no memory left, though torch's cache was"):
            failure("cuLaunchKernel", 2, "CUDA_ERROR_OUT_OF_MEMORY", "", 0, 0, None, 2)
        assert emptied == [1]
        gpu.fail("cuLaunchKernel", 2)
        assert bound.native.run(given, [out]) == 0
        assert [name for name in gpu.names() if name == "cuLaunchKernel"] == ["cuLaunchKernel"] * 2


@pytest.mark.parametrize("captured", [False, True])
def test_lost_gpu_leaves_the_others_usable(captured: bool) -> None:
    with gpu_of("cuda") as gpu:
        direct = loaded("cuda")
        ours, theirs = operands(gpu), operands(gpu, device=1)
        launch, _ = bind_gpu_launch(direct, ours[0], results(ours[1]), where=HERE)
        gpu.set_stream(9)
        gpu.fail("cuLaunchKernel", 700)
        capture = gpu.capture(9) if captured else nullcontext()
        with capture, pytest.raises(DeviceLostError) as caught:
            launch(ours[0], [ours[1]])
        assert caught.value.device == 0
        launch(theirs[0], [theirs[1]])
        (seen,) = [each for each in gpu.launches() if each.context == 1]
        assert seen.parameters[0] == theirs[0][0].data_ptr()


def test_fork_is_refused(tmp_path: Any) -> None:
    import os

    with gpu_of("cuda") as gpu:
        given, out = operands(gpu)
        launch, _ = bind_gpu_launch(loaded("cuda"), given, results(out), where=HERE)
        launch(given, [out])
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                launch(given, [out])
            except DeviceError as error:
                code = 0 if "in use by the parent of this forked process" in str(error) else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        launch(given, [out])
