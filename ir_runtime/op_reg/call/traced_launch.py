"""The tracing of a bound launch: a wrapper that is added only while tracing is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ir_runtime.op_reg.call.bound_launch import BoundLaunch
from ir_runtime.tracing import launch_span

__all__ = ["traced"]


def traced(bound: BoundLaunch, name: str) -> BoundLaunch:
    """Return a launch that also records each call: the allocation of results and the kernel.

    Args:
        bound: the launch.
        name: the op, `<namespace>::<op>`.
    """
    assert bound.kernel is not None
    label, place = bound.kernel.kernel.label, bound.kernel.place
    executor = bound.kernel.executor

    def run(args: Sequence[Any]) -> Any:
        with launch_span(name, label, args, place, executor=executor):
            return bound.run(args)

    def run_into(args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        with launch_span(name, label, args, place, executor=executor):
            bound.run_into(args, outs)

    return replace(bound, run=run, run_into=run_into, plan=None)
