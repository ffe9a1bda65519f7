"""Triton kernels of row ops, as peers; they are there where torch was built for CUDA or ROCm."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["triton_kernel"]


def triton_kernel(name: str) -> Callable[..., Any] | None:
    """Return a function with the arguments of an op that launches a Triton kernel, else None."""
    if importlib.util.find_spec("triton") is None or not torch.cuda.is_available():
        return None
    from benchmarks.triton_kernels import PEERS

    return PEERS[name]
