"""The calls of a list that tuned tables may reorder: choices are remembered, in C if possible.

The C launcher compares a call with the remembered ones, and calls the provider that was chosen
then. The tables are asked where a call is not remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from ir_runtime.device.device import set_devices
from ir_runtime.ir.choice.plain_call import make_choice
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.reads import Reads
from ir_runtime.ir.tuning.first_call import first_calls
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.settings import bound_launches

__all__ = ["TunedCalls"]

_ASKS_AGAIN = 1 << 14
"""After so many remembered calls, one looks whether another process changed a table."""


class _Chooser(Protocol):
    """The members of a priority that `TunedCalls` uses."""

    op: OpFacts[IrOpImpl]
    added_native: bool
    impls: tuple[IrOpImpl, ...]
    ask: Callable[..., Any]

    def for_call(self, values: Sequence[Any]) -> _Chooser: ...
    def choose(self, values: Sequence[Any]) -> IrOpImpl: ...
    def compute(self, values: Sequence[Any], call: Callable[[IrOpImpl], Any]) -> Any: ...


class TunedCalls:
    """Computes the calls of one list of providers by what the tables rank first.

    Args:
        priority: the list.

    Attributes:
        choice: remembers the providers of plain calls; None without the C launcher.
    """

    def __init__(self, priority: _Chooser) -> None:
        self._priority = priority
        self._op = priority.op
        self.choice = make_choice(self._op, self.run, capacity=bound_launches())
        if self.choice is not None:
            self.choice.asks_again = _ASKS_AGAIN
        self._forgotten = 0

    def forget(self) -> None:
        """Ask the tables again."""
        self._forgotten += 1
        if self.choice is not None:
            self.choice.clear(bound_launches())

    def run(self, *values: Any) -> Any:
        """Compute a call that is not remembered, all arguments by position."""
        tables.poll()
        used: list[IrOpImpl] = []

        def call(impl: IrOpImpl) -> Any:
            used.append(impl)
            return impl.functional(*values)

        settled = first_calls.measure(self._op, values, self._priority)
        before = self._forgotten
        result = self._priority.compute(values, call)
        if settled and before == self._forgotten:
            self._remember(values, used[-1])
            if before != self._forgotten:  # a thread changed a table meanwhile
                self.forget()
        return result

    def _remember(self, values: tuple[Any, ...], impl: IrOpImpl) -> None:
        choice, threads = self.choice, torch.get_num_threads()
        if choice is None or set_devices or torch.compiler.is_compiling():
            return
        if choice.threads != threads:
            choice.clear()
            choice.threads = threads
        ordered = self._priority.for_call(values)
        if impl not in ordered.impls or (ordered.added_native and impl.provider == "native"):
            return  # whether native may run is asked in each call
        before = ordered.impls[: ordered.impls.index(impl)]
        everything = "a" * len(values)
        if max(each.reads for each in (*before, impl)) is Reads.MORE:
            choice.remember(values, everything, ordered.ask)
        else:
            choice.remember(
                values, everything, impl.on_cpu, skips=bool(before), declines=impl.may_decline
            )
