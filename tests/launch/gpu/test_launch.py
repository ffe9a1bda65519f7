"""A plan on a GPU: what the driver is asked for, in which order, on which stream, with what."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import REFUSALS, GpuDriver, GpuExecutable, Plan
from tests.launch.gpu.fake_gpu import FakeGpu, recorder_path
from tests.launch.gpu.plans import ADD, EXPORTS, SIZE, Failures, code, dispatch, plan

CALLS = {
    "cuda": ("cuModuleLoadDataEx", "cuModuleGetFunction", "cuLaunchKernel", "cuModuleUnload"),
    "hip": (
        "hipModuleLoadDataEx",
        "hipModuleGetFunction",
        "hipModuleLaunchKernel",
        "hipModuleUnload",
    ),
}


def tensors(gpu: FakeGpu, count: int = 3, device: int = 0) -> list[Tensor]:
    return [gpu.place(torch.zeros(4, 8), device) for _ in range(count)]


def run(what: Plan, *given: Tensor, results: int = 1) -> int:
    return what.run(given[:-results], given[-results:])


def test_launch_gets_grid_block_stream_and_parameters(gpu: FakeGpu) -> None:
    x, y, out = tensors(gpu)
    gpu.set_stream(77)
    assert run(plan(gpu, dispatch(0, 1, 2, grid=(5, 3, 2), number=9)), x, y, out) == 0
    (launch,) = gpu.launches()
    assert (launch.kernel, launch.grid, launch.block) == ("add", (5, 3, 2), (32, 2, 1))
    assert (launch.shared_bytes, launch.stream) == (0, 77)
    assert launch.parameters == (x.data_ptr(), y.data_ptr(), out.data_ptr(), 9)
    assert launch.sizes == (8, 8, 8, 4)


def test_offsets_and_leads_are_in_the_addresses(gpu: FakeGpu) -> None:
    x, y, out = tensors(gpu)
    step = ("dispatch", 0, 0, (1, 1, 1), (1,), ((0, 64, 64), (1, 64, 64, 64), (2, 0, 0)))
    assert run(plan(gpu, step), x, y, out) == 0
    (launch,) = gpu.launches()
    assert launch.parameters[:3] == (x.data_ptr() + 64, y.data_ptr(), out.data_ptr())


def test_code_is_loaded_at_the_first_launch_only(gpu: FakeGpu) -> None:
    load, find, launch, _ = CALLS[gpu.kind]
    executable = code(gpu)
    what = plan(gpu, executable=executable)
    assert gpu.names() == []
    assert not executable.is_loaded(0)
    given = tensors(gpu)
    run(what, *given)
    names = [name for name in gpu.names() if "Context" not in name and "Ctx" not in name]
    shared = ["cuFuncSetAttribute"] if gpu.kind == "cuda" else []
    assert [n for n in names if n != "cuDeviceGet"] == [load, find, find, *shared, launch]
    assert executable.is_loaded(0)
    run(what, *given)
    assert load not in gpu.names()


def test_many_threads_load_once(gpu: FakeGpu) -> None:
    gpu.library.recorder_slow_loads(20_000)
    executable, barrier = code(gpu), threading.Barrier(8)
    what = plan(gpu, executable=executable)

    def call(_: int) -> int:
        given = tensors(gpu)
        barrier.wait()
        return run(what, *given)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(8))) == [0] * 8
    lines = gpu.take()
    assert sum(CALLS[gpu.kind][0] in line for line in lines) == 1
    launches = [line for line in lines if line.startswith(CALLS[gpu.kind][2])]
    assert len(launches) == 8
    assert all("context=0" in line for line in launches if gpu.kind == "cuda")


def test_each_gpu_loads_its_own_module_and_has_its_own_context(gpu: FakeGpu) -> None:
    executable = code(gpu)
    what = plan(gpu, executable=executable)
    for device in (0, 3, 0):
        gpu.set_stream(100 + device, device)
        run(what, *tensors(gpu, device=device))
    assert [executable.is_loaded(device) for device in range(4)] == [True, False, False, True]
    lines = gpu.take()
    assert sum(CALLS[gpu.kind][0] in line for line in lines) == 2
    launches = [line for line in lines if line.startswith(CALLS[gpu.kind][2])]
    assert ["stream=100" in line for line in launches] == [True, False, True]
    if gpu.kind == "cuda":
        assert ["context=3" in line for line in launches] == [False, True, False]


def test_what_was_current_before_is_current_again(gpu: FakeGpu) -> None:
    what = plan(gpu)
    for before in (-1, 0, 5):
        gpu.library.recorder_set_context(before)
        run(what, *tensors(gpu, device=2))
        if gpu.kind == "cuda":
            assert gpu.library.recorder_context() == before
        else:
            assert gpu.library.recorder_device() == max(before, 0)


def test_current_context_is_not_set_again(cuda: FakeGpu) -> None:
    what, given = plan(cuda), tensors(cuda)
    run(what, *given)
    cuda.library.recorder_set_context(0)
    cuda.take()
    run(what, *given)
    assert cuda.names() == ["cuLaunchKernel"]


def test_fresh_thread_gets_the_context_of_its_gpu(cuda: FakeGpu) -> None:
    what, given = plan(cuda), tensors(cuda)
    run(what, *given)
    cuda.library.recorder_set_context(0)
    cuda.take()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run, what, *given).result()
    assert cuda.names() == ["cuCtxSetCurrent", "cuLaunchKernel", "cuCtxSetCurrent"]


def test_stream_is_that_of_the_thread_when_it_launches(gpu: FakeGpu) -> None:
    what, given = plan(gpu), tensors(gpu)
    streams = []
    for stream in (0, 11, 12, 11):
        gpu.set_stream(stream)
        run(what, *given)
        streams += [launch.stream for launch in gpu.launches()]
    assert streams == [0, 11, 12, 11]


def test_torch_without_a_stream_is_an_error(gpu: FakeGpu) -> None:
    gpu.library.recorder_hide_streams(1)
    with pytest.raises(RuntimeError, match="torch has no stream on device 0"):
        run(plan(gpu), *tensors(gpu))
    assert gpu.launches() == []


def test_empty_grid_is_no_launch_and_loads_nothing(gpu: FakeGpu) -> None:
    for grid in ((0, 1, 1), (4, 0, 1), (4, 1, 0)):
        executable = code(gpu)
        assert (
            run(plan(gpu, dispatch(0, 1, 2, grid=grid), executable=executable), *tensors(gpu)) == 0
        )
        assert not executable.is_loaded(0)
        assert gpu.launches() == []


def test_transient_is_torchs_and_freed_after_the_last_step(gpu: FakeGpu) -> None:
    steps = (dispatch(0, 1, 4), dispatch(3, 4, 2))
    with pytest.raises(ValueError, match="slot 3, which has 100"):
        plan(gpu, *steps, transients=(100, 300))
    what = plan(gpu, *steps, transients=(128, 300))
    given = tensors(gpu)
    run(what, *given)
    names = gpu.names()
    assert names.index("allocate") < names.index(CALLS[gpu.kind][2])
    assert names[-1] == "free"
    assert (gpu.allocations, gpu.frees) == (1, 1)
    run(what, *given)
    first, second = gpu.launches()
    assert first.parameters[2] == second.parameters[1] == second.parameters[0] + 128
    assert first.parameters[2] % 64 == 0


def test_fills_and_copies_are_enqueued_in_order(gpu: FakeGpu) -> None:
    x, y, out = tensors(gpu)
    x.fill_(3.0)
    steps = (
        ("fill", (1, 0, 64), b"\7"),
        ("fill", (1, 64, 32), b"\1\2"),
        ("fill", (1, 96, 32), b"\0\0\x80\x3f"),
        ("copy", (0, 0, 128), (2, 0, 128)),
        dispatch(0, 1, 2),
    )
    gpu.set_stream(5)
    run(plan(gpu, *steps), x, y, out)
    lines = [line for line in gpu.take() if "stream=5" in line]
    short = [line.split()[0].removeprefix("cu").removeprefix("hip") for line in lines]
    launch = CALLS[gpu.kind][2].removeprefix("cu").removeprefix("hip")
    assert short == ["MemsetD8Async", "MemsetD16Async", "MemsetD32Async", "MemcpyDtoDAsync", launch]
    assert torch.equal(out, x)
    assert y.flatten()[24:].tolist() == [1.0] * 8
    assert y.view(torch.uint8).flatten()[:68].tolist() == [7] * 64 + [1, 2, 1, 2]


def test_shared_memory_is_asked_for_once(cuda: FakeGpu) -> None:
    what = plan(cuda, ("dispatch", 0, 1, (2, 1, 1), (3,), ((0, 0, SIZE),)))
    run(what, *tensors(cuda))
    run(what, *tensors(cuda))
    lines = cuda.take()
    assert [line.split(" ", 3)[3] for line in lines if "SetAttribute" in line] == ["shared 8 65536"]
    assert sum("shared=65536" in line for line in lines) == 2


def test_module_goes_with_its_executable(gpu: FakeGpu) -> None:
    what = plan(gpu)
    given = tensors(gpu)
    run(what, *given)
    run(what, *tensors(gpu, device=1))
    gpu.take()
    del what
    gc.collect()
    lines = [line for line in gpu.take() if line.startswith(CALLS[gpu.kind][3])]
    assert len(lines) == 2
    assert all("live=1" in line for line in lines)


def test_tensors_elsewhere_are_refused(gpu: FakeGpu) -> None:
    what = plan(gpu)
    x, y, out = tensors(gpu)
    (other,) = tensors(gpu, 1, device=1)
    for given in ((x, other, out), (x, y, other), (x, torch.zeros(4, 8), out)):
        assert REFUSALS[run(what, *given)] == "device"
    assert gpu.launches() == []


@pytest.mark.parametrize(
    ("offset", "why"), [(4, None), (8, None), (2, "alignment"), (1, "alignment")]
)
def test_tensors_need_16_bytes_of_alignment(gpu: FakeGpu, offset: int, why: str | None) -> None:
    _, y, out = tensors(gpu)
    shifted = gpu.place(torch.zeros(64))[offset : offset + 32].view(4, 8)
    refused = run(plan(gpu), shifted, y, out)
    assert (REFUSALS[refused] if refused else None) == why


def test_memory_of_another_device_is_refused(gpu: FakeGpu) -> None:
    """A transient is allocated on torch's current device, which must be that of the tensors."""
    gpu.use_device(1)
    refused = run(plan(gpu, dispatch(0, 1, 3), transients=(128,)), *tensors(gpu))
    assert REFUSALS[refused] == "current device"
    assert gpu.launches() == []
    assert gpu.allocations == gpu.frees


