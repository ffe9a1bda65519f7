"""`ir_runtime.compile`: `torch.compile` with our passes, and a report of what they found."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.passes.backend.graph_backend import GraphBackend, pipeline_for
from ir_runtime.passes.pipeline import Pipeline
from ir_runtime.passes.record.pipeline_record import PipelineRecord

__all__ = ["compile"]


_records: weakref.WeakKeyDictionary[CodeType, list[tuple[GraphBackend, PipelineRecord]]]
_records = weakref.WeakKeyDictionary()
_guard = fork_safe_lock()


def compile(  # noqa: A001 - named as torch.compile
    target: Callable[..., Any] | None = None,
    /,
    *,
    passes: Pipeline | Iterable[Any] | str | None = None,
    expect: Mapping[str, int | range] | None = None,
    strict: bool = False,
    compile_range: Any = None,
    dump_directory: Path | None = None,
    dynamic: bool | None = None,
    fullgraph: bool = False,
    mode: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Compile a model or a function with `torch.compile`, in which our ops take part.

    Functions that the model writes out, such as norms and activations, become IR ops; further
    passes fuse and lower them. Everything else is as in `torch.compile(target)`.

    Args:
        target: a module or a function; None to use this as a decorator.
        passes: what runs at Inductor's hooks: a `Pipeline`, or passes, their classes or names.
            Default: `IR_RUNTIME_PASSES`, or else the default list.
        expect: by name of a pass, how many places it must match in each graph.
        strict: whether another number is an error; else it is a warning.
        compile_range: the batch sizes of the graphs, as for `Pipeline`.
        dump_directory: where each graph is written before and after each pass.
        dynamic: as for `torch.compile`.
        fullgraph: as for `torch.compile`.
        mode: as for `torch.compile`; together with `options`, which then override it.
        options: of Inductor, as for `torch.compile`.

    Returns:
        What `torch.compile` returns, with a method `report()`, which returns a `PipelineRecord`:
        matches, near misses and the providers that were chosen. It has all graphs that torch
        compiled for this code with equal arguments of this function, since torch shares them. It
        also has those that came from torch's caches on disk. `torch._dynamo.reset` empties it. If
        `passes` is a `Pipeline`, its `record` is the report.

    Raises:
        ArgumentError: `target` is not callable, or an argument is not well formed.

    Example:
        >>> compiled = ir_runtime.compile(model, dynamic=True)
        >>> output = compiled(input)
        >>> print(compiled.report())
    """
    pipeline = pipeline_for(
        passes,
        expect=expect,
        strict=strict,
        compile_range=compile_range,
        dump_directory=dump_directory,
    )
    backend = GraphBackend(pipeline, mode=mode, options=options, dynamic=dynamic)

    def compile_target(target: Any) -> Any:
        if not callable(target):
            raise ArgumentError(
                f"ir_runtime.compile: {target!r} cannot be called, must be callable"
            )
        if not isinstance(passes, Pipeline):
            backend.record = _shared_record(target, backend)
        made: Any = torch.compile(target, backend=backend, dynamic=dynamic, fullgraph=fullgraph)
        object.__setattr__(made, "report", lambda: backend.record)  # past that of modules
        return made

    return compile_target if target is None else compile_target(target)


def _shared_record(target: Any, backend: GraphBackend) -> PipelineRecord:
    """Return the record of all equal backends for a piece of code: torch compiles once for them."""
    function = target.forward if isinstance(target, torch.nn.Module) else target
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return backend.record
    with _guard:
        known = _records.setdefault(code, [])
        for equal, record in known:
            if equal == backend:
                return record
        known.append((backend, backend.record))
    return backend.record
