"""The base of this package's own passes: frozen dataclasses that are compared by value."""

from __future__ import annotations

import dataclasses
import time
from abc import abstractmethod
from typing import ClassVar, Literal

from torch import fx

from ir_runtime.op_reg.digest.op_digest import function_digest
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.run_record import PassRecord

__all__ = ["GraphPass", "Hook"]

Hook = Literal["pre_grad", "joint_pre", "joint_post", "post_grad_pre", "post_grad"]
"""Where Inductor calls a pass: before autograd on torch functions, else on ATen with `val`."""


class GraphPass(InductorPass):
    """A pass of this package; a subclass is a `dataclass(frozen=True)`, its fields parameters.

    Equality, hash, copy and pickle go by type and fields. What a run counts is in its record.

    Attributes:
        hook: where the pass runs.
    """

    hook: ClassVar[Hook] = "post_grad"

    @property
    def name(self) -> str:
        """The name in logs, records and settings: that of the class."""
        return type(self).__name__

    @abstractmethod
    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Change a graph in place, and write into the record what was done."""

    def __call__(self, graph: fx.Graph) -> None:
        record = PassRecord(self.name)
        started = time.perf_counter()
        self.run(graph, record)
        record.milliseconds = 1e3 * (time.perf_counter() - started)

    def uuid(self) -> str:
        """Digest the code of `run`, what it calls, and the parameters."""
        parameters = {
            f.name: repr(getattr(self, f.name))
            for f in dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        }
        return self.hash_dict({"code": function_digest(type(self).run), "with": parameters})
