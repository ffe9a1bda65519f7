"""What Inductor holds at a hook: the passes of a pipeline as one object, compared by value."""

from __future__ import annotations

import time
from typing import Any

from torch import fx
from torch._inductor.custom_graph_pass import CustomGraphPass

from ir_runtime.passes.active_run import Run, graph_numbers, run_graph
from ir_runtime.passes.compile_context import find_pass_context, graph_context
from ir_runtime.passes.hooks import is_backward
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.pass_plan import PassPlan
from ir_runtime.passes.pass_runner import run_passes
from ir_runtime.passes.record.expectation import check_expected
from ir_runtime.passes.record.pipeline_record import GraphRecord, PipelineRecord
from ir_runtime.passes.record.record_store import add_to_record

__all__ = ["HookPasses"]


class HookPasses(CustomGraphPass):
    """The passes of one hook of a pipeline.

    Args:
        plan: the pipeline's passes.
        hook: where these run.
        record: what the runs enter. A copy by `copy.deepcopy`, which `torch.compile` makes of its
            options, is the object itself, so that the caller finds them in the record.
    """

    def __init__(self, plan: PassPlan, hook: str, record: PipelineRecord) -> None:
        self.plan = plan
        self.hook = hook
        self.record = record

    @property
    def passes(self) -> tuple[InductorPass, ...]:
        """The passes, in their order."""
        return self.plan.at(self.hook)

    def __call__(self, graph: fx.Graph) -> None:
        plan = self.plan
        found = GraphRecord(self.hook, next(graph_numbers), backward=is_backward(graph, self.hook))
        run = Run(found, dump_directory=plan.dump_directory)
        started, before = time.perf_counter(), len(graph.nodes)
        with graph_context(plan.compile_range) as context, run_graph(run, self.record):
            try:
                run_passes(self.passes, graph, run, context)
            finally:
                found.nodes = before, len(graph.nodes)
                found.milliseconds = 1e3 * (time.perf_counter() - started)
            if context.record_key is not None:  # a graph that is compiled after the first ones
                add_to_record(context.record_key, found)
        check_expected(found, plan.expect, strict=plan.strict)

    def uuid(self) -> Any | None:
        """Return the key of these passes: their uuids, the batch sizes, donated inputs.

        What is expected of them is in it, too: a graph that a strict pipeline finds in a cache has
        met the expectations. None if a pass has no uuid.
        """
        uuids = [each.uuid() for each in self.passes]
        if None in uuids:
            return None
        plan, context = self.plan, find_pass_context()
        known = None if context is None else context.compile_range
        donated = [] if context is None else sorted(map(repr, context.donated_inputs))
        parts = {
            "hook": self.hook,
            "passes": [repr(uuid) for uuid in uuids],
            "sizes": str(known or plan.compile_range),
            "donated": donated if self.hook != "pre_grad" else [],
            "expect": {name: repr(plan.expect[name]) for name in sorted(plan.expect)},
            "strict": plan.strict,
        }
        return InductorPass.hash_dict(parts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HookPasses):
            return NotImplemented
        mine, theirs = (each.plan.with_passes(each.passes) for each in (self, other))
        return self is other or (self.hook, mine) == (other.hook, theirs)

    def __hash__(self) -> int:
        return hash((self.hook, self.passes))

    def __copy__(self) -> HookPasses:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> HookPasses:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"plan": self.plan, "hook": self.hook}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.record = PipelineRecord()

    def __repr__(self) -> str:
        return f"HookPasses({self.hook}: {', '.join(each.name for each in self.passes)})"
