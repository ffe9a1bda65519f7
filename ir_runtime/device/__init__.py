"""Devices: the targets of compiled code, where it runs, and how tensors get in and out."""

from ir_runtime.device.device import Device
from ir_runtime.device.instance import get_vm_instance
from ir_runtime.device.state import DeviceState
from ir_runtime.device.torch_device import get_device_from_torch, lookup_device_from_torch

__all__ = [
    "Device",
    "DeviceState",
    "get_device_from_torch",
    "get_vm_instance",
    "lookup_device_from_torch",
]
