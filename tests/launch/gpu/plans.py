"""Which plans do the launcher's tests of GPUs run?  Small ones, on code that the recorder reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ir_runtime.launch.direct.native._launcher import GpuExecutable, Plan
from tests.launch.gpu.fake_gpu import FakeGpu

ADD = b""".version 7.6
.visible .entry add(
  .param .u64 .ptr .global .align 16 a, .param .u64 b, .param .u64 c, .param .b32 n)
.visible .entry shared(.param .u64 a, .param .b32 n)
"""
EXPORTS = (("add", (32, 2, 1), 0, 1, 3), ("shared", (64, 1, 1), 65536, 1, 1))
SIZE = 128


class Failures:
    """Records what a driver's errors come with; raises them, or asks for another try."""

    def __init__(self, *, again: bool = False) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self._again = again

    def __call__(self, *facts: Any) -> bool:
        self.seen.append(facts)
        if self._again:
            return True
        raise RuntimeError(f"{facts[0]}: {facts[2]}")


def code(gpu: FakeGpu, image: bytes = ADD, exports: Any = EXPORTS) -> GpuExecutable:
    return GpuExecutable(gpu.driver, "test", image, exports)


def dispatch(
    *slots: int, grid: tuple[int, int, int] = (4, 1, 1), number: int = 7, function: int = 0
) -> tuple[Any, ...]:
    bindings = tuple((slot, 0, SIZE) for slot in slots)
    return ("dispatch", 0, function, grid, (number,), bindings)


def plan(
    gpu: FakeGpu,
    *steps: tuple[Any, ...],
    executable: GpuExecutable | None = None,
    failure: Callable[..., bool] | None = None,
    operands: int = 2,
    results: int = 1,
    transients: tuple[int, ...] = (),
    **options: Any,
) -> Plan:
    """Plan steps on tensors of 128 bytes."""
    return Plan(
        [executable or code(gpu)],
        operands,
        results,
        [SIZE] * (operands + results),
        transients,
        steps or (dispatch(0, 1, 2),),
        SIZE * (operands + results),
        driver=gpu.driver,
        failure=failure or Failures(),
        **options,
    )
