"""The types of a launch in both executors, the choice of its driver, and the error if it fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import profiler

from ir_runtime.device.instance import is_forked
from ir_runtime.device.machine import this_machine
from ir_runtime.device.machine_choice import worker_pool_bytes
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import IrRuntimeError, LaunchError
from ir_runtime.launch.operand.index_fault import zero_size_fault
from ir_runtime.settings import current_settings

__all__ = [
    "Launch",
    "Results",
    "in_profiles",
    "launch_failure",
    "local_uri_for_work",
    "not_direct",
]

Results = tuple[tuple[tuple[int, ...], torch.dtype], ...]
"""Shape and dtype of each result of a kernel."""
Launch = Callable[[Sequence[Any], Sequence[Tensor]], None]
"""Runs a kernel; takes the operands, and the tensors that receive the results."""


def local_uri_for_work(size_bytes: int, *, has_empty: bool = False) -> str:
    """Choose the local driver for a launch.

    Args:
        size_bytes: how much memory it touches.
        has_empty: whether one of its tensors has no elements. IREE 3.13's worker pool crashes
            (SIGSEGV) in a dispatch over an empty grid, so the calling thread runs it.
    """
    most = current_settings().task_min_bytes
    large = size_bytes >= (_pool_bytes() if most is None else most)
    return "local-task" if large and not has_empty and not is_forked() else "local-sync"


@functools.cache
def _pool_bytes() -> int:
    return worker_pool_bytes(this_machine()).size


def in_profiles(name: str, launch: Launch) -> Launch:
    """Return a launch that torch's profiler shows under a name."""

    def shown(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        if profiler._is_profiler_enabled:
            with profiler.record_function(name):
                launch(operands, outs)
        else:
            launch(operands, outs)

    return shown


def launch_failure(name: str, error: Exception, operands: Sequence[Any] = ()) -> IrRuntimeError:
    """Turn an exception of IREE's runtime into one of ours that lists the tensors of the call."""
    if isinstance(error, IrRuntimeError):
        return error
    fault = zero_size_fault(name, str(error))
    if fault is not None:
        return fault
    fix = None
    if "empty buffer range" in str(error):  # the error of IREE's Vulkan driver for empty tensors
        fix = "run calls with tensors without elements on the CPU: Vulkan has no empty buffers"
    empty = any(isinstance(value, Tensor) and value.numel() == 0 for value in operands)
    if empty and "INVALID_VALUE" in str(error):  # an empty grid, which drivers of GPUs refuse
        fix = "run programs on tensors without elements on the CPU"
    shown = ", ".join(format_tensor(value) for value in operands if isinstance(value, Tensor))
    facts = [str(error), *([f"called with {shown}"] if shown else [])]
    return LaunchError(f"{name}: failed while running", facts=facts, fix=fix)


def not_direct(name: str, label: str | None, reason: str) -> LaunchError:
    """Return the error for a launch that only IREE's VM can run, with IR_RUNTIME_LAUNCH=direct.

    Args:
        name: of the op or program.
        label: of the key of its artifact, None if it has none.
        reason: why it cannot be launched directly.
    """
    return LaunchError(
        f"{name}: cannot be launched directly, and IR_RUNTIME_LAUNCH=direct",
        facts=[reason, *([] if label is None else [f"key {label}"])],
        fix="set IR_RUNTIME_LAUNCH=auto to run it in IREE's VM",
    )
