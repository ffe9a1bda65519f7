"""CUDA: torch's `cuda` tensors on NVIDIA GPUs, compiled to PTX for the chip."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import torch

from ir_runtime.device.place import HalPlace, open_place
from ir_runtime.device.torch_gpu import TorchGpuDriver, gpu_uri
from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from ir_runtime.device.open_device import OpenDevice

__all__ = ["CudaDriver", "cuda_target"]

_log = logging.getLogger(__name__)
_TARGETS = (60, 61, 70, 72, 75, 80, 86, 87, 89)
"""The chips, as `sm_XX`, for which IREE 3.13 compiles."""


class CudaDriver(TorchGpuDriver):
    """Serve torch's tensors on NVIDIA GPUs. A launch waits for torch's stream on the host."""

    family: str = "cuda"
    names: tuple[str, ...] = ("cuda",)
    dlpack_device_type_code: int = 2

    def prepare(self) -> None:
        """Do nothing: IREE shares the primary context with torch."""

    def is_torch_build(self) -> bool:
        return torch.version.hip is None

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        return open_place(gpu_uri("cuda", torch_device))

    def target_flags(self, state: OpenDevice) -> tuple[str, ...]:
        return (
            "--iree-hal-target-device=cuda",
            f"--iree-cuda-target={cuda_target(_capability(state))}",
        )


def cuda_target(capability: tuple[int, int]) -> str:
    """Return IREE's newest target whose PTX runs on a chip of `capability`.

    Raises:
        DeviceError: the chip is older than all targets.
    """
    number = capability[0] * 10 + capability[1]
    fitting = [target for target in _TARGETS if target <= number]
    if not fitting:
        raise DeviceError(f"CUDA chip sm_{number}: too old, must be sm_{_TARGETS[0]} or later")
    if fitting[-1] != number:
        _log.info(
            "compiling for sm_%d: IREE has no sm_%d, and the driver translates older PTX",
            fitting[-1],
            number,
        )
    return f"sm_{fitting[-1]}"


def _capability(state: OpenDevice) -> tuple[int, int]:
    where = state.torch_device
    if where is not None and where.type == "cuda":
        return torch.cuda.get_device_capability(where)
    found = re.search(r"sm_(\d+)(\d)\b|compute[ _-]capability\D*(\d+)\.(\d+)", state.details)
    if found is None:
        raise DeviceError(
            f"device {state.uri}: its driver does not tell which chip it is",
            facts=state.details.split("\n"),
            fix="use it through a torch that was built for CUDA",
        )
    major, minor = (int(digits) for digits in found.groups() if digits is not None)
    return major, minor