def test_torchs_out_of_memory_error_passes(gpu: FakeGpu) -> None:
    gpu.fail_allocation = True
    with pytest.raises(torch.OutOfMemoryError):
        run(plan(gpu, dispatch(0, 1, 3), transients=(128,)), *tensors(gpu))


def test_report_is_counted_later(gpu: FakeGpu) -> None:
    seen: list[Tensor] = []
    step = ("dispatch", 0, 0, (1, 1, 1), (1,), ((0, 0, SIZE), (1, 0, SIZE), (2, 0, 32)))
    what = Plan(
        [code(gpu)], 2, 1, [SIZE, SIZE, 32], (), [step], 0, report_rows=1,
        report_fault=seen.append, driver=gpu.driver, failure=Failures(),
    )  # fmt: skip
    rows = gpu.place(torch.zeros(1, 4, dtype=torch.int64))
    x, y, _ = tensors(gpu)
    assert what.run([x, y], [rows]) == 0
    assert gpu.launches()[0].parameters[2] == rows.data_ptr()
    assert seen == []  # the caller has the rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"driver": None}, "is <ir_runtime GpuExecutable: test>, must be an Executable"),
        ({"driver": "cuda"}, "its driver is 'cuda', must be a GpuDriver"),
        ({"failure": None}, "has a driver and no failure"),
        ({"constants": [(0, 4)]}, "has constants on a GPU, must have a function"),
    ],
)
def test_wrong_plan_is_refused(gpu: FakeGpu, change: dict, message: str) -> None:
    given = {"driver": gpu.driver, "failure": Failures()} | change
    with pytest.raises(ValueError, match=message):
        Plan([code(gpu)], 2, 1, [SIZE] * 3, (), [dispatch(0, 1, 2)], 0, **given)


