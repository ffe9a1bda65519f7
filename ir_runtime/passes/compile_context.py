"""What passes may ask about the compile that they are part of: batch sizes, donated inputs.

A context belongs to the thread that compiles. The hooks of one graph share it, so that a pass
before autograd can leave word to one after it.
"""

from __future__ import annotations

import weakref
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from torch._guards import TracingContext

from ir_runtime.errors import ArgumentError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.frozen import frozen

__all__ = [
    "CompileRange",
    "PassContext",
    "current_graph_context",
    "find_pass_context",
    "get_pass_context",
    "graph_context",
    "pass_context",
    "range_of",
]


@frozen
class CompileRange:
    """The batch sizes that a graph is compiled for.

    Attributes:
        start: the least one.
        end: the largest one; None for no limit.
    """

    start: int
    end: int | None = None

    def is_single_size(self) -> bool:
        """Tell whether the graph has one batch size alone."""
        return self.start == self.end

    def __contains__(self, size: object) -> bool:
        if isinstance(size, CompileRange):
            ends_inside = self.end is None or (size.end is not None and size.end <= self.end)
            return size.start >= self.start and ends_inside
        return (
            isinstance(size, int) and self.start <= size and (self.end is None or size <= self.end)
        )

    def __str__(self) -> str:
        return f"[{self.start}, {'...' if self.end is None else self.end}]"


@dataclass
class PassContext:
    """Facts of the graph that is being compiled.

    Attributes:
        compile_range: its batch sizes; None if they are not known.
        donated_inputs: inputs whose memory the caller gives up, as the pass that found them names
            them: texts, or numbers of inputs. They are part of the keys of later hooks, because
            the graph does not show them.
        record_key: of the stored records of this compile; None until they are stored.
    """

    compile_range: CompileRange | None = None
    donated_inputs: set[Any] = field(default_factory=set)
    record_key: str | None = None

    @property
    def donated_input_ids(self) -> set[Any]:
        """The same as `donated_inputs`."""
        return self.donated_inputs


_current: ContextVar[PassContext | None] = ContextVar("pass context", default=None)
_by_compile: weakref.WeakKeyDictionary[TracingContext, PassContext] = weakref.WeakKeyDictionary()
_guard = fork_safe_lock()


def range_of(value: Any) -> CompileRange | None:
    """Return a range: of a size, a pair, a Python range (whose end is not part of it), or None.

    Raises:
        ArgumentError: it is none of these, or the range is empty.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = CompileRange(value, value)
    elif isinstance(value, range):
        value = CompileRange(value.start, value.stop - 1) if value.step == 1 else value
    elif isinstance(value, tuple) and len(value) == 2:
        value = CompileRange(*value)
    if value is None:
        return None
    if not isinstance(value, CompileRange) or not _is_proper(value):
        raise ArgumentError(
            f"compile_range: {value} is no range of batch sizes, must be a CompileRange, a size or "
            "a pair of the least and the largest one"
        )
    return value


def _is_proper(value: CompileRange) -> bool:
    start, end = value.start, value.end
    return isinstance(start, int) and start >= 0 and (end is None or end >= start)


@contextmanager
def pass_context(compile_range: Any = None) -> Generator[PassContext]:
    """Set the context of passes that run inside a `with` block of this thread.

    Args:
        compile_range: batch sizes, as `range_of` takes them.
    """
    with _entered(PassContext(range_of(compile_range))) as context:
        yield context


def get_pass_context() -> PassContext:
    """Return the context of the running pass.

    Raises:
        AssertionError: no pass runs, and no context is set.
    """
    context = find_pass_context()
    assert context is not None, "no pass context is set: use it inside of `pass_context(...)`"
    return context


def find_pass_context() -> PassContext | None:
    """Return the context of this thread: the one that is set, or that of its compile, or None."""
    compiling = TracingContext.try_get()
    with _guard:
        known = None if compiling is None else _by_compile.get(compiling)
    return known or _current.get()


def current_graph_context(compile_range: CompileRange | None) -> PassContext | None:
    """Return the context of the graph that this thread compiles, made if need be; else None."""
    if TracingContext.try_get() is None:
        return None
    with graph_context(compile_range) as context:
        return context


@contextmanager
def graph_context(compile_range: CompileRange | None) -> Generator[PassContext]:
    """Enter the context of the graph that this thread compiles; its hooks share one.

    Args:
        compile_range: batch sizes, if no context around gives them.
    """
    outer, compiling = _current.get(), TracingContext.try_get()
    around = None if outer is None else outer.compile_range
    if compiling is None:
        context = outer or PassContext(compile_range)
    else:
        with _guard:
            context = _by_compile.get(compiling)
            if context is None:
                context = _by_compile[compiling] = PassContext(around or compile_range)
    with _entered(context):
        yield context


@contextmanager
def _entered(context: PassContext) -> Generator[PassContext]:
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
