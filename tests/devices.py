"""Which devices does this machine have for tests?  One that is missing skips its tests."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.device import Device
from ir_runtime.errors import DeviceError

__all__ = ["ANY_DEVICE", "STAGED", "open_or_skip", "torch_place"]

VULKAN = pytest.param("vulkan", marks=pytest.mark.vulkan)
GPU = pytest.param("gpu", marks=pytest.mark.gpu)
ANY_DEVICE = ["local-sync", "local-task", VULKAN, GPU]
STAGED = [VULKAN]


def open_or_skip(name: str) -> Device:
    """Return a device by URI, or torch's first GPU by the name `gpu`."""
    if name == "gpu":
        if not torch.cuda.is_available():
            pytest.skip("torch finds no GPU")
        name = "hip://0" if torch.version.hip else "cuda://0"
    try:
        return Device(name)
    except DeviceError as error:
        if name.startswith("local-"):
            raise
        pytest.skip(f"no {name} device: {error.facts[0] if error.facts else error}")


def torch_place(device: Device) -> torch.device:
    """Return where torch's tensors must be to run on a device by themselves."""
    assert device.device_state.torch_device is not None
    return device.device_state.torch_device
