"""Reduce the arguments of a call to a key: equal for two calls that one launch can serve.

All caches of calls use these keys. Numbers are told apart by type and bits, because a kernel may
have them compiled in: 0.0 from -0.0, True from 1, and 1 from 1.0. A NaN finds its own entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

__all__ = ["call_key"]

_PLAIN = frozenset(
    (int, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format)
)
"""Types whose values are equal exactly if they are the same to a kernel."""
_SYMBOLS = (torch.SymInt, torch.SymFloat, torch.SymBool)


def call_key(args: Sequence[Any], *, placed: bool = False) -> tuple[Any, ...]:
    """Return the key of a call: something for each argument, then the type or dtype of each.

    Args:
        args: all arguments.
        placed: whether to tell tensors apart by their devices, too.

    Raises:
        TypeError: an argument is a symbol, which has no value yet, or holds one.
    """
    found = [*args]
    add = found.append
    for i, value in enumerate(args):
        kind = type(value)
        if kind in _PLAIN:
            add(kind)
        elif kind is float:
            found[i] = value.hex()
            add(kind)
        elif kind is Tensor or kind is Parameter or isinstance(value, Tensor):
            found[i] = (value.shape, value.device) if placed else value.shape
            add(value.dtype)
        else:
            found[i] = _odd_key(value, placed)
            add(kind)
    return tuple(found)


def _odd_key(value: Any, placed: bool) -> Any:  # noqa: FBT001 - passed on
    if isinstance(value, list | tuple):
        return call_key(value, placed=placed)
    if isinstance(value, _SYMBOLS):
        raise TypeError(f"{value!r} is a symbol, must be a value to be part of a key")
    return repr(value)
