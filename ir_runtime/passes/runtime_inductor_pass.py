"""The base of passes that are made from a configuration: time, log lines and dumps of graphs."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from torch import fx

from ir_runtime.passes.active_run import current_run, dump_index, in_run
from ir_runtime.passes.graph_dump import dump_graph
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.pass_config import InductorCompilationConfig

__all__ = ["RuntimeInductorPass"]

_log = logging.getLogger("ir_runtime.passes")
_TIMES = frozenset({"_start_time", "_end_time"})

Call = TypeVar("Call", bound=Callable[..., None])


class _ClassView:
    """A class attribute that is computed when it is read, on the class and on its objects."""

    def __init__(self, compute: Callable[[], Any], doc: str) -> None:
        self._compute = compute
        self.__doc__ = doc

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        del instance, owner
        return self._compute()


class RuntimeInductorPass(InductorPass):
    """A pass that is made from a configuration, of which it keeps only what it may keep.

    Args:
        config: an object as `RuntimeConfig`.

    Attributes:
        compilation_config: the splitting of the graph, an `InductorCompilationConfig`.
        pass_config: which passes run.
        model_dtype: the dtype of the model's weights and activations, None if unknown.
        device: torch's name of the device, None if unknown.
        pass_name: in logs, dumps and records: the name of the class.
        dump_prefix: the number of the pass that runs in its pipeline; None outside of one. It is
            read from the run of this thread.
    """

    derived: ClassVar[frozenset[str]] = _TIMES
    dump_prefix: ClassVar[int | None] = _ClassView(  # pyright: ignore[reportAssignmentType]
        dump_index, "The number of the pass that runs in its pipeline."
    )

    def __init__(self, config: Any) -> None:
        options = config.compilation_config
        self.compilation_config = InductorCompilationConfig(
            splitting_ops=options.splitting_ops,
            use_inductor_graph_partition=options.use_inductor_graph_partition,
        )
        self.pass_config = options.pass_config
        model, device = config.model_config, config.device_config
        self.model_dtype = model.dtype if model else None
        self.device: str | None = device.device if device else None
        self.pass_name = type(self).__name__
        dumps = getattr(config, "debug_dump_path", None)
        self._dump_path: Path | None = None if dumps is None else Path(dumps)

    @staticmethod
    def time_and_log(call_fn: Call) -> Call:
        """Make a `__call__` record its time and dump the graph before and after; a decorator."""

        @functools.wraps(call_fn)
        def timed(self: RuntimeInductorPass, graph: fx.Graph) -> None:
            with in_run(self.pass_name, self.hook):
                self.begin()
                self.dump_graph(graph, "before")
                call_fn(self, graph)
                self.dump_graph(graph, "after")
                self.end_and_log()

        return timed  # pyright: ignore[reportReturnType]

    def dump_graph(self, graph: fx.Graph, stage: str) -> None:
        """Write the graph as `<hook>.<i>.<pass>.<stage>.py`, if there is a directory for dumps."""
        dump_graph(graph, self.pass_name, stage, self._dump_path)

    def begin(self) -> None:
        """Start the clock."""
        self._start_time = time.perf_counter_ns()

    def end_and_log(self) -> None:
        """Stop the clock, and log the time at level debug."""
        self._end_time = time.perf_counter_ns()
        elapsed_ms = (self._end_time - self._start_time) / 1e6
        run = current_run()
        if run is not None and run.passing is not None and run.passing.name == self.pass_name:
            run.passing.milliseconds = elapsed_ms
        _log.debug("pass %s took %.1f ms", self.pass_name, elapsed_ms)
