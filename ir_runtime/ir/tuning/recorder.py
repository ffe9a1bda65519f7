"""The calls of IR ops that a function makes, recorded while it runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.tuning.shape_class import shape_class

__all__ = ["Recorder", "recorder"]

Call = tuple[OpFacts[IrOpImpl], tuple[Any, ...]]


class Recorder:
    """Keeps one call of each class, with its arguments.

    Attributes:
        on: whether calls are recorded; priorities are compiled again when that changes.
    """

    def __init__(self) -> None:
        self.on = False
        self._calls: dict[tuple[str, str], Call] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener()` when `on` changes; a decorator."""
        self._listeners.append(listener)
        return listener

    def add(self, op: OpFacts[IrOpImpl], values: Sequence[Any]) -> None:
        """Keep a call, unless one like it is kept."""
        name = shape_class(op, values)
        if name is not None:
            self._calls.setdefault((op.name, name), (op, tuple(values)))

    @contextmanager
    def recording(self) -> Generator[list[Call]]:
        """Record in a `with` block: after it, the yielded list has the calls."""
        found: list[Call] = []
        self._calls.clear()
        self._set(on=True)
        try:
            yield found
        finally:
            self._set(on=False)
            found.extend(self._calls.values())
            self._calls.clear()

    def _set(self, *, on: bool) -> None:
        self.on = on
        for listener in self._listeners:
            listener()


recorder = Recorder()
"""The recorder of this process."""
