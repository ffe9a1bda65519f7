"""The CPU drivers: `local-sync` (calling thread) and `local-task` (IREE's worker pool).

Tensors cross in both directions without a copy, through DLPack. A tensor that DLPack or IREE
cannot use in place (strides, a start that is not 64-byte aligned, a pending conj or neg) is copied,
and the copy is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.buffer_view import check_size, retyped, typed_view
from ir_runtime.device.cpu import host_cpu_target
from ir_runtime.device.cpu_name import (
    CPU_NAMES,
    cpu_from_flags,
    cpu_name,
    missing_features,
)
from ir_runtime.device.instance import is_forked
from ir_runtime.device.machine import Machine, code_machines, machine_named
from ir_runtime.device.place import HalPlace, open_place
from ir_runtime.device.plain_tensor import GPU_ALIGNMENT, plain, require_cpu
from ir_runtime.device.staging import upload
from ir_runtime.device.target import HOST_FLAGS, NamedTargets, Target
from ir_runtime.dtypes import dtype_info

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.open_device import OpenDevice

__all__ = [
    "ALIGNMENT",
    "LocalDriver",
    "cpu_target_for",
    "host_targets",
    "importable",
    "is_importable",
]

ALIGNMENT = 64
"""The alignment of buffers in bytes that IREE's allocator and compiled code need."""

_KIND = "cpu"
_DLPACK_CPU = 1
_DLPACK_MAX_RANK = 6
_to_dlpack = torch._C._to_dlpack  # torch.to_dlpack without its Python frame
_from_dlpack = torch._C._from_dlpack


def cpu_target_for(machine: Machine) -> Target:
    """Return the target of a CPU machine, its features spelled out."""
    flags = (
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        *machine.cpu.flags,
    )
    return Target(f"{_KIND}:{cpu_name(machine.cpu)}", "local", flags, machine)


_latest: tuple[tuple[Machine, ...], tuple[Target, ...]] | None = None


def host_targets() -> tuple[Target, ...]:
    """Return the targets whose code this CPU runs, the best one first; opens no device.

    To open one takes 10 ms in a new process: IREE's runtime is imported.
    """
    global _latest
    machines, latest = code_machines(), _latest
    if latest is None or latest[0] is not machines:
        _latest = latest = machines, tuple(map(cpu_target_for, machines))
    return latest[1]


class _CpuTargets:
    """The named targets of CPUs."""

    kind: str = _KIND
    back_end: str = "llvm-cpu"
    chips: tuple[str, ...] = CPU_NAMES

    def named(self, chip: str) -> Target | None:
        return cpu_target_for(machine_named(chip))

    def is_chip(self, chip: str) -> bool:
        del chip
        return False

    def name_of(self, flags: tuple[str, ...]) -> str | None:
        cpu = cpu_from_flags(flags)
        return None if cpu is None else f"{_KIND}:{cpu_name(cpu)}"


