"""The functions that the dispatcher calls for an op, and the dispatch keys of a plain call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.frozen import frozen

__all__ = ["GPU_KEYSET", "PLAIN_KEYSET", "CallFunctions", "gpu_device_type"]

_KEYS = torch._C.DispatchKey
PLAIN_KEYSET = (
    torch._C.DispatchKeySet(_KEYS.CPU) | torch._C.DispatchKeySet(_KEYS.AutogradCPU)
).raw_repr()
"""Dispatch keys of a call on plain CPU tensors: no mode, subclass, functional wrapper, vmap, conj
or neg. Each of those adds a key, so one comparison rules out all of them."""

GPU_KEYSET = (
    torch._C.DispatchKeySet(_KEYS.CUDA) | torch._C.DispatchKeySet(_KEYS.AutogradCUDA)
).raw_repr()
"""The same for plain tensors on GPUs, of CUDA and of ROCm."""

_DLPACK_CUDA, _DLPACK_ROCM = 2, 10


def gpu_device_type() -> int | None:
    """Return DLPack's number of torch's GPUs; None if torch was built without them."""
    if torch.version.hip is not None:
        return _DLPACK_ROCM
    return None if torch.version.cuda is None else _DLPACK_CUDA


@frozen
class CallFunctions:
    """The functions that torch's dispatcher calls for an op.

    Attributes:
        call: for CPU tensors.
        call_there: for tensors of other devices.
        autograd: for autograd's key; takes the key set first.
        autograd_there: for autograd's key of GPUs.
        call_out: as `call`, for the `out` overload.
        call_out_there: as `call_there`, for the `out` overload.
        autograd_out: as `autograd`, for the `out` overload.
        autograd_out_there: as `autograd_there`, for the `out` overload.
    """

    call: Callable[..., Any]
    call_there: Callable[..., Any]
    autograd: Callable[..., Any]
    autograd_there: Callable[..., Any]
    call_out: Callable[..., Any]
    call_out_there: Callable[..., Any]
    autograd_out: Callable[..., Any]
    autograd_out_there: Callable[..., Any]
