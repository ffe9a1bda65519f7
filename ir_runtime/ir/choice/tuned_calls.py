"""The calls of a list that tuned tables may reorder: choices are remembered, in C if possible.

A call that is like a remembered one costs as much as one without a table: the C launcher compares
its arguments, as it does for each call of a kernel, and runs the kernel's plan or calls the
provider. The tables are asked where a call is not remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from ir_runtime.device.device import set_devices
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.tuning.first_call import first_calls
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.launch.direct import native
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.op_reg.call.native_call import guarded_call, not_seen_yet
from ir_runtime.op_reg.op.op import Op
from ir_runtime.settings import bound_launches

__all__ = ["TunedCalls"]

_ASKS_AGAIN = 1 << 14
"""After so many remembered calls, one looks whether another process changed a table."""


class _Chooser(Protocol):
    """The members of a priority that `TunedCalls` uses."""

    op: OpFacts[IrOpImpl]
    added_native: bool
    impls: tuple[IrOpImpl, ...]

    def choose(self, values: Sequence[Any]) -> IrOpImpl: ...
    def compute(self, values: Sequence[Any], call: Callable[[IrOpImpl], Any]) -> Any: ...


class TunedCalls:
    """Computes the calls of one list of providers by what the tables rank first.

    Args:
        priority: the list.

    Attributes:
        run: computes a call, all arguments by position.
    """

    def __init__(self, priority: _Chooser) -> None:
        self._priority = priority
        self._op = priority.op
        self._kernel = _kernel_of(self._op)
        fast = None if self._kernel is None else self._kernel.calls.fast
        self._entrance: Any = None
        if fast is not None:
            self._entrance = fast.choosing_entrance(self._run)
        elif native.why_absent() is None:
            self._entrance = guarded_call(self._run, self._op.arg_names, bound_launches())
        if self._entrance is not None:
            self._entrance.asks_again = _ASKS_AGAIN
        self.run: Callable[..., Any] = self._run if self._entrance is None else self._entrance

    def forget(self) -> None:
        """Ask the tables again."""
        if self._entrance is not None:
            self._entrance.clear(bound_launches())

    def _run(self, *values: Any) -> Any:
        """Compute a call that is not remembered."""
        tables.poll()
        used: list[IrOpImpl] = []

        def call(impl: IrOpImpl) -> Any:
            used.append(impl)
            return impl.functional(*values)

        first_calls.measure(self._op, values, self._priority)
        result = self._priority.compute(values, call)
        if self._entrance is not None:
            self._remember(values, used[-1])
        return result

    def _remember(self, values: Sequence[Any], impl: IrOpImpl) -> None:
        entrance, threads = self._entrance, torch.get_num_threads()
        if entrance.threads != threads:
            entrance.clear()
            entrance.threads = threads
        if set_devices or not not_seen_yet(entrance.why_refused(*values)):
            return
        if self._priority.added_native and impl.provider == "native":
            return  # whether it may run is asked in each call
        if not impl.may_decline:
            entrance.redirect(values, impl.on_cpu)
        elif isinstance(impl, IreeImpl) and impl.kernel is self._kernel:
            bound = impl.kernel.calls.find(call_key(values))
            if bound is not None:
                impl.kernel.calls.teach(entrance, values, bound)


def _kernel_of(op: OpFacts[IrOpImpl]) -> Op | None:
    impl = op.impls["iree"]
    return impl.written_kernel if isinstance(impl, IreeImpl) else None
