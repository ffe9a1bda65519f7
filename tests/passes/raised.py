"""Raise functions in the graphs that Dynamo makes, and run them with torch's own operators."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.passes.raising.raise_forms import RaiseForms
from ir_runtime.passes.raising.table import FORMS
from ir_runtime.passes.record.run_record import NearMiss, PassRecord

ALL_FORMS = tuple(FORMS)


@dataclass
class Raised:
    """What was raised in the graphs of a function."""

    graphs: list[fx.Graph] = field(default_factory=list)
    records: list[PassRecord] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return sum((record.counts for record in self.records), Counter())

    @property
    def near_misses(self) -> list[NearMiss]:
        return [miss for record in self.records for miss in record.near_misses]

    @property
    def targets(self) -> list[Any]:
        return [n.target for g in self.graphs for n in g.nodes if n.op.startswith("call")]


@contextlib.contextmanager
def natively() -> Generator[None]:
    """Compute all ops by native: these tests are about graphs."""
    with ir.IrOpPriorityConfig().with_default(["native"]).set_priority():
        yield


def raised(
    function: Callable[..., Any], *args: Any, forms: Sequence[str] = ALL_FORMS, **options: Any
) -> tuple[Any, Raised]:
    """Call a function whose graphs are raised; returns its result, and what was raised."""
    found = Raised()

    def backend(module: fx.GraphModule, inputs: list[Tensor]) -> fx.GraphModule:
        each = RaiseForms(tuple(forms))
        nested = [m for m in module.modules() if isinstance(m, fx.GraphModule)]
        for one in reversed(nested):  # as Inductor does
            record = PassRecord(each.name)
            each.run(one.graph, record)
            one.graph.lint()
            one.recompile()
            found.graphs.append(one.graph)
            found.records.append(record)
        return module

    torch._dynamo.reset()
    with natively():
        result = torch.compile(function, backend=backend, fullgraph=True, **options)(*args)
    return result, found
