"""HIP: torch's `cuda` tensors on AMD GPUs, on torch's own stream."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ir_runtime.device.place import HalPlace, open_place
from ir_runtime.device.target import ChipTargets, NamedTargets, Target
from ir_runtime.device.torch_gpu import TorchGpuDriver, current_gpu, gpu_uri
from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from ir_runtime.device.open_device import OpenDevice

__all__ = ["HipDriver", "hip_library_in", "hip_target"]

_SKUS: tuple[tuple[str, str], ...] = (
    (r"MI355X", "mi355x"),
    (r"MI350X", "mi350x"),
    (r"MI325X", "mi325x"),
    (r"MI308X", "mi308x"),
    (r"MI300X", "mi300x"),
    (r"MI300A", "mi300a"),
    (r"MI250X", "mi250x"),
    (r"MI250\b", "mi250"),
    (r"MI210", "mi210"),
    (r"MI100", "mi100"),
    (r"RX 9070 XT", "rx9070xt"),
    (r"RX 9070\b", "rx9070"),
    (r"RX 9060 XT", "rx9060xt"),
    (r"R9700", "r9700"),
    (r"RX 7900 XTX", "rx7900xtx"),
    (r"RX 7900 XT\b", "rx7900xt"),
    (r"RX 7800 XT", "rx7800xt"),
    (r"RX 7700 XT", "rx7700xt"),
    (r"W7900", "w7900"),
    (r"W7800", "w7800"),
    (r"W7700", "w7700"),
    (r"V710", "v710"),
)
"""Patterns of product names, and IREE's tuned target for each. The first match counts, so a longer
name comes before its beginning."""
_CHIPS = "gfx908 gfx90a gfx942 gfx950 gfx1100 gfx1101 gfx1150 gfx1151 gfx1200 gfx1201 gfx1250"
_NAMED = ChipTargets(
    "hip",
    "rocm",
    "--iree-rocm-target",
    (*_CHIPS.split(), *(sku for _, sku in _SKUS)),
    pattern=r"gfx[0-9a-f]{3,5}",
)


class HipDriver(TorchGpuDriver):
    """Serve torch's tensors on AMD GPUs, in the order of torch's stream."""

    family: str = "hip"
    names: tuple[str, ...] = ("hip",)
    dlpack_device_type_code: int = 10
    named_targets: NamedTargets = _NAMED

    def prepare(self) -> None:
        """Make IREE use the HIP library that torch has loaded: two libraries share no memory."""
        from iree.runtime.flags import parse_flags

        parse_flags("--hip_async_allocations=false")  # torch cannot take what the pool gives
        library = _loaded_library()
        if library is not None:
            parse_flags(f"--hip_dylib_path=file:{library}")

    def launch_library(self) -> str:
        return _loaded_library() or "libamdhip64.so"

    def is_torch_build(self) -> bool:
        return torch.version.hip is not None

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        stream = torch.cuda.current_stream(torch_device).cuda_stream
        with current_gpu(torch_device):
            return open_place(
                gpu_uri("hip", torch_device),
                prepare=self.prepare,
                stream=stream,
                stream_parameters={"hip_external_stream": str(stream)},
            )

    def targets(self, state: OpenDevice) -> tuple[Target, ...]:
        """Return the product if IREE knows it, and the chip, whose code it runs, too."""
        name, chip = str(state.enumerated_info.get("name", "")), state.details
        where = state.torch_device
        if where is not None and where.type == "cuda":
            properties = torch.cuda.get_device_properties(where)
            name, chip = f"{name} {properties.name}", properties.gcnArchName
        found = _targets_for(name, chip)
        if not found:
            raise DeviceError(
                f"device {state.uri}: its driver does not tell which chip it is",
                facts=state.details.split("\n"),
                fix="use it through a torch that was built for ROCm",
            )
        return found

    def targets_of(self, torch_device: torch.device) -> tuple[Target, ...]:
        properties = torch.cuda.get_device_properties(torch_device)
        found = _targets_for(properties.name, properties.gcnArchName)
        if not found:
            raise DeviceError(
                f"torch device {torch_device}: {properties.gcnArchName!r} is no known chip, must "
                "be one that the compiler knows",
                facts=[f"it knows {_CHIPS}"],
            )
        return found

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return the chip of a target that is another than the device's."""
        fits = target in self.targets(state)
        return () if fits else (target.name.partition(":")[2],)


def hip_target(name: str, chip: str) -> str | None:
    """Return the compiler target: the product if IREE knows it, else the chip; None if unknown.

    Args:
        name: the product's name, such as `AMD Instinct MI300X`.
        chip: text that contains the architecture, such as `gfx942:sramecc+:xnack-`.
    """
    product = next((sku for pattern, sku in _SKUS if re.search(pattern, name)), None)
    if product is not None:
        return product
    found = re.search(r"gfx[0-9a-f]+", chip)
    return found[0] if found else None


def _targets_for(name: str, chip: str) -> tuple[Target, ...]:
    """Return the product if IREE knows it, and the chip; nothing if the chip is unknown."""
    target, plain = hip_target(name, chip), hip_target("", chip)
    return tuple(_NAMED.target(t) for t in dict.fromkeys((target, plain)) if t is not None)


def _loaded_library() -> str | None:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return hip_library_in(maps.splitlines())


def hip_library_in(maps: Iterable[str]) -> str | None:
    """Return the path of the HIP library in the lines of `/proc/self/maps`; None if absent."""
    for line in maps:
        path = line.split(maxsplit=5)[5:]
        if path and re.search(r"/libamdhip64\.so[\d.]*$", path[0].strip()):
            return path[0].strip()
    return None
