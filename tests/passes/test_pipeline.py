"""Pipelines: which passes, at which hooks, beside whose, under which key; without a compile."""

from __future__ import annotations

import ast
import copy
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import fx
from torch._inductor import config as inductor_config
from torch._inductor.custom_graph_pass import CustomGraphPass

from ir_runtime.errors import ArgumentError
from ir_runtime.passes import (
    CallableInductorPass,
    CompileRange,
    GraphPass,
    PassRecord,
    Pipeline,
    default_passes,
    get_pass_context,
    pass_context,
    pass_names,
    register_pass,
)
from ir_runtime.passes.cleanup.noop_elimination import NoOpElimination
from ir_runtime.passes.cleanup.post_cleanup import PostCleanup
from ir_runtime.passes.default_list import TAIL
from ir_runtime.passes.errors import PassClassError
from ir_runtime.passes.hooks import OPTION_OF_HOOK
from ir_runtime.settings import override_settings
from tests.passes.traced_graphs import traced
from tests.passes.user_passes import Negate

POST = "post_grad_custom_post_pass"


@dataclass(frozen=True)
class Note(GraphPass):
    """Write down the context it ran in."""

    text: str = ""
    largest: int | None = None

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        record.matched_count = len(graph.nodes)
        record.facts["context"] = str(get_pass_context().compile_range)

    def is_applicable_for_range(self, compile_range: CompileRange | None) -> bool:
        return self.largest is None or compile_range in CompileRange(0, self.largest)


class Early(Note):
    hook = "pre_grad"


class Joint(Note):
    hook = "joint_post"


def graph_of() -> fx.Graph:
    return traced(lambda x: x.relu() + 1, torch.ones(2)).graph


def other_pass(graph: fx.Graph) -> None:
    """A pass of somebody else."""


def test_a_pass_is_named_in_many_ways():
    made = Pipeline(
        [
            NoOpElimination(),
            PostCleanup,
            "SplitCoalescing",
            "tests.passes.user_passes.Negate",
            other_pass,
        ]
    )
    assert [type(each).__name__ for each in made.passes] == [
        *("NoOpElimination", "PostCleanup", "SplitCoalescing", "Negate"),
        "CallableInductorPass",
    ]
    assert Pipeline("NoOpElimination, PostCleanup").passes == made.passes[:2]
    assert repr(made).endswith("Negate, other_pass)")


@pytest.mark.parametrize(
    ("item", "kind", "message"),
    [
        ("NoOpEliminaton", ArgumentError, "did you mean NoOpElimination?"),
        ("no.such.Pass", ArgumentError, "pass 'no.such.Pass': is not known"),
        ("ir_runtime.passes.Nothing", ArgumentError, "is not known"),
        ("pathlib.Path", PassClassError, "must be a class derived from InductorPass"),
        (Path, PassClassError, "must be a class derived from InductorPass"),
        (3, PassClassError, "pipeline: 3 is no pass"),
        (CallableInductorPass, ArgumentError, "must have defaults for all parameters"),
    ],
)
def test_what_is_no_pass_is_refused(item: Any, kind: type[Exception], message: str):
    with pytest.raises(kind) as refused:
        Pipeline([item])
    assert message in str(refused.value)


def test_a_registered_pass_has_a_name(monkeypatch: Any):
    monkeypatch.setattr("ir_runtime.passes.named_pass._registered", {})
    register_pass(Note)
    assert "Note" in pass_names()
    assert Pipeline("Note").passes == (Note(),)
    with pytest.raises(PassClassError):
        register_pass(Path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, list(default_passes())),
        ("PostCleanup", ["PostCleanup"]),
        ("-NoOpElimination", [n for n in default_passes() if n != "NoOpElimination"]),
    ],
)
def test_the_settings_name_passes(text: str | None, names: list[str]):
    with override_settings(passes=text):
        assert [each.name for each in Pipeline.from_settings().passes] == names


