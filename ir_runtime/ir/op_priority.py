"""Which provider has a call of an op now?  A context's priority, or else the process's."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import torch

from ir_runtime.ir.choice_source import Run, make_run
from ir_runtime.ir.log import logger
from ir_runtime.ir.priority import (
    BatchSizes,
    Priority,
    Traced,
    compile_anew,
    make_priority,
    with_range,
)

if TYPE_CHECKING:
    from ir_runtime.ir.implementation import IrOpImpl
    from ir_runtime.ir.op import IrOp

__all__ = ["OpPriority"]


class OpPriority:
    """The part of an op that chooses a provider.

    Args:
        name: of the op.

    Attributes:
        context: the priority of a context, None if it has none.
        default_priority: what is used where no context has a priority.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.context: ContextVar[Priority | None] = ContextVar(f"ir_op_{name}", default=None)
        self._choices: dict[tuple[tuple[IrOpImpl, ...], bool], Callable[[Run], Run]] = {}
        self.default_priority = Priority(self._op, ())
        self._traced = Traced()

    def compiled_choice(self, impls: tuple[IrOpImpl, ...], *, on_cpu: bool) -> Callable[[Run], Run]:
        """Return what makes a function of providers to try in turn; see `make_run`."""
        found = self._choices.get((impls, on_cpu))
        if found is None:
            found = self._choices[impls, on_cpu] = make_run(self._op, impls, on_cpu=on_cpu)
        return found

    def forget_choices(self) -> None:
        """Look again what providers take, in all priorities there are."""
        self._choices.clear()
        compile_anew(self._op)

    @property
    def _op(self) -> IrOp:
        return cast("IrOp", self)

    def dispatch(self, *args: Any, **kwargs: Any) -> IrOpImpl:
        """Return the provider that a call has now.

        Raises:
            PriorityError: none takes it, or none is asked for in strict mode.
        """
        return self.choose(self._op.normal_arguments(args, kwargs))

    def dispatch_guarded(self, *args: Any, **kwargs: Any) -> IrOpImpl:
        """Return the provider that a call has now; a compiler may put guards on its sizes.

        Raises:
            PriorityError: as for `dispatch`.
        """
        return self._priority().choose(self._op.normal_arguments(args, kwargs), guarded=True)

    def choose(self, values: Sequence[Any]) -> IrOpImpl:
        """Return the provider that a call has now, given all its arguments."""
        return self._priority().choose(values)

    def _priority(self) -> Priority:
        if torch.compiler.is_dynamo_compiling():
            return self._traced.value or self.default_priority
        return self.context.get() or self.default_priority

    def get_priority(self) -> list[str]:
        """Return the names of the providers in turn, [] if none are set."""
        return self._priority().providers

    @contextmanager
    def set_priority(
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> Generator[None]:
        """Set the providers of this context, the first that takes a call computes it.

        Args:
            priority: their names; what is not supported here is left out.
            batch_sizes: first and last size of dimension 0 of the first activation that they are
                for, last None for no limit; the others keep what they have. It is looked at in each
                call, so that it holds in compiled graphs.

        Raises:
            OpConflictError: a name is unknown, or the sizes are no range.
        """
        before = self.context.get() or self.default_priority
        chosen = make_priority(self._op, priority)
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
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> None:
        """Set the providers of the process, in all threads, where no context has its own.

        Args:
            priority: as for `set_priority`.
            batch_sizes: likewise.
        """
        chosen = make_priority(self._op, priority)
        if batch_sizes is not None:
            chosen = with_range(self.default_priority, batch_sizes, chosen)
        self.default_priority = chosen
        self._changed()

    def clear_default(self) -> None:
        """Forget the default."""
        self.default_priority = Priority(self._op, ())
        self._changed()

    def _changed(self) -> None:
        """Note what a compiler sees that traces through the op: it cannot trace a context."""
        self._traced.value = self.context.get()
        logger.debug("providers of ir.ops.%s set to %s", self.name, self.get_priority())
