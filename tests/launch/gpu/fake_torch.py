"""A torch with GPUs for calls of ops: the tensors that a test marked are on GPUs that it chose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from ir_runtime.errors import MixedDeviceError
from ir_runtime.launch import executor, launchable, program_calls
from ir_runtime.launch.direct import gpu_launch, program_launch
from ir_runtime.launch.direct.direct_program import DirectProgram
from ir_runtime.launch.direct.gpu import gpu_code
from ir_runtime.launch.direct.gpu.driver_library import use_library
from ir_runtime.launch.operand.index_fault import IndexReport
from ir_runtime.op_reg.call import bound_launch, call_table, kernel
from ir_runtime.op_reg.call.call_functions import CallFunctions
from ir_runtime.op_reg.call.call_table import make_call_functions
from ir_runtime.op_reg.call.native_call import add_fast_calls
from ir_runtime.op_reg.op.op import Op
from tests.launch.gpu.fake_gpu import FakeGpu, fake_gpu, recorder_path
from tests.launch.gpu.kernels import use_readable_images

__all__ = ["KEYS", "FakeTorch", "dispatched", "fake_torch"]

_KEY = torch._C.DispatchKey
KEYS = torch._C.DispatchKeySet(_KEY.CUDA) | torch._C.DispatchKeySet(_KEY.AutogradCUDA)
"""Of a call on plain tensors of a GPU."""


class FakeTorch:
    """What torch says of its GPUs.

    Attributes:
        gpu: the launcher's view of them.
        capabilities: of CUDA's, by number.
        architecture: of ROCm's.
        reports: the index reports that launches left to be counted.
    """

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.capabilities = {0: (8, 9), 1: (8, 9)}
        self.architecture = "gfx942"
        self.reports: list[Tensor] = []
        self._devices: dict[int, int] = {}
        self._is_program_here = False

    def place(self, tensor: Tensor, device: int = 0) -> Tensor:
        """Put an aligned tensor on a GPU."""
        self.gpu.place(tensor, device)
        self._devices[tensor.data_ptr()] = device
        return tensor

    def moved(self, args: Any, device: int = 0) -> list[Any]:
        """Return arguments with new, aligned memory on a GPU for each tensor."""
        found = list(args)
        for i, value in enumerate(found):
            if isinstance(value, Tensor):
                whole = self.gpu.place(torch.empty(value.numel() + 64, dtype=value.dtype), device)
                found[i] = whole[: value.numel()].view(value.shape)
                self._devices[found[i].data_ptr()] = device
        return found

    def device_of(self, name: str, names: Any, values: Any) -> torch.device | None:
        found = {self._devices.get(v.data_ptr()) for v in values if isinstance(v, Tensor)}
        numbers = {number for number in found if number is not None}
        if len(numbers) > 1:
            raise MixedDeviceError(f"{name}: on several")
        return torch.device("cuda", numbers.pop()) if numbers else torch.device("cpu")

    def gpu_of_call(self, name: str, args: Any, device: Any) -> torch.device | None:
        where = self.device_of(name, (), args)
        self._is_program_here = where is not None and where.type != "cpu"
        return where if self._is_program_here else None

    def allocate_for_program(self, results: Any, where: torch.device) -> tuple[Tensor, ...]:
        """Allocate where the latest call of a program went that Python served."""
        if self._is_program_here:
            return self.allocate(results, where)
        return tuple(torch.empty(shape, dtype=dtype) for shape, dtype in results)

    def capability(self, where: torch.device) -> tuple[int, int]:
        return self.capabilities[where.index or 0]

    def properties(self, where: torch.device) -> SimpleNamespace:
        return SimpleNamespace(name="", gcnArchName=self.architecture)

    def empty_on(self, where: torch.device) -> Any:
        def empty(shape: Any, strides: Any, dtype: torch.dtype) -> Tensor:
            self.gpu.use_device(where.index or 0)
            return self.gpu.allocate(shape, strides, dtype)

        return empty

    def allocate(self, results: Any, where: torch.device) -> tuple[Tensor, ...]:
        empty, meta = self.empty_on(where), torch.device("meta")
        strides = [torch.empty(shape, device=meta).stride() for shape, _ in results]
        return tuple(
            empty(shape, stride, dtype)
            for (shape, dtype), stride in zip(results, strides, strict=True)
        )

    def report(self, shape: tuple[int, ...], where: torch.device) -> Tensor:
        return self.empty_on(where)(shape, (shape[-1], 1), torch.int64)


@contextmanager
def fake_torch(kind: str = "cuda") -> Iterator[FakeTorch]:
    """Let ops see GPUs of a kind of driver."""
    with use_library(kind, str(recorder_path())), fake_gpu(kind) as gpu, ExitStack() as stack:
        made = FakeTorch(gpu)

        def load(*args: Any, **options: bool) -> DirectProgram | str:
            found = load_gpu_direct(*args, **options)
            if isinstance(found, DirectProgram) and kind == "hip":
                use_readable_images(args[0], found)
            return found

        def put(place: Any, name: str, value: Any) -> None:
            stack.enter_context(patch.object(place, name, value))

        load_gpu_direct = gpu_launch.load_gpu_direct
        for module in (kernel, call_table):
            put(module, "call_device", made.device_of)
        for module in (gpu_code, executor, program_calls):
            put(module, "count_faults_later", made.reports.append)
        put(launchable, "gpu_of_call", made.gpu_of_call)
        put(program_launch, "_allocated", made.allocate_for_program)
        put(torch.cuda, "get_device_capability", made.capability)
        put(torch.cuda, "get_device_properties", made.properties)
        put(torch.version, "hip", "6.0" if kind == "hip" else None)
        put(bound_launch, "_empty_strided_on", made.empty_on)
        put(bound_launch, "_allocate", made.allocate)
        put(IndexReport, "tensor", lambda self, where: made.report(self.shape, where))
        put(gpu_launch, "load_gpu_direct", load)
        put(gpu_launch, "current_gpu", lambda _: nullcontext())
        put(gpu_launch, "find_ptxas", lambda: None)
        yield made


@contextmanager
def dispatched(op: Op, device_type: int) -> Iterator[CallFunctions]:
    """Return the functions that the dispatcher of a torch with GPUs would call for an op."""
    before = op.calls.fast

    def slow(keys: Any, args: Any) -> str:
        return "slow"

    made = make_call_functions(op, slow, slow, told=True, told_there=True)
    try:
        yield add_fast_calls(op, made, device_type)
    finally:
        op.calls.fast = before
        op.calls.clear()
