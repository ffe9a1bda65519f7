"""Write a PyTorch operator once, as MLIR; compile it ahead of time; launch it without a copy."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ir_runtime.device import Device, DeviceState, get_vm_instance
    from ir_runtime.launch import Launchable, MultiDeviceLaunchable, invoke_vm_function
    from ir_runtime.layers import direct_register_custom_op
    from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, MlirTemplate

__version__ = "0.1.0"

__all__ = [
    "CustomOp",
    "Device",
    "DeviceState",
    "KernelBuilder",
    "KernelSelection",
    "Launchable",
    "MlirTemplate",
    "MultiDeviceLaunchable",
    "direct_register_custom_op",
    "get_vm_instance",
    "invoke_vm_function",
]

_HOMES = {
    "CustomOp": "op_reg",
    "Device": "device",
    "DeviceState": "device",
    "KernelBuilder": "op_reg",
    "KernelSelection": "op_reg",
    "Launchable": "launch",
    "MlirTemplate": "op_reg",
    "MultiDeviceLaunchable": "launch",
    "direct_register_custom_op": "layers",
    "get_vm_instance": "device",
    "invoke_vm_function": "launch",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its layer at its first use."""
    if name == "ir":
        return importlib.import_module(f"{__name__}.ir")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
