"""CUDA: torch's `cuda` tensors on NVIDIA GPUs, compiled to PTX for the chip."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import torch

from ir_runtime.device.place import HalPlace, open_place
from ir_runtime.device.target import ChipTargets, NamedTargets, Target
from ir_runtime.device.torch_gpu import TorchGpuDriver, current_gpu, gpu_uri
from ir_runtime.errors import DeviceError
from ir_runtime.library_alias import alias_library

if TYPE_CHECKING:
    from ir_runtime.device.open_device import OpenDevice

__all__ = ["CudaDriver", "cuda_target"]

_log = logging.getLogger(__name__)
_TARGETS = (60, 61, 70, 72, 75, 80, 86, 87, 89)
"""The chips, as `sm_XX`, for which IREE 3.13 compiles."""
_NAMED = ChipTargets(
    "cuda",
    "cuda",
    "--iree-cuda-target",
    tuple(f"sm_{number}" for number in _TARGETS),
    pattern=r"sm_\d{2,3}[af]?",
)


class CudaDriver(TorchGpuDriver):
    """Serve torch's tensors on NVIDIA GPUs. A launch waits for torch's stream on the host."""

    family: str = "cuda"
    names: tuple[str, ...] = ("cuda",)
    dlpack_device_type_code: int = 2
    named_targets: NamedTargets = _NAMED

    def prepare(self) -> None:
        """Let IREE find the driver's library, and give it memory that torch can take.

        IREE opens `libcuda.so` only, and exports no buffer of the driver's memory pools.
        """
        from iree.runtime.flags import parse_flags

        parse_flags("--cuda_async_allocations=false")
        if sys.platform == "linux":
            alias_library("libcuda.so", self.launch_library())

    def is_torch_build(self) -> bool:
        return torch.version.hip is None

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        uri = gpu_uri("cuda", torch_device)
        with current_gpu(torch_device):  # to open a GPU makes it the thread's current one
            return open_place(uri, prepare=self.prepare)

    def launch_library(self) -> str:
        return "libcuda.so.1"

    def targets(self, state: OpenDevice) -> tuple[Target, ...]:
        """Return the chip, and the older ones, whose PTX the driver translates."""
        return _targets_for(_capability(state))

    def targets_of(self, torch_device: torch.device) -> tuple[Target, ...]:
        return _targets_for(torch.cuda.get_device_capability(torch_device))

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return the chip of a target that is newer than the device."""
        fits = target in self.targets(state)
        return () if fits else (target.name.partition(":")[2],)


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


def _targets_for(capability: tuple[int, int]) -> tuple[Target, ...]:
    best = cuda_target(capability)
    fitting = _NAMED.chips[: _NAMED.chips.index(best) + 1]
    return tuple(_NAMED.target(chip) for chip in reversed(fitting))


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
