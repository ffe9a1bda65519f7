"""Compile MLIR, and run the compiled program on torch tensors; this package knows no op."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.launch.artifact.store import Artifact, DirectoryStore, MemoryStore, Store
    from ir_runtime.launch.launchable import Launchable
    from ir_runtime.launch.multi_device import MultiDeviceLaunchable
    from ir_runtime.launch.vm.invoke import invoke_vm_function

__all__ = [
    "Artifact",
    "DirectoryStore",
    "Launchable",
    "MemoryStore",
    "MultiDeviceLaunchable",
    "Store",
    "invoke_vm_function",
]

__getattr__ = late_names(
    __name__,
    {
        "Artifact": "artifact.store",
        "DirectoryStore": "artifact.store",
        "Launchable": "launchable",
        "MemoryStore": "artifact.store",
        "MultiDeviceLaunchable": "multi_device",
        "Store": "artifact.store",
        "invoke_vm_function": "vm.invoke",
    },
)
