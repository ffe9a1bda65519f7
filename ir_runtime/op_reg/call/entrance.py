"""The entrance of an op: a call that avoids torch's dispatcher where nothing needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.op_reg.op.op import Op

__all__ = ["direct_entrance", "eager_entrance", "make_entrance", "out_entrance", "positional"]


def make_entrance(op: Op, eager: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return a function that computes what an op computes, by the shortest way there is.

    Plain calls go from here to the C launcher: on CPU tensors of torch's own types, in a shape
    that was seen before, without a gradient to record, and outside of modes, transforms, autocast
    regions that the op has a dtype for, current devices, profilers and tracing. All others are
    calls of the torch op.

    Args:
        op: a registered op.
        eager: called where no compiler traces, all arguments positional; default: what
            `direct_entrance` returns.

    Returns:
        A function of the op's arguments, all positional and in schema order; those with a default
        may be left out at the end. Code that `torch.compile` traces sees the torch op in it.
    """
    through_torch = positional(op)
    direct = direct_entrance(op) if eager is None else eager
    is_compiling = torch.compiler.is_compiling

    def entrance(*args: Any) -> Any:
        return through_torch(*args) if is_compiling() else direct(*args)

    return entrance


def eager_entrance(op: Op, slow: Callable[..., Any]) -> Callable[..., Any]:
    """Return an entrance for calls that no compiler traces, with its own way for unknown calls.

    Args:
        op: a registered op.
        slow: called for what the C launcher does not know; all arguments positional.
    """
    return slow if op.calls.fast is None else op.calls.fast.entrance_of_its_own(slow)


def direct_entrance(op: Op) -> Callable[..., Any]:
    """Return what `make_entrance` does, for callers who know that no compiler traces them.

    Raises nothing of its own: an op that the C launcher cannot serve is called through torch.
    """
    through_torch = positional(op)
    return through_torch if op.calls.fast is None else op.calls.fast.guarded_entrance(through_torch)


def out_entrance(op: Op) -> Callable[..., Any]:
    """Return an entrance to the `out` overload, for callers who know that no compiler traces them.

    Args:
        op: a registered op that has the overload.

    Returns:
        A function that takes the op's arguments by position, and the tensors that the results go
        into by name.
    """
    packet = getattr(getattr(torch.ops, op.library.ns), op.name)
    through_torch = _positional(packet.out, op)
    fast = op.calls.fast
    return through_torch if fast is None else fast.guarded_out_entrance(through_torch)


def positional(op: Op) -> Callable[..., Any]:
    """Return the torch op as a function that takes keyword-only arguments by position, too."""
    return _positional(op.overload, op)


def _positional(overload: Any, op: Op) -> Callable[..., Any]:
    count = op.positional_count
    if count == len(op.arg_names):
        return overload
    names = op.arg_names[count:]

    def call(*args: Any, **named: Any) -> Any:
        return overload(*args[:count], **dict(zip(names, args[count:], strict=False)), **named)

    return call
