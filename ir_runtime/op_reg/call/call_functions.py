"""The functions that the dispatcher calls for an op, and the dispatch keys of a plain call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["PLAIN_KEYSET", "CallFunctions"]

_KEYS = torch._C.DispatchKey
PLAIN_KEYSET = (
    torch._C.DispatchKeySet(_KEYS.CPU) | torch._C.DispatchKeySet(_KEYS.AutogradCPU)
).raw_repr()
"""Dispatch keys of a call on plain CPU tensors: no mode, subclass, functional wrapper, vmap, conj
or neg. Each of those adds a key, so one comparison rules out all of them."""


@dataclass(frozen=True)
class CallFunctions:
    """What the dispatcher calls for an op.

    Attributes:
        call: the kernel for CPU tensors.
        call_there: the kernel for tensors of other devices.
        autograd: the autograd kernel; takes the key set first.
        call_out: as `call`, for the `out` overload.
        call_out_there: as `call_there`, likewise.
        autograd_out: as `autograd`, for the `out` overload.
    """

    call: Callable[..., Any]
    call_there: Callable[..., Any]
    autograd: Callable[..., Any]
    call_out: Callable[..., Any]
    call_out_there: Callable[..., Any]
    autograd_out: Callable[..., Any]
