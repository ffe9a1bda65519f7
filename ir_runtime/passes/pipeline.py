"""Pipelines: explicit lists of passes that a compile runs at Inductor's hooks, and their record."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import fx

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.active_run import collecting
from ir_runtime.passes.compile_context import current_graph_context, range_of
from ir_runtime.passes.default_list import TAIL, default_passes
from ir_runtime.passes.hook_passes import HookPasses
from ir_runtime.passes.hooks import OPTION_OF_HOOK, present_passes, with_entry
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.named_pass import pass_of, passes_of
from ir_runtime.passes.pass_plan import PassPlan
from ir_runtime.passes.record.expectation import check_expected
from ir_runtime.passes.record.pipeline_record import PipelineRecord
from ir_runtime.passes.record.record_store import load_record, record_key, save_record
from ir_runtime.settings import current_settings

__all__ = ["Pipeline"]


class Pipeline:
    """An ordered list of passes for compiles of `torch.compile`.

    Each pass runs at the hook that it names, passes of one hook in the order of the list. Nothing
    global is set: `options()` is for one compile.

    Args:
        passes: passes, their classes, their names, or "module.Qualname"; functions run at the hook
            `post_grad`. A text is names with commas between.
        expect: by name of a pass, how many places it must match in each graph, but for graphs of
            gradients: a number, or a range.
        strict: whether another number is an error; else it is a warning.
        compile_range: the batch sizes that the graphs are for: a `CompileRange`, a size, or a pair.
            Passes that do not apply to them are skipped.
        dump_directory: where each graph is written before and after each pass; None for the trace
            directory, if there is one.

    Attributes:
        plan: the passes, and how they run; frozen.
        record: what they found in the graphs that were compiled with these options.

    Raises:
        ArgumentError: a name is not known, a hook is not one of Inductor's, or `expect` names no
            pass of the pipeline.
        PassClassError: something in the list is no pass.
    """

    def __init__(
        self,
        passes: str | Iterable[Any] = (),
        *,
        expect: Mapping[str, int | range] | None = None,
        strict: bool = False,
        compile_range: Any = None,
        dump_directory: Path | None = None,
    ) -> None:
        sizes = range_of(compile_range)
        self.plan = PassPlan(passes_of(passes), dict(expect or {}), strict, sizes, dump_directory)
        self.record = PipelineRecord()

    @classmethod
    def of(cls, plan: PassPlan) -> Pipeline:
        """Return the pipeline of a plan, with a record of its own."""
        made = cls()
        made.plan = plan
        return made

    @property
    def passes(self) -> tuple[InductorPass, ...]:
        """The passes, in their order."""
        return self.plan.passes

    @classmethod
    def from_settings(cls, default: Sequence[str] | None = None, **options: Any) -> Pipeline:
        """Return the pipeline that `IR_RUNTIME_PASSES` names.

        The variable is a list of names with commas between, or changes of the default list:
        `-NoOpElimination,+my.module.MyPass`. An added pass runs before the last cleanup and
        lowering. Without the variable it is the default list.

        Args:
            default: names of the default list; default: that of this package.
            options: as for the class.

        Raises:
            ArgumentError: a name is not known, or both forms are mixed.
        """
        names = list(default_passes() if default is None else default)
        return cls(_changed(names, current_settings().passes), **options)

    def options(self, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return options for `torch.compile(options=...)`.

        Passes that the other options or Inductor's configuration have at a hook stay, and run
        before these.

        Args:
            others: further options, which are kept.

        Raises:
            ArgumentError: there are such passes, and this version of torch takes one a hook.
        """
        merged = {name.replace("-", "_"): value for name, value in (others or {}).items()}
        for hook, option in OPTION_OF_HOOK.items():
            if self.plan.at(hook):
                present = present_passes(option, merged)
                merged[option] = with_entry(
                    option, present, HookPasses(self.plan, hook, self.record)
                )
        return merged

    def uuid(self) -> str | None:
        """Return the key of all passes; None if one has none."""
        found = {hook: HookPasses(self.plan, hook, self.record).uuid() for hook in OPTION_OF_HOOK}
        return None if None in found.values() else InductorPass.hash_dict(found)

    def describe(self) -> list[str]:
        """Return a line a pass, in the order of a compile: hook and pass."""
        hooks = [hook for hook in OPTION_OF_HOOK if self.plan.at(hook)]
        return [f"{hook}: {describe_pass(each)}" for hook in hooks for each in self.plan.at(hook)]

    def with_passes(self, *passes: Any) -> Pipeline:
        """Return a pipeline with further passes at the end, and a record of its own."""
        return Pipeline.of(
            self.plan.with_passes((*self.passes, *(pass_of(each) for each in passes)))
        )

    def without(self, *names: str) -> Pipeline:
        """Return a pipeline without the passes of these names.

        Raises:
            ArgumentError: there is no such pass.
        """
        known = {each.name for each in self.passes}
        for name in names:
            if name not in known:
                raise ArgumentError(
                    f"pipeline: it has no pass {name!r}, must be one of {', '.join(sorted(known))}"
                )
        kept = tuple(each for each in self.passes if each.name not in names)
        return Pipeline.of(self.plan.with_passes(kept))

    @contextmanager
    def recorded(self, module: fx.GraphModule, inputs: Sequence[Any]) -> Generator[None]:
        """Keep what the passes find in one graph, or find it again if the graph is from a cache.

        For backends: put it around the call of Inductor. If passes ran, their records are stored
        beside the caches. If none ran, the compiled graph came from a cache, and the records that
        were stored with it enter `record`; the expectations are checked again.

        Args:
            module: the graph as Dynamo gives it.
            inputs: its example inputs.

        Raises:
            ExpectedMatchError: as a compile does.
        """
        key = record_key(self.uuid(), module, inputs)
        context = current_graph_context(self.plan.compile_range)
        with collecting() as found:
            yield
        if key is None:
            return
        if found:
            save_record(key, PipelineRecord(found))
            if context is not None:
                context.record_key = key  # the graph of gradients may come later
            return
        stored = load_record(key)
        for graph in () if stored is None else stored.graphs:
            self.record.graphs.append(graph)
            check_expected(graph, self.plan.expect, strict=self.plan.strict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.plan == other.plan

    def __hash__(self) -> int:
        return hash(self.plan)

    def __getstate__(self) -> dict[str, Any]:
        return {"plan": self.plan}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.record = PipelineRecord()

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(each.name for each in self.passes)})"


def describe_pass(each: InductorPass) -> str:
    """Return a pass with its parameters, as one line."""
    shown = repr(each)
    return each.name if shown.startswith("<") else shown


def _changed(names: list[str], text: str | None) -> list[str]:
    if text is None:
        return names
    items = [part.strip() for part in text.split(",") if part.strip()]
    signed = [item for item in items if item[0] in "+-"]
    if not signed:
        return items
    if len(signed) < len(items):
        bare = next(item for item in items if item[0] not in "+-")
        raise ArgumentError(
            f"IR_RUNTIME_PASSES: {bare!r} stands beside {signed[0]!r}, must all have a sign, as "
            "changes of the default list, or none, as the whole list"
        )
    for item in signed:
        name = item[1:].strip()
        if item[0] == "+":
            place = next((i for i, other in enumerate(names) if other in TAIL), len(names))
            names = [*names[:place], name, *names[place:]]
        elif name in names:
            names = [other for other in names if other != name]
        else:
            raise ArgumentError(
                f"IR_RUNTIME_PASSES: {name!r} is not in the default list, must be one of "
                f"{', '.join(names)}"
            )
    return names
