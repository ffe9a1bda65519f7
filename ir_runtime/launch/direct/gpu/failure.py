"""What an error of a GPU's driver means: another try, or the exception with op, kernel and plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.device.driver_error import (
    CaptureError,
    DeviceLostError,
    DriverError,
    DriverTooOldError,
)
from ir_runtime.errors import DeviceError, LaunchError
from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.plan import Dispatch, Plan
from ir_runtime.launch.host_program.program import HostProgram

__all__ = ["DriverFailure"]

_CAPTURING, _TRIED = 1, 2
_NO_MEMORY = ("CUDA_ERROR_OUT_OF_MEMORY", "hipErrorOutOfMemory")
_OLD_DRIVER = (
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
    "CUDA_ERROR_JIT_COMPILER_NOT_FOUND",
    "CUDA_ERROR_INVALID_PTX",
    "CUDA_ERROR_NO_BINARY_FOR_GPU",
    "hipErrorNoBinaryForGpu",
)
_LOST = (
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "CUDA_ERROR_ASSERT",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "CUDA_ERROR_MISALIGNED_ADDRESS",
    "CUDA_ERROR_INVALID_ADDRESS_SPACE",
    "CUDA_ERROR_INVALID_PC",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_NVLINK_UNCORRECTABLE",
    "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "CUDA_ERROR_UNKNOWN",
    "hipErrorIllegalAddress",
    "hipErrorLaunchFailure",
    "hipErrorECCNotCorrectable",
    "hipErrorUnknown",
)
"""Errors after which a process cannot use the GPU any more. Work enqueued earlier may be the cause:
drivers tell them at the next call."""
_LOADS = ("cuModuleLoadDataEx", "cuModuleGetFunction")
_CAPTURE = ("CUDA_ERROR_STREAM_CAPTURE", "hipErrorStreamCapture")


def _empty_cache() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@frozen
class DriverFailure:
    """Called by the C launcher with an error of the driver.

    Attributes:
        name: of the op or program.
        label: of the key of its artifact.
        plan: the steps.
        program: the host program of the plan.
        empty_cache: gives back the memory that torch keeps.
        use_ptx: makes a GPU load PTX in place of machine code; tells whether it did.
    """

    name: str
    label: str
    plan: Plan
    program: HostProgram
    empty_cache: Callable[[], None] = _empty_cache
    use_ptx: Callable[[int], bool] = lambda _: False

    def __call__(
        self,
        call: str,
        code: int,
        error: str,
        text: str,
        step: int,
        device: int,
        detail: str | None,
        flags: int,
    ) -> bool:
        """Return whether the call is to be tried again.

        Args:
            call: the function of the driver; `fork` if this process is a child of one that used it.
            code: the number that it returned.
            error: the driver's name of the error.
            text: the driver's words for it.
            step: number of the step of the plan; -1 for none.
            device: number of the GPU.
            detail: the kernel, or the log of the driver's compiler.
            flags: 1 while the stream is captured, 2 for the second failure.

        Raises:
            DeviceError: this is a forked process.
            DriverError, CaptureError: what the error means.
        """
        if call == "fork":
            raise DeviceError(
                f"{self.name}: the GPU is in use by the parent of this forked process, "
                "must be used in one of them only",
                fix="start processes with spawn",
            )
        if error in _NO_MEMORY and not flags & _TRIED:
            self.empty_cache()
            return True
        if call in _LOADS and not flags & _TRIED and self.use_ptx(device):
            return True
        facts = [f"{call} returned {code}: {error} ({text})", *self._facts(step, device, detail)]
        told = {"call": call, "code": code, "error": error, "device": device}
        raise self._exception(error, facts, told, capturing=bool(flags & _CAPTURING))

    def _exception(
        self, error: str, facts: list[str], told: dict[str, Any], *, capturing: bool
    ) -> LaunchError:
        where = f"device {told['device']}"
        if error.startswith(_CAPTURE) or (capturing and error not in _LOST):
            return CaptureError(
                f"{self.name}: failed on {where} while its stream is captured, must be loaded "
                "before a capture begins",
                facts=facts,
                fix="call the op once with such tensors before the capture",
            )
        if error in _NO_MEMORY:
            return DriverError(
                f"{self.name}: {where} has no memory left, though torch's cache was emptied",
                facts=facts,
                fix="free tensors, or end other processes that use the GPU",
                **told,
            )
        if error in _OLD_DRIVER:
            return DriverTooOldError(
                f"{self.name}: the driver of {where} cannot load its code, must know it",
                facts=facts,
                fix="update the driver of the GPU; or compile for an older target",
                **told,
            )
        if error in _LOST:
            return DeviceLostError(
                f"{self.name}: {where} failed, and this process cannot use it any more",
                facts=[*facts, "an earlier kernel may be the cause: drivers tell it late"],
                fix="start the process again; with CUDA_LAUNCH_BLOCKING=1 to find the cause",
                **told,
            )
        return DriverError(f"{self.name}: {where} refused the launch", facts=facts, **told)

    def _facts(self, step: int, device: int, detail: str | None) -> list[str]:
        facts = [f"kernel {self.label}, device {device}"]
        if 0 <= step < len(self.plan.steps):
            facts.append(f"step {step} of {len(self.plan.steps)}: {self._in_words(step)}")
        if detail and detail not in facts[-1]:
            facts.append(detail)
        return facts

    def _in_words(self, number: int) -> str:
        step = self.plan.steps[number]
        if not isinstance(step, Dispatch):
            return f"{type(step).__name__.lower()} of {step.target.length} bytes"
        function = self.program.functions[step.executable][step.function]
        grid = " x ".join(map(str, step.workgroups))
        return f"{function} over {grid} blocks, {len(step.bindings)} buffers, {step.constants}"
