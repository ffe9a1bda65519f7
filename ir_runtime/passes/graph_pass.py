"""The base of this package's own passes: frozen dataclasses that are compared by value."""

from __future__ import annotations

import dataclasses
import time
from abc import abstractmethod
from typing import Any

from torch import fx

from ir_runtime.passes.active_run import in_run
from ir_runtime.passes.graph_dump import dump_graph
from ir_runtime.passes.inductor_pass import Hook, InductorPass
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["GraphPass", "Hook"]


class GraphPass(InductorPass):
    """A pass of this package; a subclass is a `dataclass(frozen=True)`, its fields parameters.

    Equality, hash, copy and pickle go by type and fields. What a run counts is in its record.

    Another hook than `post_grad` is named by the class attribute `hook`.
    """

    @property
    def name(self) -> str:
        """The name in logs, records and settings: that of the class."""
        return type(self).__name__

    @abstractmethod
    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Change a graph in place, and write into the record what was done."""

    def __call__(self, graph: fx.Graph) -> None:
        with in_run(self.name, self.hook) as record:
            dump_graph(graph, self.name, "before")
            started = time.perf_counter()
            self.run(graph, record)
            record.milliseconds = 1e3 * (time.perf_counter() - started)
            dump_graph(graph, self.name, "after")

    def parameters(self) -> dict[str, Any]:
        """Return the fields."""
        fields = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        return {f.name: getattr(self, f.name) for f in fields}
