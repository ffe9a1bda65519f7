"""The Vulkan driver: CPU tensors are copied to the device and back, as torch keeps none there.

A program is compiled for the architecture that the device's name shows. For an unknown name it is
compiled for the features of every Vulkan device, and the widths of numbers that the driver lists.
"""

from __future__ import annotations

import contextlib
import functools
import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device.place import HalPlace
from ir_runtime.device.staging import download, new_buffer_view, upload
from ir_runtime.device.target import ChipTargets, NamedTargets, Target
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import UnsupportedTorchDeviceError, UnsupportedTypeError

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.open_device import OpenDevice

__all__ = ["VulkanDriver", "generic_features", "vulkan_target"]

_TARGETS: tuple[tuple[str, str], ...] = (
    (r"llvmpipe", "llvmpipe"),
    (r"RTX (PRO )?\d000 Ada|RTX 40\d\d|\bL4\b|\bL40S?\b", "ada"),
    (r"RTX 30\d\d|RTX A\d000|\bA10\b|\bA40\b|\bA100\b", "ampere"),
    (r"RTX 20\d\d|GTX 16\d\d|\bT4\b|TITAN RTX", "turing"),
    (r"TITAN V|\bV100\b", "volta"),
    (r"GTX 10\d\d|\bP40\b|\bP100\b", "pascal"),
    (r"RX 9\d\d\d|GFX12|R9700", "rdna4"),
    (r"RX 7\d\d\d|GFX11|W7\d00|Radeon 7\d0M", "rdna3"),
    (r"RX 6\d\d\d|GFX103|W6\d00|Radeon 6\d0M|VANGOGH|Steam Deck", "rdna2"),
    (r"RX 5\d\d\d|GFX101", "rdna1"),
    (r"Adreno", "adreno"),
    (r"Mali-G", "valhall"),
)
_NAMED = ChipTargets(
    "vulkan",
    "vulkan-spirv",
    "--iree-vulkan-target",
    tuple(target for _, target in _TARGETS),
    pattern=r"hopper|blackwell|cdna\d|gfx[0-9a-f]{3,5}|sm_\d+|m\d.*|apple.*",
)


@functools.cache
def vulkan_target(name: str) -> str | None:
    """Return the compiler target for the name of a device; None if the name is unknown."""
    return next(
        (target for pattern, target in _TARGETS if re.search(pattern, name, re.IGNORECASE)), None
    )


# Width in bytes, the device features that numbers of it need, and the SPIR-V features to use then.
_WIDTHS: tuple[tuple[int, tuple[str, ...], str], ...] = (
    (
        2,
        ("storageBuffer16BitAccess", "shaderFloat16"),
        "cap:Float16,cap:Int16,cap:StorageBuffer16BitAccess,ext:SPV_KHR_16bit_storage",
    ),
    (
        1,
        ("storageBuffer8BitAccess", "shaderInt8"),
        "cap:Int8,cap:StorageBuffer8BitAccess,ext:SPV_KHR_8bit_storage",
    ),
)


@functools.cache
def generic_features(details: str) -> tuple[str, frozenset[int]]:
    """Return the SPIR-V features to compile for, from the description of an unknown device.

    Args:
        details: the driver's description.

    Returns:
        The features as IREE's compiler takes them, and the supported item sizes out of 1 and 2.
        Without the features IREE 3.13 reads tensors of such items at wrong addresses.
    """
    features, sizes = ["spirv:v1.3,cap:Shader"], set[int]()
    for size, needed, brought in _WIDTHS:
        if all(f"{name}=yes" in details for name in needed):
            features.append(brought)
            sizes.add(size)
    return ",".join(features), frozenset(sizes)


class VulkanDriver:
    """Serve CPU tensors on Vulkan devices."""

    family: str = "vulkan"
    names: tuple[str, ...] = ("vulkan",)
    torch_type: str = "cpu"
    zero_copy: bool = False
    host_flags: tuple[str, ...] = ()
    dlpack_device_type_code: int = 7
    named_targets: NamedTargets = _NAMED

    def prepare(self) -> None:
        """Do nothing: the Vulkan loader finds its drivers."""

    def targets(self, state: OpenDevice) -> tuple[Target, ...]:
        target = _target_of(state)
        if target is not None:
            return (_NAMED.target(target),)
        chip = f"--iree-vulkan-target-features={generic_features(state.details)[0]}"
        return (Target("vulkan:generic", "vulkan", ("--iree-hal-target-device=vulkan", chip)),)

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return the target, if it is not the device's own."""
        return () if target in self.targets(state) else (target.name.partition(":")[2],)

    def launch_library(self) -> str | None:
        return None

    def targets_of(self, torch_device: torch.device) -> tuple[Target, ...]:
        del torch_device
        return ()  # no tensor lives on a Vulkan device

    def serves(self, torch_device: torch.device) -> bool:
        del torch_device
        return False  # no tensor lives on a Vulkan device, so users choose one explicitly

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        raise UnsupportedTorchDeviceError(
            f"torch device {torch_device}: no Vulkan device belongs to it, one must be chosen",
            fix="use `with Device('vulkan'):` or device=Device('vulkan')",
        )

    def torch_device(self, place: HalPlace) -> torch.device:
        del place
        return torch.device("cpu")

    def wait_for_torch(self, state: OpenDevice) -> None:
        """Do nothing: CPU tensors are ready."""

    def current(self, state: OpenDevice) -> AbstractContextManager[Any]:
        del state
        return contextlib.nullcontext()

    def import_tensor(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        _refuse_narrow(state, tensor)
        return upload(state.device, tensor)

    def import_scratch(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        return self.import_tensor(state, tensor)

    def import_destination(
        self, state: OpenDevice, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        del transfers
        _refuse_narrow(state, tensor)
        return new_buffer_view(state.device, tensor)

    def finish_destination(self, state: OpenDevice, view: HalBufferView, tensor: Tensor) -> None:
        download(state.device, view, tensor)

    def export_tensor(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        out = torch.empty(like.shape, dtype=like.dtype)
        download(state.device, view, out)
        return out


def _target_of(state: OpenDevice) -> str | None:
    return vulkan_target(str(state.enumerated_info.get("name", "")))


def _refuse_narrow(state: OpenDevice, tensor: Tensor) -> None:
    size = tensor.dtype.itemsize
    if size >= 4 or _target_of(state) is not None or size in generic_features(state.details)[1]:
        return
    raise UnsupportedTypeError(
        f"{format_tensor(tensor)}: {state.uri} is not known to take items of {8 * size} bits, "
        "must have 32 or 64 bits"
    )
