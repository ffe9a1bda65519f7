"""The priorities of an op: a call uses its context's priority, else the default of the process."""

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
    compile_again,
    make_priority,
    with_range,
)
from ir_runtime.ir.choice.strict import Traced
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import logger
from ir_runtime.ir.op_facts import OpFacts

__all__ = ["OpPriority"]


class OpPriority:
    """The priorities of an op: one for each context, and the default of the process.

    The generated functions of the op read `context` and `default` in each call.

    Args:
        op: the op.

    Attributes:
        choices: generates the functions that try providers in turn.
        context: the priority of a context, None if it has none.
        default: the priority for contexts that have none.
    """

    def __init__(self, op: OpFacts[IrOpImpl]) -> None:
        self._op = op
        self.choices = CompiledChoices(op)
        self._traced = Traced()
        self.context: ContextVar[Priority | None] = ContextVar(f"ir_op_{op.name}", default=None)
        self.default = Priority(op, self.choices, ())

    def current(self) -> Priority:
        """Return the priority of this context, else the default."""
        if torch.compiler.is_dynamo_compiling():
            return self._traced.value or self.default
        return self.context.get() or self.default

    @property
    def names(self) -> list[str]:
        """The names of the providers in order, [] if none are set."""
        return self.current().providers

    def choose(self, values: Sequence[Any], *, guarded: bool = False) -> IrOpImpl:
        """Return the provider of a call under the current priority, given all its arguments.

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
        """Compute a call while a compiler traces through the provider.

        If a provider's conditions cannot be tested while tracing, the torch op is called instead.
        """
        op = self._op
        values = given if op.normalize is None else op.normalize(*given)
        holds = op.check.holds
        if holds is not None and torch.compiler.is_dynamo_compiling() and not holds(*values):
            return op.torch_op(*given)  # its meta function raises the error
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
        chosen = make_priority(self._op, self.choices, names, source="context")
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
        chosen = make_priority(self._op, self.choices, names, source="default", auto=auto)
        if batch_sizes is not None:
            chosen = with_range(self.default, batch_sizes, chosen)
        self.default = chosen
        self._changed()

    def clear_default(self) -> None:
        """Remove the default of the process."""
        self.default = Priority(self._op, self.choices, ())
        self._changed()

    def forget_choices(self) -> None:
        """Compile all priorities of the op again, after providers' conditions have changed."""
        self.choices.clear()
        compile_again(self._op)

    def _changed(self) -> None:
        """Copy the context's priority for compilers, which cannot read context variables."""
        self._traced.value = self.context.get()
        logger.debug("providers of ir.ops.%s set to %s", self._op.name, self.names)
