"""Which provider has a call of an op now?  A context's priority, or else the process's."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from ir_runtime.ir.choice.choice_source import CompiledChoices
from ir_runtime.ir.choice.priority import (
    BatchSizes,
    Priority,
    compile_anew,
    make_priority,
    with_range,
)
from ir_runtime.ir.choice.strict import Traced
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import logger
from ir_runtime.ir.op_facts import OpFacts

__all__ = ["OpPriority"]


class OpPriority:
    """The priorities that hold for an op: each context's, and the process's default.

    The generated functions of the op read `context` and `default` in each call.

    Args:
        op: the op.

    Attributes:
        context: the priority of a context, None if it has none.
        default: the priority that is used where no context has one.
    """

    def __init__(self, op: OpFacts[IrOpImpl]) -> None:
        self._op = op
        self._choices = CompiledChoices(op)
        self._traced = Traced()
        self.context: ContextVar[Priority | None] = ContextVar(f"ir_op_{op.name}", default=None)
        self.default = Priority(op, self._choices, ())

    def current(self) -> Priority:
        """Return the priority that holds here."""
        if torch.compiler.is_dynamo_compiling():
            return self._traced.value or self.default
        return self.context.get() or self.default

    @property
    def names(self) -> list[str]:
        """The names of the providers in turn, [] if none are set."""
        return self.current().providers

    def choose(self, values: Sequence[Any], *, guarded: bool = False) -> IrOpImpl:
        """Return the provider that a call has now, given all its arguments.

        Args:
            values: the arguments.
            guarded: whether a compiler may put guards on symbolic sizes.

        Raises:
            PriorityError: as for `Priority.choose`.
        """
        return self.current().choose(values, guarded=guarded)

    def choose_to_run(self, values: Sequence[Any]) -> IrOpImpl:
        """Return the provider of a call that is about to run; it may be measured first."""
        priority = self.current()
        priority.measure_first(values)
        return priority.choose(values)

    def run_traced(self, *given: Any) -> Any:
        """Compute a call where a compiler traces through the provider.

        The torch op stands for providers whose arguments cannot be looked at while tracing.
        """
        op = self._op
        values = given if op.normalize is None else op.normalize(*given)
        holds = op.check.holds
        if holds is not None and torch.compiler.is_dynamo_compiling() and not holds(*values):
            return op.torch_op(*given)  # whose meta function says what is wrong
        priority = self.current().for_call(values)
        for impl in priority.impls:
            if impl.is_asked_in_python:
                return op.torch_op(*given)
            if impl.accepts is None or impl.accepts(*values):
                break
        return priority.choose(values).traced(*values)

    @contextmanager
    def set_in_context(
        self, names: Sequence[str], batch_sizes: BatchSizes | None = None
    ) -> Generator[None]:
        """Set the providers of this context; see `IrOp.set_priority`."""
        before = self.context.get() or self.default
        chosen = make_priority(self._op, self._choices, names, source="context")
        token = self.context.set(
            chosen if batch_sizes is None else with_range(before, batch_sizes, chosen)
        )
        self._changed()
        try:
            yield
        finally:
            self.context.reset(token)
            self._changed()

    def set_default(
        self,
        names: Sequence[str],
        batch_sizes: BatchSizes | None = None,
        *,
        auto: bool = False,
    ) -> None:
        """Set the providers of the process; see `IrOp.set_default`.

        Args:
            names: the providers in turn.
            batch_sizes: for which batch sizes, None for all.
            auto: whether a tuned table may put them in another order.
        """
        chosen = make_priority(self._op, self._choices, names, source="default", auto=auto)
        if batch_sizes is not None:
            chosen = with_range(self.default, batch_sizes, chosen)
        self.default = chosen
        self._changed()

    def clear_default(self) -> None:
        """Forget the default."""
        self.default = Priority(self._op, self._choices, ())
        self._changed()

    def forget_choices(self) -> None:
        """Look again what providers take, in all priorities there are."""
        self._choices.clear()
        compile_anew(self._op)

    def _changed(self) -> None:
        """Note what a compiler sees that traces through the op: it cannot trace a context."""
        self._traced.value = self.context.get()
        logger.debug("providers of ir.ops.%s set to %s", self._op.name, self.names)
