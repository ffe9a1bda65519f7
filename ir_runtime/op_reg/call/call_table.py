"""The way of a call that the C launcher does not serve: a key, a bound launch, its run.

One function does it for all ops. It takes arguments as the dispatcher passes them, so that they may
have any name: all of its own parameters are positional.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device import Device
from ir_runtime.device.device import set_devices
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.launch.direct.quick_gradient import quick_needs_grad
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.op_reg.call.bound_launch import BoundLaunch, write_into
from ir_runtime.op_reg.call.call_functions import GPU_KEYSET, PLAIN_KEYSET, CallFunctions
from ir_runtime.op_reg.call.kernel import bind_call
from ir_runtime.op_reg.call.native_call import FastCalls
from ir_runtime.op_reg.op.op_arguments import make_fill, out_names
from ir_runtime.op_reg.select.call_device import call_device
from ir_runtime.settings import bound_launches

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
            half = bound_launches() // 2
            if len(self.young) >= max(1, half):
                self._old = dict(self.young) if half else {}
                self.young.clear()
            self.young[key] = bound
        return bound

    def remember(
        self, entrance: str, refused: int, args: Sequence[Any], bound: BoundLaunch
    ) -> None:
        """Make the C launcher serve calls like this one; see `FastCalls.remember`."""
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

Run = Callable[..., Any]
"""Runs a call below autograd, given all arguments."""


def make_call_functions(
    op: Op, slow: Slow, slow_out: Slow, *, told: bool = False, told_there: bool = False
) -> CallFunctions:
    """Make the functions that the dispatcher calls for an op.

    Args:
        op: the op.
        slow: runs what may need a gradient.
        slow_out: as `slow`, for the `out` overload.
        told: whether the C launcher stands before those for CPU tensors, and calls them with the
            reason of its refusal first.
        told_there: the same for those for tensors on GPUs.
    """
    call, autograd = _entrances(op, slow, out=False, told=told)
    call_there, autograd_there = _gpu_entrances(op, slow, out=False, told=told_there)
    call_out, autograd_out = _entrances(op, slow_out, out=True, told=told)
    out_there, autograd_out_there = _gpu_entrances(op, slow_out, out=True, told=told_there)
    return CallFunctions(
        call=call,
        call_there=call_there,
        autograd=autograd,
        autograd_there=autograd_there,
        call_out=call_out,
        call_out_there=out_there,
        autograd_out=autograd_out,
        autograd_out_there=autograd_out_there,
    )


Entrances = tuple[Callable[..., Any], Callable[..., Any]]


def _entrances(op: Op, slow: Slow, *, out: bool, told: bool) -> Entrances:
    """Make the kernel for CPU tensors, and that of autograd, for one overload.

    Calls on CPU tensors need not look for a device unless some thread has made one current.
    """
    here, there = _make_run(op, out=out), _make_run(op, out=out, there=True)
    fill, needs_grad = make_fill(op, out=out), quick_needs_grad()
    plain, raw_repr = PLAIN_KEYSET if _serves_cpu(op) else None, torch._C.DispatchKeySet.raw_repr
    forward_ad = torch.autograd.forward_ad
    name, name_autograd = ("call_out", "autograd_out") if out else ("call", "autograd")

    def call(refused: int | None, /, *args: Any, **named: Any) -> Any:
        every = fill(args, named)
        return there(every) if set_devices else here(every, name, refused)

    def autograd(refused: int | None, keyset: Any, /, *args: Any, **named: Any) -> Any:
        every = fill(args, named)
        if (
            set_devices
            or raw_repr(keyset) != plain
            or needs_grad(*every)
            or forward_ad._current_level >= 0  # a tensor with a tangent looks as plain as others
        ):
            return slow(keyset, every)
        return here(every, name_autograd, refused)

    return (call, autograd) if told else _untold(call, autograd)


def _gpu_entrances(op: Op, slow: Slow, *, out: bool, told: bool) -> Entrances:
    """Make the kernel for tensors on GPUs and elsewhere, and that of autograd for GPUs."""
    there = _make_run(op, out=out, there=True)
    fill, needs_grad = make_fill(op, out=out), quick_needs_grad()
    raw_repr, forward_ad = torch._C.DispatchKeySet.raw_repr, torch.autograd.forward_ad
    suffix = "out_there" if out else "there"
    name, name_autograd = f"call_{suffix}", f"autograd_{suffix}"

    def call_there(refused: int | None, /, *args: Any, **named: Any) -> Any:
        return there(fill(args, named), name, refused)

    def autograd_there(refused: int | None, keyset: Any, /, *args: Any, **named: Any) -> Any:
        every = fill(args, named)
        plain = raw_repr(keyset) == GPU_KEYSET and forward_ad._current_level < 0
        if not plain or needs_grad(*every):
            return slow(keyset, every)
        return there(every, name_autograd, refused)

    return (call_there, autograd_there) if told else _untold(call_there, autograd_there)


def _untold(call: Callable[..., Any], autograd: Callable[..., Any]) -> Entrances:
    return functools.partial(call, None), functools.partial(autograd, None)


def _make_run(op: Op, *, out: bool, there: bool = False) -> Run:
    """Make what finds the launch and runs it.

    Args:
        op: the op.
        out: whether the results go into given tensors.
        there: whether the device must be asked for, as the dispatch key does not tell it.

    Returns:
        A function of all arguments and, if the C launcher passed the call on, of the name of the
        entrance that did so and the reason.
    """
    calls, count, returned = op.calls, len(op.arg_names), op.returned_arg
    bound_for, asks_op = calls.young.get, op.has_check or op.has_eager_execute

    def run(every: Sequence[Any], entrance: str = "", refused: int | None = None) -> Any:
        args, outs = (every[:count], every[count + 1 :]) if out else (every, ())
        place = _place(op, args, outs) if there else None
        if asks_op:
            answer = _ask(op, args)
            if answer is not NotImplemented:
                return _copy_out(answer, outs) if out else answer
        key = (place, *call_key(args)) if there else call_key(args)
        bound = bound_for(key)
        if bound is None:
            bound = calls.miss(key, args)
        if refused is not None and bound.plan is not None:
            calls.remember(entrance, refused, args, bound)
        if out:
            write_into(op, bound, args, outs, every[count])
            return outs[0] if len(outs) == 1 else outs
        result = bound.run(args)
        return result if returned is None else args[returned]

    return run


def _ask(op: Op, args: Sequence[Any]) -> Any:
    """Ask the op's own functions, which come before its kernel; NotImplemented if that is next."""
    if any(args[i] is None for i in op.required_tensors):
        return NotImplemented  # `select` says so
    if op.has_check:
        op.check(*args)
    return op.eager_execute(*args)


def _place(op: Op, args: Sequence[Any], outs: Sequence[Tensor] = ()) -> str | None:
    """Name the device that a call runs on; None if that is the CPU's own choice.

    Raises:
        MixedDeviceError: its tensors live on several.
    """
    names = (*op.arg_names, *out_names(op)) if outs else op.arg_names
    where = call_device(op.name, names, (*args, *outs)) or torch.device("cpu")
    device = Device.chosen_for(where)
    if device is not None:
        return device.instance_cache_key
    return None if where.type == "cpu" else str(where)  # the stream is looked up by each launch


def _serves_cpu(op: Op) -> bool:
    return "CPU" in op.dispatch_keys or "CompositeExplicitAutograd" in op.dispatch_keys


def _copy_out(values: Any, outs: Sequence[Any]) -> Any:
    for out, value in zip(outs, (values,) if len(outs) == 1 else values, strict=True):
        out.copy_(value)
    return outs[0] if len(outs) == 1 else outs
