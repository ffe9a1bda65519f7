"""`IR_RUNTIME_TUNE=first-calls`: a call is measured when it is first made, where it may be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ir_runtime.device.instance import on_fork
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import logger, warn_once
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.late_import import late_module
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from ir_runtime.ir.tuning import measure as measuring
    from ir_runtime.ir.tuning.measure import Clock
else:
    measuring = late_module("ir_runtime.ir.tuning.measure")

__all__ = ["MOST_CLASSES", "FirstCalls", "first_calls"]


MOST_CLASSES = 256
"""So many classes of an op are measured in a process: sizes without end are not worth it."""


class _Chooser(Protocol):
    def choose(self, values: Sequence[Any]) -> IrOpImpl: ...


class FirstCalls:
    """Measures calls whose class is in no table, each class once in this process.

    Attributes:
        clock: the time; tests have one of their own.
    """

    def __init__(self) -> None:
        self.clock: Clock = time.perf_counter_ns
        self._lock = fork_safe_lock()
        self._tried: dict[str, set[str]] = {}
        self._busy = False

    def measure(self, op: OpFacts[IrOpImpl], values: Sequence[Any], priority: _Chooser) -> bool:
        """Measure a call, unless that is off, done, or impossible here.

        While a thread measures, the calls of others run as if nothing were to be measured: they
        would disturb each other.

        Args:
            op: the op.
            values: all arguments, as providers get them.
            priority: chooses the provider that computes the call now.

        Returns:
            Whether nothing is left to be measured for calls like this one.
        """
        settings = current_settings()
        if settings.tune != "first-calls" or settings.tuned_table is not None:
            return True
        if self._busy or not _may_measure(values):
            return False
        found = tables.find(op, values)
        name = found.shape_class
        if found.ranking is not None or name is None or not self._is_new(op.name, name):
            return True
        with self._lock:
            if self._busy:
                return False
            self._busy = True
        try:
            self._tried.setdefault(op.name, set()).add(name)
            op.check(values)
            present = priority.choose(values).provider
            with torch.no_grad():
                ranking = measuring.measure(op, values, present, clock=self.clock)
            tables.record(op, values, ranking)
            logger.info("op %s: measured %s: %s", op.name, name, ranking.in_words())
        except Exception as error:  # noqa: BLE001 - the call itself says what is wrong with it
            logger.debug("op %s: not measured: %s", op.name, error)
        finally:
            self._busy = False
        return True

    def _is_new(self, op: str, name: str) -> bool:
        tried = self._tried.get(op, ())
        if len(tried) < MOST_CLASSES:
            return name not in tried
        warn_once(
            f"tuned {op} {MOST_CLASSES}",
            f"op {op}: {MOST_CLASSES} classes of calls were measured, no more are in this process",
        )
        return False

    def forget(self) -> None:
        """Measure again what was measured."""
        self._tried.clear()
        self._busy = False


def _may_measure(values: Sequence[Any]) -> bool:
    """Tell whether extra calls change nothing: nothing traces, captures, transforms or records."""
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    if torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack():
        return False
    if torch._C._get_tracing_state() is not None or torch.autograd.forward_ad._current_level >= 0:
        return False
    on_gpu = any(isinstance(v, Tensor) and v.is_cuda for v in values)
    return not (on_gpu and torch.cuda.is_current_stream_capturing())


first_calls = FirstCalls()
"""The measurements of first calls in this process."""

on_fork(first_calls.forget)  # a thread of the parent may have been measuring
