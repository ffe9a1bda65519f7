"""Write a PyTorch operator once, as MLIR; compile it ahead of time; launch it without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.device import Device, DeviceState, get_vm_instance
    from ir_runtime.launch import Launchable, MultiDeviceLaunchable, invoke_vm_function
    from ir_runtime.layers import direct_register_custom_op
    from ir_runtime.models.optimize import optimize
    from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, MlirTemplate
    from ir_runtime.passes.backend.compiled import compile  # noqa: A004 - named as torch.compile

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
    "compile",
    "direct_register_custom_op",
    "get_vm_instance",
    "invoke_vm_function",
    "optimize",
]

__getattr__ = late_names(
    __name__,
    {
        "CustomOp": "op_reg",
        "Device": "device",
        "DeviceState": "device",
        "KernelBuilder": "op_reg",
        "KernelSelection": "op_reg",
        "Launchable": "launch",
        "MlirTemplate": "op_reg",
        "MultiDeviceLaunchable": "launch",
        "compile": "passes.backend.compiled",
        "direct_register_custom_op": "layers",
        "get_vm_instance": "device",
        "invoke_vm_function": "launch",
        "ir": "ir",
        "optimize": "models.optimize",
    },
)
