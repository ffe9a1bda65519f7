"""Faults in graph passes: keys, records, the way back after a failure, memory that is shared."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, mutants_in

__all__ = ["PASS_MUTANTS"]

_CLEANUP = ("passes/test_cleanup.py", "passes/test_random_graphs.py")

PASS_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "ir_runtime/passes/graph/storage.py",
        (*_CLEANUP, "passes/test_add_norm.py"),
        (
            "passes: a value that leaves the graph becomes an argument",
            "theirs & (self._inputs | self._outputs)",
            "theirs & self._outputs",
        ),
        (
            "passes: a value that is returned twice becomes one piece of memory",
            "theirs & (self._inputs | self._outputs)",
            "theirs & self._inputs",
        ),
        (
            "passes: memory that is written becomes another one's",
            " or self.is_written((result, source)):",
            ":",
        ),
        (
            "passes: values that became one leave the graph only by one name",
            "outside.update(theirs)",
            "pass",
        ),
        (
            "passes: sizes are compared with a guard",
            "return bool(statically_known_true(a == b))",
            "return bool(a == b)",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/cleanup/scatter_split.py",
        _CLEANUP,
        (
            "passes: a part that a scatter touches is read from before it",
            "if written.start < extent.end and extent.start < written.end:",
            "if False:",
        ),
        (
            "passes: a scatter's start is taken from its end",
            "(min(max(n + size if n < 0 else n, 0), size) for n in (start, end))",
            "(min(max(n, 0), size) for n in (start, end))",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/graph/graph_snapshot.py",
        ("passes/test_failure.py",),
        ("passes: nested graphs stay broken", "yield nested.graph", "pass"),
        ("passes: metadata stays changed", "node.meta.clear()", "pass"),
        (
            "passes: nodes stay where the pass put them",
            "graph._root.prepend(state.node)",
            "pass",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/hook_passes.py",
        ("passes/test_pipeline.py",),
        (
            "passes: donated inputs are not in the key",
            'donated if self.hook != "pre_grad" else []',
            "[]",
        ),
        ("passes: batch sizes are not in the key", "str(known or plan.compile_range)", '""'),
        (
            "passes: a copy of the options has a record of its own",
            "memo: dict[int, Any]) -> HookPasses:\n        return self",
            "memo):\n        return HookPasses(self.plan, self.hook, PipelineRecord())",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/inductor_pass.py",
        ("passes/test_user_pass.py",),
        (
            "passes: parameters are not in the uuid",
            "if own else owner, self.parameters())",
            "if own else owner)",
        ),
        (
            "passes: a pass without a uuid is equal to others",
            "return uuid is not None and uuid ==",
            "return uuid ==",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/fusion_pattern_matcher_pass.py",
        ("passes/test_user_pass.py",),
        (
            "passes: a pattern matches other ranks and dtypes",
            "return not any(self.differences(match)) and",
            "return",
        ),
        (
            "passes: a size to be inferred matches no number",
            "fill_in_sizes(graph)  # as in the traced patterns",
            "pass",
        ),
        (
            "passes: an error of a pattern ends the compile",
            'raise RuntimeError(f"{type(error).__name__}: {error}") from error',
            "raise",
        ),
    ),
    *mutants_in(
        "ir_runtime/passes/pipeline.py",
        ("passes/test_record.py",),
        (
            "passes: expectations are forgotten on a hit",
            "check_expected(graph, self.plan.expect, strict=self.plan.strict)",
            "pass",
        ),
        (
            "passes: the graph of gradients is not kept",
            "context.record_key = key  # the graph of gradients may come later",
            "pass",
        ),
    ),
)
