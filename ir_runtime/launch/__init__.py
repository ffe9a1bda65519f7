"""Compile MLIR, and run the compiled program on torch tensors; this package knows no op."""

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
