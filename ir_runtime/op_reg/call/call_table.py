"""What happens in a call whose like was seen before?  As little as Python allows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device import Device, get_device_from_torch
from ir_runtime.device.device import set_devices
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.op_reg.call.bound_launch import BoundLaunch, write_into
from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET, CallFunctions
from ir_runtime.op_reg.call.kernel import bind_call
from ir_runtime.op_reg.call.native_call import FastCalls
from ir_runtime.op_reg.call.python_call import call_source
from ir_runtime.op_reg.op.op_arguments import out_names
from ir_runtime.op_reg.select.selection import call_device
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["CallTable", "make_call_functions"]


class CallTable:
    """The bound launches of one op: a bounded cache that costs a hit one dictionary look-up.

    Two generations approximate least-recently-used: when the young one is full it becomes the
    old one, and what is used again moves back.
    """

    def __init__(self, op: Op) -> None:
        self._op = op
        self._lock = fork_safe_lock()
        self.young: dict[Any, BoundLaunch] = {}
        self._old: dict[Any, BoundLaunch] = {}
        self._clears = 0
        self.fast: FastCalls | None = None

    def miss(self, key: Any, args: Sequence[Any]) -> BoundLaunch:
        """Find the launch for a key that is not in the young generation."""
        bound, clears = self._old.get(key), self._clears
        if bound is None:
            with torch._C._DisableAutocast():  # no kernel depends on where it is called first
                bound = bind_call(self._op, args)
            if self._op.select_each_call:
                return bound
        with self._lock:
            if clears != self._clears or _is_dropped(bound):  # out of date
                return bound
            if len(self.young) >= max(1, current_settings().bound_launches // 2):
                self._old = dict(self.young)
                self.young.clear()
            self.young[key] = bound
        return bound

    def remember(
        self, entrance: str, refused: int, args: Sequence[Any], bound: BoundLaunch
    ) -> None:
        """Let the C launcher serve calls like this one; see `FastCalls.remember`."""
        with self._lock:
            if self.fast is not None and not _is_dropped(bound):
                self.fast.remember(entrance, refused, args, bound)

    def forget_dropped(self) -> None:
        """Forget the launches of kernels that were dropped, so that their code is unloaded."""
        with self._lock:
            for launches in (self.young, self._old):
                bound = [key for key, launch in launches.items() if _is_dropped(launch)]
                for key in bound:
                    del launches[key]
            if self.fast is not None:
                self.fast.clear()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._clears += 1
            self.young.clear()
            self._old = {}
            if self.fast is not None:
                self.fast.clear()

    def __len__(self) -> int:
        return len(self.young.keys() | self._old.keys())


def _is_dropped(bound: BoundLaunch) -> bool:
    return bound.kernel is not None and bound.kernel.kernel.dropped


Slow = Callable[[Any, Sequence[Any]], Any]
"""Runs a call that may need a gradient, or whose tensors are not plain: key set, all arguments."""


def make_call_functions(op: Op, slow: Slow, slow_out: Slow, *, told: bool = False) -> CallFunctions:
    """Generate the functions that the dispatcher calls for an op.

    Args:
        op: the op.
        slow: runs what may need a gradient.
        slow_out: as `slow`, for the `out` overload.
        told: whether the C launcher stands before those for CPU tensors, and calls them with the
            reason of its refusal first.
    """
    source = call_source(op, told=told)
    own: dict[str, Any] = {
        "bound_for": op.calls.young.get,
        "miss": op.calls.miss,
        "remember": op.calls.remember,
        "plain": PLAIN_KEYSET if _serves_cpu(op) else None,
        "set_devices": set_devices,
        "place": functools.partial(_place, op),
        "grad_enabled": torch.is_grad_enabled,
        "forward_ad": torch.autograd.forward_ad,
        "raw_repr": torch._C.DispatchKeySet.raw_repr,
        "slow": slow,
        "slow_out": slow_out,
        "check": op.check,
        "eager_execute": op.eager_execute,
        "write": write_into,
        "copy_out": _copy_out,
        "op": op,
    }
    scope = source.scope | {f"{source.prefix}{name}": value for name, value in own.items()}
    exec(compile(source.text, f"<calls of {op.qualified_name}>", "exec"), scope)  # noqa: S102 - our own text
    return CallFunctions(*(scope[source.prefix + field.name] for field in fields(CallFunctions)))


def _place(op: Op, args: Sequence[Any], outs: Sequence[Tensor] = ()) -> str | None:
    """Name the device and stream that a call runs on; None if that is the CPU's own choice.

    Raises:
        MixedDeviceError: its tensors live on several.
    """
    names = (*op.arg_names, *out_names(op)[: len(outs)])
    where = call_device(op.name, names, (*args, *outs)) or torch.device("cpu")
    device = Device.chosen_for(where)
    if device is None and where.type != "cpu":
        device = get_device_from_torch(where)
    return None if device is None else device.instance_cache_key


def _serves_cpu(op: Op) -> bool:
    return "CPU" in op.dispatch_keys or "CompositeExplicitAutograd" in op.dispatch_keys


def _copy_out(values: Any, outs: Sequence[Any]) -> Any:
    for out, value in zip(outs, (values,) if len(outs) == 1 else values, strict=True):
        out.copy_(value)
    return outs[0] if len(outs) == 1 else outs