def test_code_of_another_driver_is_refused(gpu: FakeGpu) -> None:
    other = GpuDriver(gpu.kind, str(recorder_path()))
    executable = GpuExecutable(other, "test", ADD, EXPORTS)
    with pytest.raises(ValueError, match="must be a GpuExecutable for <ir_runtime GpuDriver"):
        plan(gpu, executable=executable)


@pytest.mark.parametrize("grid", [(1 << 31, 1, 1), (1, 1 << 16, 1), (1, 1, 1 << 16)])
def test_grid_beyond_the_driver_is_refused(gpu: FakeGpu, grid: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="grid"):
        plan(gpu, dispatch(0, 1, 2, grid=grid))


@pytest.mark.parametrize(
    "export", [("add", (0, 1, 1), 0, 1, 3), ("add", (1024, 2, 1), 0, 1, 3), ("add", 3), 7]
)
def test_wrong_export_is_refused(gpu: FakeGpu, export: object) -> None:
    with pytest.raises(ValueError, match="GpuExecutable"):
        code(gpu, exports=[export])


def test_unknown_library_is_an_os_error(tmp_path) -> None:
    with pytest.raises(OSError, match="cannot open shared object file"):
        GpuDriver("cuda", "/nowhere/libcuda.so.1")
    with pytest.raises(OSError, match="has no cuInit, must have it"):
        GpuDriver("cuda", "libm.so.6")
    with pytest.raises(ValueError, match="must be 'cuda' or 'hip'"):
        GpuDriver("vulkan", str(recorder_path()))
