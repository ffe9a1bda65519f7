"""The functions that the dispatcher calls for an op, and the dispatch keys of a plain call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.frozen import frozen

__all__ = ["PLAIN_KEYSET", "CallFunctions"]

_KEYS = torch._C.DispatchKey
PLAIN_KEYSET = (
    torch._C.DispatchKeySet(_KEYS.CPU) | torch._C.DispatchKeySet(_KEYS.AutogradCPU)
).raw_repr()
"""Dispatch keys of a call on plain CPU tensors: no mode, subclass, functional wrapper, vmap, conj
or neg. Each of those adds a key, so one comparison rules out all of them."""


@frozen
class CallFunctions:
    """The functions that torch's dispatcher calls for an op.

    Attributes:
        call: for CPU tensors.
        call_there: for tensors of other devices.
        autograd: for autograd's key; takes the key set first.
        call_out: as `call`, for the `out` overload.
        call_out_there: as `call_there`, for the `out` overload.
        autograd_out: as `autograd`, for the `out` overload.
    """

    call: Callable[..., Any]
    call_there: Callable[..., Any]
    autograd: Callable[..., Any]
    call_out: Callable[..., Any]
    call_out_there: Callable[..., Any]
    autograd_out: Callable[..., Any]
