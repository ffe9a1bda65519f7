"""Memory that ends where memory that may not be touched begins."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class GuardedMemory:
    """Bytes up to the last one before an inaccessible page."""

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        pages = -(-size // page) + 1
        self._map = mmap.mmap(-1, pages * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        libc = ctypes.CDLL(None, use_errno=True)
        guard = ctypes.c_void_p(start + (pages - 1) * page)
        assert libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0
        self._offset = (pages - 1) * page - size

    def tensor(self, shape: Sequence[int]) -> Tensor:
        """View the bytes as f32."""
        count = torch.Size(shape).numel()
        flat = torch.frombuffer(self._map, dtype=torch.float32, count=count, offset=self._offset)
        return flat.view(shape)


def guarded(tensor: Tensor) -> Tensor:
    """Return a copy that ends where memory that may not be touched begins."""
    memory = GuardedMemory(tensor.nbytes)
    count, offset = tensor.numel(), memory._offset
    flat = torch.frombuffer(memory._map, dtype=tensor.dtype, count=count, offset=offset)
    return flat.view(tensor.shape).copy_(tensor)


def survives(run: Callable[[], bool]) -> bool:
    """Run in a forked child, which an access to a forbidden page kills."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if run() else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0
