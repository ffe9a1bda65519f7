"""A pass that is written to the documentation of seed 001, without a compile."""

from __future__ import annotations

import ast
import copy
import logging
import os
import pickle
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, fx

from ir_runtime.passes import (
    CallableInductorPass,
    CompilationOptions,
    InductorPass,
    PassConfig,
    Pipeline,
    RuntimeConfig,
    RuntimePatternMatcherPass,
    RuntimePatternReplacement,
    enable_fake_mode,
    get_match_table,
)
from ir_runtime.passes.errors import ExpectedMatchError, PassError
from ir_runtime.settings import override_settings
from tests.passes import user_passes
from tests.passes.traced_graphs import aten, ran, targets, traced
from tests.passes.user_passes import Negate, SquareFusion, SquarePattern, squares

OPTION = "post_grad_custom_post_pass"
X, Y = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def fusion() -> SquareFusion:
    return SquareFusion()


def test_both_patterns_are_replaced_and_counted(fusion: SquareFusion):
    module = traced(squares, X, Y)
    (wanted,), _ = ran(module, (X, Y))
    fusion(module.graph)
    (found,), _ = ran(module, (X, Y))
    torch.testing.assert_close(found, wanted)
    assert targets(module).count("aten.addcmul.default") == 2
    assert fusion.matched_count == 2
    assert get_match_table() == {"square_fusion": 2}
    assert RuntimePatternMatcherPass.match_table["square_fusion"] == 2
    fusion(module.graph)
    assert fusion.matched_count == 0


def test_open_sizes_are_matched_too(fusion: SquareFusion):
    """-1 in a graph, and -1 in a pattern that is traced with numbers."""
    module = traced(squares, X, Y, symbolic=True)
    fusion(module.graph)
    assert fusion.matched_count == 2


def test_a_size_to_be_inferred_matches_the_number(fusion: SquareFusion):
    module = traced(lambda x, y: (x * x + y).reshape(4, 4) * 2.0, X, Y)
    fusion(module.graph)
    assert fusion.matched_count == 1


@pytest.mark.parametrize(
    ("x", "reason"),
    [(X[0], "has 1 dimensions, the pattern 2"), (X.bfloat16(), "is torch.bfloat16, in the")],
)
def test_other_ranks_and_dtypes_are_near_misses(fusion: SquareFusion, x: Tensor, reason: str):
    """Hazards 22 and 25: torch's matcher alone would take them."""
    module = traced(squares, x, x)
    pipeline = Pipeline([fusion])
    pipeline.options()[OPTION](module.graph)
    assert pipeline.record.match_table == {}
    assert dict(RuntimePatternMatcherPass.match_table) == {}  # nor a zero
    assert len(pipeline.record.near_misses) == 2  # a node that ends a pattern, and what differs
    assert all(reason in miss.reason for miss in pipeline.record.near_misses)
    assert pipeline.record.near_misses[0].pattern == "SquarePattern"


def test_the_node_that_differs_is_named(fusion: SquareFusion):
    module = traced(lambda x, y: (x * y + y).reshape(-1, 4) * 2.0, X, Y)
    pipeline = Pipeline([fusion], expect={"square_fusion": 1})
    pipeline.options()[OPTION](module.graph)
    (miss,) = pipeline.record.near_misses
    assert (miss.node, miss.reason) == (
        "mul_1",
        "one input of the pattern is two values here",
    )
    module = traced(lambda x, y: (x * x - y).reshape(-1, 4) * 2.0, X, Y)
    pipeline.options()[OPTION](module.graph)
    miss = pipeline.record.near_misses[1]
    assert miss.node == "sub"
    assert miss.reason == "it calls aten.sub.Tensor, the pattern wants aten.add.Tensor"


def test_copies_are_equal_and_work(fusion: SquareFusion):
    module = traced(squares, X, Y)
    assert fusion == SquareFusion()
    assert hash(fusion) == hash(SquareFusion())
    for made in (copy.copy(fusion), copy.deepcopy(fusion), pickle.loads(pickle.dumps(fusion))):
        assert made == fusion
        graph = copy.deepcopy(module).graph
        made(graph)
        assert made.matched_count == 2


def test_the_uuid_holds_parameters_and_globals(fusion: SquareFusion, monkeypatch: Any):
    """Hazard 10: other numbers of the same classes are another pass."""
    known = fusion.uuid()
    assert known == SquareFusion(factors=(2.0, 3.0)).uuid()
    assert known != SquareFusion(factors=(2.0,)).uuid()
    assert known != SquareFusion(factors=(2.0, 3.5)).uuid()
    monkeypatch.setattr(user_passes, "SCALE", 2.0)
    assert known != fusion.uuid()