def test_an_added_pass_comes_before_cleanup_and_lowering():
    """After the last pass, calls whose results nobody uses may not be removed."""
    with override_settings(passes="+tests.passes.user_passes.Negate,-SplitCoalescing"):
        names = [each.name for each in Pipeline.from_settings().passes]
    assert names[names.index("Negate") + 1 :] == list(TAIL)
    assert names[-1] == "FixFunctionalizationPass"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-Nothing", "'Nothing' is not in the default list"),
        ("PostCleanup,-NoOpElimination", "'PostCleanup' stands beside '-NoOpElimination'"),
    ],
)
def test_changes_that_do_not_fit_are_refused(text: str, message: str):
    with override_settings(passes=text), pytest.raises(ArgumentError, match=message):
        Pipeline.from_settings()


def test_each_pass_runs_at_its_hook_in_the_order_of_the_list():
    pipeline = Pipeline([Note("b"), Early("a"), Joint("c"), Note("d")])
    options = pipeline.options()
    assert list(options) == [
        *("pre_grad_custom_pass", "joint_custom_post_pass", POST),
    ]
    assert options[POST].passes == (Note("b"), Note("d"))
    assert pipeline.describe() == [
        "pre_grad: Early(text='a', largest=None)",
        "joint_post: Joint(text='c', largest=None)",
        "post_grad: Note(text='b', largest=None)",
        "post_grad: Note(text='d', largest=None)",
    ]
    assert set(OPTION_OF_HOOK.values()) <= inductor_config.get_config_copy().keys()
    assert Pipeline().options() == {}
    late = CallableInductorPass(other_pass, hook="after")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="its hook is 'after', must be one of pre_grad,"):
        Pipeline([late])


def test_passes_of_others_stay_and_run_first():
    pipeline = Pipeline([Note()])
    entry = pipeline.options()[POST]
    others = {"max-autotune": True, POST.replace("_", "-"): other_pass}
    assert pipeline.options(others) == {"max_autotune": True, POST: (other_pass, entry)}
    assert list(others) == ["max-autotune", POST.replace("_", "-")]
    with inductor_config.patch({POST: [other_pass]}):
        assert pipeline.options()[POST] == (other_pass, entry)
        assert pipeline.options({POST: None})[POST] == entry
    with inductor_config.patch(pipeline.options()):
        assert pipeline.options()[POST] == entry  # once
    assert getattr(inductor_config, POST) is None


def test_pipelines_are_compared_by_value_and_copied():
    mine, equal = Pipeline([Note("a"), Early()]), Pipeline([Note("a"), Early()])
    assert mine == equal
    assert hash(mine) == hash(equal)
    assert mine.options() == equal.options()
    assert mine.uuid() == equal.uuid()
    for other in (
        Pipeline([Note("b"), Early()]),
        Pipeline([Note("a"), Note("a"), Early()]),
        Pipeline([Note("a"), Early()], compile_range=4),
        Pipeline([Note("a"), Early()], expect={"Note": 1}),
        Pipeline([Note("a"), Early()], strict=True),
    ):
        assert mine != other
        assert mine.options() != other.options()
        assert mine.uuid() != other.uuid()
    entry = mine.options()[POST]
    assert copy.deepcopy(entry) is entry
    assert pickle.loads(pickle.dumps(entry)) == entry
    again = pickle.loads(pickle.dumps(mine))
    assert again == mine
    assert isinstance(entry, CustomGraphPass)


@pytest.mark.parametrize("name", pass_names())
def test_a_pass_is_pickled_and_copied_before_and_after_its_run(name: str):
    """Hazard 14: no member, such as a counter, is kept from it."""
    (each,) = Pipeline(name).passes
    for _ in range(2):
        for again in (pickle.loads(pickle.dumps(each)), copy.copy(each), copy.deepcopy(each)):
            assert again == each
            assert again.uuid() == each.uuid()
        each(graph_of())


def test_a_pipeline_is_extended_and_shortened():
    pipeline = Pipeline([Note(), Early()], expect={"Early": 1}, compile_range=(1, 4))
    longer = pipeline.with_passes("PostCleanup")
    assert [each.name for each in longer.passes] == ["Note", "Early", "PostCleanup"]
    assert longer.plan == replace(pipeline.plan, passes=longer.passes)
    assert longer.without("Early", "PostCleanup").plan.expect == {}
    with pytest.raises(ArgumentError, match="it has no pass 'PostCleanup', must be one of Early"):
        pipeline.without("PostCleanup")


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        (8, CompileRange(8, 8)),
        ((1, 8), CompileRange(1, 8)),
        (range(1, 9), CompileRange(1, 8)),
        (CompileRange(2), CompileRange(2, None)),
    ],
)
def test_batch_sizes_are_given_in_many_ways(given: Any, sizes: CompileRange):
    assert Pipeline([], compile_range=given).plan.compile_range == sizes


