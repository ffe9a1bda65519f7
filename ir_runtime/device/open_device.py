"""The facts of an open HAL device that drivers read; `DeviceState` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from iree.runtime import HalDevice

__all__ = ["OpenDevice"]


class OpenDevice(Protocol):
    """An open HAL device and the facts about it that drivers need.

    Attributes:
        device: the HAL device.
        uri: its name, for messages.
        details: the driver's description of it, for the chip's name.
        enumerated_info: the driver's own row: `device_id`, `path`, `name`.
        torch_device: the torch device that it serves, if it serves one.
        torch_stream: the raw stream it is tied to, None for none.
    """

    device: HalDevice
    uri: str
    details: str
    enumerated_info: dict[str, Any]
    torch_device: torch.device | None
    torch_stream: int | None