def test_the_uuid_holds_what_decides_how_the_graph_is_split(monkeypatch: Any):
    """Hazard 29: splitting, partition rules, and an environment variable that the pass reads."""

    class Reader(Negate):
        def __call__(self, graph: fx.Graph) -> None:
            if os.environ.get("TEST_OF_PASSES"):
                super().__call__(graph)

    def made(**options: Any) -> Reader:
        return Reader(RuntimeConfig(compilation_config=CompilationOptions(**options)))

    uuids = {
        made().uuid(),
        made(splitting_ops=["aten::relu"]).uuid(),
        made(use_inductor_graph_partition=True).uuid(),
        made(pass_config=PassConfig(eliminate_noops=False)).uuid(),
    }
    monkeypatch.setenv("TEST_OF_PASSES", "1")
    uuids.add(made().uuid())
    assert None not in uuids
    assert len(uuids) == 5


def test_a_pass_without_a_source_file_has_a_uuid():
    names: dict[str, Any] = {"InductorPass": InductorPass, "__name__": "a_console"}
    text = "class Typed(InductorPass):\n    def __call__(self, graph): print({})\n"
    uuids = []
    for number in (1, 1, 2):
        exec(text.format(number), names)
        uuids.append(names["Typed"]().uuid())
    assert uuids[0] == uuids[1] != uuids[2]


def test_a_pass_that_no_key_can_hold_has_none_and_is_named(caplog: Any):
    class Clocked(InductorPass):
        def __init__(self) -> None:
            self.thread = threading.current_thread()

        def __call__(self, graph: fx.Graph) -> None:
            print(self.thread)

    made = Clocked()
    assert made.uuid() is None
    assert "pass Clocked: graphs that it changes are not cached" in caplog.text
    assert made == made
    assert made != Clocked()
    assert Pipeline([made]).options()[OPTION].uuid() is None


def test_a_pass_that_cannot_be_copied_or_pickled_is_named():
    class Locked(InductorPass):
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __call__(self, graph: fx.Graph) -> None:
            """Do nothing."""

    with pytest.raises(PassError, match="pass Locked: its attribute `lock` cannot be copied"):
        copy.deepcopy(Locked())
    pipeline = Pipeline([Locked()])
    assert copy.deepcopy(pipeline.options())[OPTION] is not None
    with pytest.raises(PassError, match="pass Locked: cannot be pickled"):
        pickle.dumps(pipeline)


def test_a_default_that_is_a_lambda_is_named():
    """Hazard 14."""

    class Counted(InductorPass):
        def __init__(self) -> None:
            self.counts = defaultdict(lambda: 0)

        def __call__(self, graph: fx.Graph) -> None:
            self.counts["nodes"] += len(graph.nodes)

    pipeline = Pipeline([Counted()])
    pipeline.options()[OPTION](traced(squares, X, Y).graph)
    with pytest.raises(PassError, match="pass Counted: cannot be pickled"):
        pickle.dumps(pipeline)


def test_time_is_logged_and_graphs_are_written(tmp_path: Path, caplog: Any):
    made = Negate(RuntimeConfig(debug_dump_path=tmp_path))
    with caplog.at_level(logging.DEBUG, "ir_runtime.passes"):
        made(traced(torch.relu, X).graph)
    assert "pass Negate took" in caplog.text
    before, after = sorted(tmp_path.rglob("*.py"), reverse=True)
    assert [p.name for p in (before, after)] == [
        "post_grad.Negate.before.py",
        "post_grad.Negate.after.py",
    ]
    assert "aten.relu" in before.read_text()
    assert "aten.neg" in after.read_text()
    for path in (before, after):
        assert isinstance(ast.parse(path.read_text()).body[0], ast.ClassDef)


def test_patterns_are_written_as_python(tmp_path: Path):
    config = RuntimeConfig(debug_dump_path=tmp_path)
    SquareFusion(config, factors=(2.0,))
    SquareFusion(config)
    files = sorted(tmp_path.glob("patterns.square_fusion.*.py"))
    assert [p.name[-4:] for p in files] == ["0.py", "1.py"]
    functions = [n for n in ast.parse(files[1].read_text()).body if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in functions] == ["pattern_0", "pattern_1"]
    text = files[1].read_text()
    assert "OpOverload" not in text
    assert "KeywordArg('x'" in text


def test_op_names_are_written_as_python_reads_them(fusion: SquareFusion):
    shown = fusion._replace_op_overloads(f"call({aten.add.Tensor!r}, {aten.add.Tensor!r})")
    assert shown == "call(torch.ops.aten.add.Tensor, torch.ops.aten.add.Tensor)"


def test_the_summary_is_logged_if_there_is_one(fusion: SquareFusion, caplog: Any):
    with caplog.at_level(logging.DEBUG, "ir_runtime.passes"):
        fusion(traced(torch.relu, X).graph)
        fusion.log_match_summary()
        assert "matches of passes" not in caplog.text
        fusion(traced(squares, X, Y).graph)
        SquareFusion.log_match_summary()
        assert "matches of passes: {'square_fusion': 2}" in caplog.text


def test_tables_of_threads_are_apart(fusion: SquareFusion):
    """Hazard 11: the table of matches is of the thread's own run."""
    fusion(traced(squares, X, Y).graph)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(get_match_table()))
    thread.start()
    thread.join()
    assert found == [{}]
    assert get_match_table() == {"square_fusion": 2}