@pytest.mark.parametrize("given", [(8, 1), "8", range(1, 9, 2), -1, True])
def test_what_is_no_range_is_refused(given: Any):
    with pytest.raises(ArgumentError, match="is no range of batch sizes"):
        Pipeline([], compile_range=given)


def test_a_range_knows_its_sizes():
    sizes = CompileRange(2, 8)
    assert (2 in sizes, 8 in sizes, 9 in sizes, "2" in sizes) == (True, True, False, False)
    assert CompileRange(3, 4) in sizes
    assert CompileRange(3) not in sizes
    assert CompileRange(3, 4) in CompileRange(2)
    assert (CompileRange(2, 2).is_single_size(), sizes.is_single_size()) == (True, False)
    assert (str(sizes), str(CompileRange(2))) == ("[2, 8]", "[2, ...]")


def test_a_pass_that_is_not_for_the_batch_sizes_is_skipped():
    pipeline = Pipeline([Note("small", 16), Note("any")], compile_range=(1, 64))
    entry = pipeline.options()[POST]
    entry(graph_of())
    small, every = pipeline.record.of("Note")
    assert small.skipped == "not for batch sizes [1, 64]"
    assert every.facts["context"] == "[1, 64]"
    known = entry.uuid()
    with pass_context((1, 8)):  # of who compiles, which is nearer
        assert entry.uuid() != known
        entry(graph_of())
    assert not pipeline.record.of("Note")[2].skipped
    Pipeline([Note("small", 16)]).options()[POST](graph_of())  # without a range all run


def test_a_context_is_set_only_inside():
    with pytest.raises(AssertionError, match="no pass context is set"):
        get_pass_context()
    with pass_context(8) as outer:
        with pass_context() as inner:
            assert get_pass_context() is inner
        assert get_pass_context() is outer
        assert outer.donated_input_ids is outer.donated_inputs


def test_donated_inputs_are_in_the_keys_of_later_hooks_alone():
    """Two graphs that differ in what may be overwritten look the same after autograd."""
    options = Pipeline([Note(), Early()]).options()
    early, late = options["pre_grad_custom_pass"].uuid(), options[POST].uuid()
    with pass_context() as context:
        assert options[POST].uuid() == late
        context.donated_inputs.add("x")
        assert options[POST].uuid() != late
        assert options["pre_grad_custom_pass"].uuid() == early


def test_graphs_are_written_before_and_after_each_pass(tmp_path: Path):
    pipeline = Pipeline([Note(), other_pass, Negate()], dump_directory=tmp_path)
    for _ in range(2):
        pipeline.options()[POST](graph_of())
    first, second = sorted(tmp_path.glob("passes-*/graph-*"))
    expected = [
        f"post_grad.{i}.{name}.{stage}.py"
        for i, name in enumerate(("Note", "other_pass", "Negate"))
        for stage in ("after", "before")
    ]
    for directory in (first, second):
        assert sorted(path.name for path in directory.iterdir()) == expected
    after = (first / "post_grad.2.Negate.after.py").read_text()
    assert "aten.neg" in after
    ast.parse(after)
    dumps = [Path(path).name for path in pipeline.record.of("Negate")[0].dumps]
    assert dumps == ["post_grad.2.Negate.before.py", "post_grad.2.Negate.after.py"]


def test_graphs_go_to_the_trace_directory(tmp_path: Path):
    with override_settings(trace=tmp_path):
        Pipeline([Note()]).options()[POST](graph_of())
    assert len(list(tmp_path.rglob("post_grad.0.Note.*.py"))) == 2
    Pipeline([Note()]).options()[POST](graph_of())
    assert len(list(tmp_path.rglob("post_grad.0.Note.*.py"))) == 2
