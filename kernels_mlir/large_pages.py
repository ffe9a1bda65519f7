"""Memory for weights and caches, in large pages of the system where it has some."""

from __future__ import annotations

import ctypes
import mmap
import sys

import torch
from torch import Tensor

__all__ = ["empty_in_large_pages"]

LEAST_BYTES = 4 << 20
"""Smaller tensors would hardly fill a large page, and may share memory with others."""

MADV_HUGEPAGE = 14


def empty_in_large_pages(
    shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Tensor:
    """Make a tensor that is not yet written; on a CPU, Linux is asked for 2 MiB pages.

    Reading it then takes fewer searches of the page tables: with pages of 4 KiB the CPU waits for
    addresses. It is a hint; where the system refuses, nothing is lost.

    Args:
        shape: of the tensor.
        dtype: of the tensor.
        device: where it is.
    """
    made = torch.empty(shape, dtype=dtype, device=device)
    if type(made) is not Tensor or made.device.type != "cpu" or sys.platform != "linux":
        return made
    if made.nbytes >= LEAST_BYTES:
        start = -(-made.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        size = (made.data_ptr() + made.nbytes - start) // mmap.PAGESIZE * mmap.PAGESIZE
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_HUGEPAGE)
    return made
