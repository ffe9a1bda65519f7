"""The autocast rule of an op; without one, an op ignores autocast regions."""

from __future__ import annotations

from typing import Any

import torch
from torch.amp.autocast_mode import _cast

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op

__all__ = ["check_autocast", "register_autocast"]


def register_autocast(op: Any, device_type: str, dtype: torch.dtype) -> None:
    """Register a dtype to which a registered op's floating-point tensors are cast in autocast.

    Without it, an op computes in the dtypes of its arguments, also in an autocast region. As for
    `torch.library.register_autocast`, float64 tensors and tensors of another device type are not
    cast, and the dtype of the region does not matter. Gradients flow through the casts.

    Args:
        op: the op from `CustomOp.register`, its default overload, or `namespace::name`.
        device_type: of the region, such as "cpu".
        dtype: a floating-point dtype.

    Raises:
        RegistrationError: the op changes an argument or has a dtype for this device type already,
            or torch has no autocast for this device type.
    """
    found = registered_op(op)
    _check(found, device_type, dtype)
    if device_type in found.autocast_dtypes:
        raise RegistrationError(
            f"{found.qualified_name}: it has an autocast dtype for {device_type} already, "
            "must be given one once"
        )
    key = f"Autocast{torch._C._dispatch_key_for_device(device_type)}"
    keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, key))

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return found.overload(
                *_cast(args, device_type, dtype), **_cast(kwargs, device_type, dtype)
            )

    found.library.impl(found.name, kernel, key)
    found.overload._dispatch_cache.clear()  # the cache of Python's dispatcher, used in tracing
    found.autocast_dtypes[device_type] = dtype


def check_autocast(op: Op) -> None:
    """Refuse wrong autocast dtypes in the class of an op, before the op is defined."""
    for device_type, dtype in op.autocast.items():
        _check(op, device_type, dtype)


def _check(op: Op, device_type: str, dtype: torch.dtype) -> None:
    if op.mutated_args:
        raise RegistrationError(
            f"{op.name}: it changes an argument, must be functional for autocast: a cast argument "
            "is a copy"
        )
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise RegistrationError(
            f"{op.name}: its autocast dtype for {device_type} is {dtype}, must be floating point"
        )
    try:
        available = torch.amp.is_autocast_available(device_type)
    except RuntimeError:
        available = False
    if not available:
        raise RegistrationError(
            f"{op.name}: torch has no autocast on device type {device_type!r}, must be one it has"
        )
