"""Copies of CPU tensors to and from devices that have their own memory."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.buffer_view import check_size, typed_view
from ir_runtime.device.plain_tensor import plain, require_cpu

if TYPE_CHECKING:
    from iree.runtime import HalBufferView, HalDevice

__all__ = ["download", "new_buffer_view", "upload"]


def upload(hal: HalDevice, tensor: Tensor) -> HalBufferView:
    """Copy a CPU tensor, of any layout, into a buffer of the device; counted as a copy."""
    from iree.runtime import BufferUsage, MemoryType

    require_cpu(tensor)
    ready = plain(tensor).contiguous()
    size = ready.numel() * ready.element_size()
    if size == 0:
        return new_buffer_view(hal, ready)
    add_count("copies")
    buffer: Any = hal.allocator.allocate_buffer_copy(
        int(MemoryType.DEVICE_LOCAL), int(BufferUsage.DEFAULT), hal, _bytes_of(ready)
    )
    return typed_view(buffer, ready)


def new_buffer_view(hal: HalDevice, like: Tensor) -> HalBufferView:
    """Return an uninitialised buffer of the device for a tensor of this shape and dtype."""
    from iree.runtime import BufferUsage, MemoryType

    size = like.numel() * like.element_size()
    buffer = hal.allocator.allocate_buffer(
        int(MemoryType.DEVICE_LOCAL), int(BufferUsage.DEFAULT), size
    )
    return typed_view(buffer, like)


def download(hal: HalDevice, view: HalBufferView, out: Tensor) -> None:
    """Copy a buffer of the device into a CPU tensor of any layout; counted as a copy.

    Raises:
        LaunchError: the buffer is smaller than the tensor.
    """
    from iree.runtime import BufferUsage, HalFence, MemoryType

    size = out.numel() * out.element_size()
    check_size(view, out)
    if size == 0:
        return
    add_count("copies")
    staging = hal.allocator.allocate_buffer(
        int(MemoryType.HOST_LOCAL | MemoryType.DEVICE_VISIBLE),
        int(BufferUsage.TRANSFER | BufferUsage.MAPPING),
        view.get_buffer().byte_length(),
    )
    done = HalFence.create_at(hal.create_semaphore(0), 1)
    hal.queue_copy(view.get_buffer(), staging, HalFence(0), done)
    done.wait()
    dense = torch.empty(out.shape, dtype=out.dtype)
    mapped: Any = staging.map()
    source = mapped.asarray([size], np.dtype("uint8"))
    ctypes.memmove(dense.data_ptr(), source.ctypes.data, size)
    out.copy_(dense)


def _bytes_of(tensor: Tensor) -> Any:
    size = tensor.numel() * tensor.element_size()
    return (ctypes.c_char * size).from_address(tensor.data_ptr())