class LocalDriver:
    """Serve torch's CPU tensors with IREE's local drivers."""

    family: str = "local"
    names: tuple[str, ...] = ("local-sync", "local-task")
    torch_type: str = "cpu"
    zero_copy: bool = True
    host_flags: tuple[str, ...] = HOST_FLAGS
    dlpack_device_type_code: int = _DLPACK_CPU
    named_targets: NamedTargets = _CpuTargets()

    def prepare(self) -> None:
        """Do nothing."""

    def targets(self, state: OpenDevice) -> tuple[Target, ...]:
        """Return this host's CPU, and the weaker ones whose code it runs."""
        del state
        return host_targets()

    def lacks(self, state: OpenDevice, target: Target) -> tuple[str, ...]:
        """Return the features that this host lacks."""
        del state
        cpu = cpu_from_flags(target.flags)
        return () if cpu is None else missing_features(cpu, host_cpu_target())

    def launch_library(self) -> str | None:
        return None  # executables are libraries themselves

    def targets_of(self, torch_device: torch.device) -> tuple[Target, ...]:
        del torch_device
        return host_targets()

    def serves(self, torch_device: torch.device) -> bool:
        return torch_device.type == "cpu"

    def place_for_torch(self, torch_device: torch.device) -> HalPlace:
        del torch_device
        return open_place("local-sync" if is_forked() else "local-task")

    def torch_device(self, place: HalPlace) -> torch.device:
        del place
        return torch.device("cpu")

    def wait_for_torch(self, state: OpenDevice) -> None:
        """Do nothing: CPU tensors are ready."""

    def current(self, state: OpenDevice) -> AbstractContextManager[Any]:
        del state
        return contextlib.nullcontext()

    def import_tensor(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """View `tensor` as an IREE buffer for reading; copy it only if IREE cannot use it in place.

        Args:
            state: a device of this driver.
            tensor: any rank, any strides, on the CPU.

        Raises:
            UnsupportedTorchDeviceError: the tensor is not on the CPU.
            UnsupportedTypeError: the tensor is not dense, or of a dtype IREE does not know.
        """
        ready = importable(tensor)
        if ready.data_ptr() != tensor.data_ptr():
            add_count("copies")
        if ready.numel() == 0:  # it may have strides of any kind, which IREE refuses
            ready = ready.new_empty(ready.shape)
        info = dtype_info(ready.dtype)
        if info.carrier is None:
            return state.device.from_dlpack_capsule(_to_dlpack(ready))
        carried = state.device.from_dlpack_capsule(_to_dlpack(ready.view(info.carrier)))
        return retyped(carried, list(ready.shape), info.element_type)

    def import_scratch(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        """Copy a tensor into a buffer that a program may change in any way; counted as a copy.

        The buffer is IREE's own: a result of the program may be that buffer.
        """
        return upload(state.device, tensor)

    def import_destination(
        self, state: OpenDevice, tensor: Tensor, *, transfers: bool = True
    ) -> HalBufferView:
        """View `tensor` as an IREE buffer that copies and fills may write, too.

        They may not write DLPack buffers. The tensor must be importable in place, and the caller
        must keep it alive until the launch has ended.
        """
        from iree.runtime import BufferUsage, MemoryType

        del transfers
        size = tensor.numel() * tensor.element_size()
        if size == 0:
            return self.import_tensor(state, tensor)
        memory = (ctypes.c_char * size).from_address(tensor.data_ptr())
        buffer = state.device.allocator.import_host_allocation(
            memory,
            int(MemoryType.DEVICE_LOCAL | MemoryType.HOST_VISIBLE),
            int(BufferUsage.DEFAULT | BufferUsage.MAPPING),
        )
        return typed_view(buffer, tensor)

    def finish_destination(self, state: OpenDevice, view: HalBufferView, tensor: Tensor) -> None:
        """Do nothing: the program wrote into the tensor."""

    def export_tensor(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        """View a result as a torch tensor of the dtype and shape of `like`, without a copy.

        Args:
            state: the device that `view` lives on.
            view: dense; its element type in IREE does not matter.
            like: a meta tensor.

        Raises:
            LaunchError: the buffer is smaller than a tensor like `like`.
        """
        check_size(view, like)
        size = like.numel() * like.element_size()
        if size == 0:
            return torch.empty(like.shape, dtype=like.dtype)
        as_bytes = retyped(view, [size], "SINT_8")
        capsule = state.device.create_dlpack_capsule(as_bytes, _DLPACK_CPU, 0)
        return _from_dlpack(capsule).view(like.dtype).view(like.shape)


def importable(tensor: Tensor) -> Tensor:
    """Return `tensor` itself if IREE can read it in place, else a copy that IREE can read."""
    require_cpu(tensor)
    ready = plain(tensor).contiguous()
    return ready if ready.data_ptr() % ALIGNMENT == 0 else ready.clone()


def is_importable(tensor: Tensor) -> bool:
    """Tell whether a kernel can use a dense tensor in place, for reading and writing."""
    beyond = tensor.data_ptr() % ALIGNMENT
    return (
        tensor.is_contiguous()
        and (beyond == 0 or (tensor.is_cuda and beyond % GPU_ALIGNMENT == 0))
        and not tensor.is_conj()
        and not tensor.is_neg()
    )
