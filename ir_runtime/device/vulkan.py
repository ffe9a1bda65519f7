"""Vulkan: CPU tensors go in and come out by staging copies; torch has no tensors of its own there.

A program is compiled for what the device's name tells of its architecture, else for the least
that IREE's runtime asks of any device.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ir_runtime.device.place import HalPlace
from ir_runtime.device.staging import download, new_buffer_view, upload
from ir_runtime.errors import UnsupportedTorchDeviceError

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.state import DeviceState

__all__ = ["VulkanDriver", "vulkan_target"]

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


def vulkan_target(name: str) -> str | None:
    """Return what to compile for, by the name that a device reports; None if it tells nothing."""
    return next(
        (target for pattern, target in _TARGETS if re.search(pattern, name, re.IGNORECASE)), None
    )


class VulkanDriver:
    """Serve CPU tensors on Vulkan devices."""

    family: str = "vulkan"
    names: tuple[str, ...] = ("vulkan",)
    torch_type: str = "cpu"
    zero_copy: bool = False
    dlpack_device_type_code: int = 7

    def prepare(self) -> None:
        """Do nothing: the loader finds its drivers."""

    def target_flags(self, state: DeviceState) -> tuple[str, ...]:
        target = vulkan_target(str(state.enumerated_info.get("name", "")))
        chip = (f"--iree-vulkan-target={target}",) if target else ()
        return ("--iree-hal-target-device=vulkan", *chip)

    def serves(self, torch_device: torch.device) -> bool:
        del torch_device
        return False  # a Vulkan device is chosen, no tensor lives there

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        raise UnsupportedTorchDeviceError(
            f"torch device {torch_device}: has no Vulkan device of its own, must be chosen",
            fix="use `with Device('vulkan'):` or device=Device('vulkan')",
        )

    def torch_device(self, place: HalPlace) -> torch.device:
        del place
        return torch.device("cpu")

    def wait_for_torch(self, state: DeviceState) -> None:
        """Do nothing: CPU tensors are ready."""

    def import_tensor(self, state: DeviceState, tensor: Tensor) -> HalBufferView:
        return upload(state.device, tensor)

    def import_destination(
        self, state: DeviceState, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        del transfers
        return new_buffer_view(state.device, tensor)

    def finish_destination(self, state: DeviceState, view: HalBufferView, tensor: Tensor) -> None:
        download(state.device, view, tensor)

    def export_tensor(self, state: DeviceState, view: HalBufferView, like: Tensor) -> Tensor:
        out = torch.empty(like.shape, dtype=like.dtype)
        download(state.device, view, out)
        return out
