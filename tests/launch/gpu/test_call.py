"""The fast path for tensors on GPUs: which calls it serves, with which memory, on which stream."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import REFUSALS, BoundCall, Call, Plan
from ir_runtime.op_reg.call.call_functions import GPU_KEYSET, PLAIN_KEYSET
from tests.launch.gpu.fake_gpu import FakeGpu
from tests.launch.gpu.plans import SIZE, Failures, code, dispatch, plan
from tests.launch.gpu.test_launch import tensors
from tests.launch.native.calls import add_plan

RESULT = [((4, 8), torch.float32)]


class Keys:
    """A key set as the dispatcher passes one."""

    def __init__(self, raw: int) -> None:
        self._raw = raw

    def raw_repr(self) -> int:
        return self._raw


class GpuCalls:
    """A `Call` for tensors on GPUs, and why it passed calls on."""

    def __init__(self, gpu: FakeGpu, *, keyset: bool = False, **options: Any) -> None:
        self.gpu = gpu
        self.refusals: list[str] = []
        self.call = Call(
            self._slow,
            takes_keyset=keyset,
            plain_keyset=GPU_KEYSET,
            set_devices=[],
            parameters=("x", "y"),
            positional=2,
            defaults={},
            is_told=True,
            device_type=gpu.driver.device_type,
            **options,
        )

    def _slow(self, refused: int, *args: Any, **kwargs: Any) -> str:
        self.refusals.append(REFUSALS[refused])
        return "slow"

    def remember(self, x: Tensor, y: Tensor, **options: Any) -> Plan:
        made = plan(self.gpu, **options)
        assert self.call.remember((x, y), made, (0, 1), RESULT)
        return made

    def refusal(self, *args: Any, **kwargs: Any) -> str:
        assert self.call(*args, **kwargs) == "slow"
        return self.refusals[-1]


def test_hit_allocates_on_the_gpu_and_enqueues(gpu: FakeGpu) -> None:
    x, y, _ = tensors(gpu)
    calls = GpuCalls(gpu)
    calls.remember(x, y)
    gpu.set_stream(31)
    out = calls.call(x, y)
    (launch,) = gpu.launches()
    assert launch.parameters[:3] == (x.data_ptr(), y.data_ptr(), out.data_ptr())
    assert launch.stream == 31
    assert (out.shape, out.dtype, calls.call.hits) == ((4, 8), torch.float32, 1)
    assert gpu.allocations == 1


@pytest.mark.parametrize("keyset", [GPU_KEYSET, PLAIN_KEYSET, 0])
def test_hit_at_the_autograd_key_needs_the_keys_of_a_plain_gpu_tensor(
    cuda: FakeGpu, keyset: int
) -> None:
    x, y, _ = tensors(cuda)
    calls = GpuCalls(cuda, keyset=True)
    calls.remember(x, y)
    answer = calls.call(Keys(keyset), x, y)
    assert (answer == "slow") == (keyset != GPU_KEYSET)
    assert calls.refusals == ([] if keyset == GPU_KEYSET else ["dispatch keys"])


def _cases() -> dict[str, Callable[[FakeGpu], tuple[Any, ...]]]:
    def other(make: Callable[[], Tensor], device: int = 0) -> Callable[[FakeGpu], tuple[Any, ...]]:
        return lambda gpu: (tensors(gpu)[0], gpu.place(make(), device))

    return {
        "dtype": other(lambda: torch.zeros(4, 8, dtype=torch.int32)),
        "shape": other(lambda: torch.zeros(8, 8)),
        "strides": other(lambda: torch.zeros(8, 4).T),
        "alignment": lambda gpu: (
            tensors(gpu)[0], gpu.place(torch.zeros(40))[1:33].view(4, 8)
        ),
        "device": other(lambda: torch.zeros(4, 8), 1),
        "requires grad": other(lambda: torch.zeros(4, 8, requires_grad=True)),
        "kind of argument": lambda gpu: (tensors(gpu)[0], 1.0),
    }  # fmt: skip


@pytest.mark.parametrize("why", list(_cases()))
def test_call_that_differs_is_passed_on_with_the_reason(cuda: FakeGpu, why: str) -> None:
    x, y, _ = tensors(cuda)
    calls = GpuCalls(cuda, keyset=True)
    calls.remember(x, y)
    assert calls.refusal(Keys(GPU_KEYSET), *_cases()[why](cuda)) == why
    assert cuda.launches() == []


def test_cpu_tensors_and_cpu_plans_are_refused(cuda: FakeGpu) -> None:
    calls = GpuCalls(cuda)
    x, y, _ = tensors(cuda)
    calls.remember(x, y)
    assert calls.refusal(torch.zeros(4, 8), torch.zeros(4, 8)) == "device"
    with pytest.raises(ValueError, match="a plan for device type 1, must be for 2"):
        calls.call.remember((x, y), add_plan(), (0, 1), RESULT)


def test_each_gpu_has_its_own_memory_of_calls(cuda: FakeGpu) -> None:
    """Two GPUs may be of different chips, and so have different kernels."""
    calls, seen = GpuCalls(cuda), {}
    for device in (0, 1):
        cuda.use_device(device)
        cuda.set_stream(50 + device, device)
        x, y, _ = tensors(cuda, device=device)
        calls.remember(x, y, executable=code(cuda))
        seen[device] = x, y
    for device in (1, 0, 1):
        cuda.use_device(device)
        calls.call(*seen[device])
        (launch,) = cuda.launches()
        assert (launch.context, launch.stream) == (device, 50 + device)
    assert calls.refusals == []


@pytest.mark.parametrize("transients", [(), (128,)])
def test_another_current_device_sends_the_call_the_long_way(
    cuda: FakeGpu, transients: tuple[int, ...]
) -> None:
    """Which makes the device of the tensors current; the call is not remembered once more."""
    x, y, out = tensors(cuda)
    steps = (dispatch(0, 1, 3), dispatch(3, 1, 2)) if transients else (dispatch(0, 1, 2),)
    made = plan(cuda, *steps, transients=transients)
    calls, into = GpuCalls(cuda), GpuCalls(cuda, outs=("out",))
    for each in (calls, into):
        assert each.call.remember((x, y), made, (0, 1), RESULT)
    cuda.use_device(1)
    assert calls.refusal(x, y) == "current device"
    if transients:
        assert into.refusal(x, y, out=out) == "current device"
    assert cuda.launches() == []
    assert cuda.allocations == cuda.frees


def test_given_results_are_written(gpu: FakeGpu) -> None:
    x, y, out = tensors(gpu)
    calls = GpuCalls(gpu, outs=("out",))
    calls.remember(x, y)
    version = out._version
    assert calls.call(x, y, out=out) is out
    assert gpu.launches()[0].parameters[2] == out.data_ptr()
    assert out._version == version + 1
    assert calls.refusal(x, y, out=x) == "overlap"
    (elsewhere,) = tensors(gpu, 1, device=1)
    assert calls.refusal(x, y, out=elsewhere) == "device"
    assert gpu.allocations == 0


def test_changed_operand_is_written_where_it_lies(gpu: FakeGpu) -> None:
    x, y, _ = tensors(gpu)
    made = Plan(
        [code(gpu)], 2, 1, [SIZE] * 3, (), [dispatch(0, 1, 2)], 0, changed=(0,),
        driver=gpu.driver, failure=Failures(),
    )  # fmt: skip
    calls = GpuCalls(gpu, returned=0)
    assert calls.call.remember((x, y), made, (0, 1), [])
    version = x._version
    assert calls.call(x, y) is x
    launch = gpu.launches()[0]
    assert launch.parameters[0] == launch.parameters[2] == x.data_ptr()
    assert x._version == version + 1


def test_report_is_allocated_and_handed_over_after_the_launch(gpu: FakeGpu) -> None:
    x, y, _ = tensors(gpu)
    rows: list[Tensor] = []

    def take(tensor: Tensor) -> None:
        gpu.library.recorder_note(b"report")
        rows.append(tensor)

    step = ("dispatch", 0, 0, (1, 1, 1), (1,), ((0, 0, SIZE), (3, 0, 64), (2, 0, SIZE)))
    made = Plan(
        [code(gpu)], 2, 2, [SIZE, SIZE, SIZE, 64], (), [step], 0, report_rows=2,
        report_fault=take, driver=gpu.driver, failure=Failures(),
    )  # fmt: skip
    calls = GpuCalls(gpu)
    assert calls.call.remember((x, y), made, (0, 1), RESULT)
    out = calls.call(x, y)
    lines = gpu.take()
    assert [line.split()[-1] for line in lines if line.startswith("note")][-1] == "report"
    assert lines[-1].endswith("report")
    ((launch),) = [line for line in lines if "LaunchKernel" in line]
    assert f"{rows[0].data_ptr():016x}" in launch
    assert f"{out.data_ptr():016x}" in launch
    assert (rows[0].shape, rows[0].dtype) == ((2, 4), torch.int64)
    gpu.set_stream(9)
    with gpu.capture(9):
        calls.call(x, y)
    assert len(rows) == 1  # each replay writes the report of a captured launch


def test_error_in_a_hit_is_raised_and_frees_the_result(cuda: FakeGpu) -> None:
    x, y, _ = tensors(cuda)
    calls = GpuCalls(cuda)
    calls.remember(x, y)
    cuda.fail("cuLaunchKernel", 700)
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA_ERROR_ILLEGAL_ADDRESS"):
        calls.call(x, y)
    gc.collect()
    assert cuda.allocations == cuda.frees == 1
    assert isinstance(calls.call(x, y), Tensor)


def test_bound_call_serves_gpus(gpu: FakeGpu) -> None:
    x, y, _ = tensors(gpu)
    bound = BoundCall("add", (x, y), plan(gpu), (0, 1), RESULT)
    out = bound(x, y)
    assert gpu.launches()[0].parameters[2] == out.data_ptr()
    with pytest.raises(ValueError, match=r"\(device\), must be plain GPU tensors"):
        bound(torch.zeros(4, 8), y)


def test_result_keeps_the_memory_of_the_stream_it_was_made_on(gpu: FakeGpu) -> None:
    """Each result is torch's, allocated for the stream of its launch, and freed with its tensor."""
    x, y, _ = tensors(gpu)
    calls = GpuCalls(gpu)
    calls.remember(x, y)
    first, second = calls.call(x, y), calls.call(x, y)
    assert first.data_ptr() != second.data_ptr()
    assert (gpu.allocations, gpu.frees) == (2, 0)
    del first
    assert (gpu.allocations, gpu.frees) == (2, 1)