class Folded(SquarePattern):
    """A pattern with views that come to nothing."""

    @property
    def pattern(self) -> Any:
        def square(x: Tensor, y: Tensor) -> Tensor:
            total = (x * x + y).permute(0, 1)
            return total.view(2, 2, -1).view(16).view(-1, 4) * self.factor

        return square


def test_a_pattern_has_the_form_of_graphs_after_autograd():
    made = SquareFusion(factors=())
    made.register(Folded(2.0))
    made(traced(squares, X, Y).graph)
    assert made.matched_count == 1
    calls = targets(made._trace_fn(Folded(2.0).pattern, [X, Y]))
    assert calls == [
        *("aten.mul.Tensor", "aten.add.Tensor", "aten.reshape.default", "aten.mul.Tensor"),
    ]


def test_the_matcher_logs_chosen_nodes_in_our_passes_alone(
    fusion: SquareFusion, caplog: Any, monkeypatch: Any
):
    monkeypatch.delenv("TORCHINDUCTOR_PATTERN_MATCH_DEBUG", raising=False)
    with override_settings(pattern_match_debug="mul_3"):
        Pipeline([fusion]).options()[OPTION](traced(squares, X, Y).graph)
    assert "mul_3(" in caplog.text
    assert "TORCHINDUCTOR_PATTERN_MATCH_DEBUG" not in os.environ


class Narrow(SquarePattern):
    """A pattern whose function refuses some sizes with an error that is no RuntimeError."""

    @property
    def pattern(self) -> Any:
        def square(x: Tensor, y: Tensor) -> Tensor:
            if x.shape[0] != 2:
                raise ValueError("two rows")
            return (x * x + y).reshape(-1, 4) * self.factor

        return square


def test_an_error_of_a_pattern_at_other_sizes_is_no_match(fusion: SquareFusion):
    """Hazard 24: torch's matcher lets it out of the compile."""
    made = SquareFusion(factors=())
    made.register(Narrow(2.0))
    made(traced(squares, torch.ones(4, 8), torch.ones(4, 8)).graph)
    assert made.matched_count == 0
    made(traced(squares, X, Y).graph)
    assert made.matched_count == 1


def test_a_pattern_that_cannot_be_registered_is_named():
    made = SquareFusion(factors=(2.0,))
    with pytest.raises(PassError, match="the pattern SquarePattern cannot be registered"):
        made.register(SquarePattern(2.0))  # a second time
    assert SquareFusion(factors=(2.0,)).pm_pass.patterns.keys() == made.pm_pass.patterns.keys()


def test_each_dtype_has_its_own_replacement():
    """Hazard 24: their patterns are one for torch, which would refuse or drop the second."""
    made = SquareFusion(factors=(2.0,))
    made.register(SquarePattern(2.0, torch.bfloat16))
    for each in (made, pickle.loads(pickle.dumps(made))):
        for x in (X, X.bfloat16()):
            module = traced(squares, x, x)
            each(module.graph)
            assert each.matched_count == 1
            assert ran(module, (x, x))[0][0].dtype == x.dtype
    with pytest.raises(PassError, match="cannot be registered"):
        made.register(SquarePattern(2.0, torch.bfloat16))


def test_a_pass_without_patterns_is_reported(caplog: Any):
    """Hazard 23: nothing would tell that it never matches."""
    pipeline = Pipeline([SquareFusion(factors=())], expect={"square_fusion": 1}, strict=True)
    with pytest.raises(ExpectedMatchError, match="square_fusion"):
        pipeline.options()[OPTION](traced(squares, X, Y).graph)
    assert "pass square_fusion: it has no patterns, so it changes no graph" in caplog.text


def test_examples_are_fake_and_on_the_device_of_the_configuration():
    seen: list[Tensor] = []

    class Watched(SquarePattern):
        def get_inputs(self) -> list[Tensor]:
            seen.extend([self.empty_bf16(2, 8), RuntimePatternReplacement.empty_i32(3)])
            return super().get_inputs()

    SquareFusion(factors=()).register(Watched(2.0))
    assert [(t.dtype, t.device.type) for t in seen] == [
        (torch.bfloat16, "cpu"),
        (torch.int32, "cpu"),
    ]
    assert all(isinstance(t, torch._subclasses.FakeTensor) for t in seen)


def test_fake_mode_is_one_of_its_own():
    @enable_fake_mode
    def made() -> Tensor:
        return torch.empty(2)

    with torch._subclasses.FakeTensorMode() as outer:
        inner = made()
        assert torch.empty(2).fake_mode is outer
    assert inner.fake_mode is not outer


def test_a_function_is_a_pass():
    def twice(graph: fx.Graph) -> None:
        graph.lint()

    def other(graph: fx.Graph) -> None:
        graph.lint()
        graph.lint()

    assert CallableInductorPass(twice) == CallableInductorPass(twice)
    assert CallableInductorPass(twice) != CallableInductorPass(other)
    assert CallableInductorPass(twice, uuid="a").uuid() == "a"
    assert CallableInductorPass(twice).name == "twice"
    assert InductorPass.hash_source("a", None, Path(__file__), twice, Negate) != (
        InductorPass.hash_source("a", None, Path(__file__), other, Negate)
    )
