"""Pipelines in real compiles: one graph for equal passes, caches over processes, failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, fx
from torch._dynamo.exc import BackendCompilerFailed
from torch._dynamo.utils import counters
from torch._inductor import config as inductor_config

from ir_runtime.passes import GraphPass, PassRecord, Pipeline, get_match_table
from ir_runtime.passes.hooks import OPTION_OF_HOOK
from tests.passes.user_passes import SquareFusion, squares

POST = "post_grad_custom_post_pass"
HOOKS = tuple(OPTION_OF_HOOK)
ROOT = Path(__file__).parents[2]
X, Y = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class AtPost(GraphPass):
    """Note what another thread sees of Inductor's configuration."""

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(getattr(inductor_config, POST)))
        thread.start()
        thread.join()
        record.facts["other thread"] = seen
        record.matched_count = sum(node.op == "call_function" for node in graph.nodes)


class AtPre(AtPost):
    hook: ClassVar[Any] = "pre_grad"


class AtJointPre(AtPost):
    hook: ClassVar[Any] = "joint_pre"


class AtJoint(AtPost):
    hook: ClassVar[Any] = "joint_post"


class AtPostPre(AtPost):
    hook: ClassVar[Any] = "post_grad_pre"


others: list[int] = []


def of_others(graph: fx.Graph) -> None:
    others.append(len(graph.nodes))


def test_eleven_equal_compiles_are_one_graph():
    torch._dynamo.reset()
    counters.clear()
    others.clear()
    before = {option: getattr(inductor_config, option) for option in OPTION_OF_HOOK.values()}
    pipelines = [
        Pipeline(
            [AtPost(), AtPostPre(), AtJoint(), AtJointPre(), AtPre(), SquareFusion()],
            expect={"square_fusion": 2},
            strict=True,
        )
        for _ in range(11)
    ]
    for pipeline in pipelines:
        compiled = torch.compile(squares, options=pipeline.options({POST: of_others}))
        torch.testing.assert_close(compiled(X, Y), squares(X, Y))
    assert counters["stats"]["unique_graphs"] == 1
    record = pipelines[0].record
    assert [graph.hook for graph in record.graphs] == list(HOOKS)
    assert all(found.facts["other thread"] == [None] for found in record.passes if found.facts)
    assert record.match_table["square_fusion"] == 2
    assert get_match_table() == dict(record.match_table)
    assert not any(pipeline.record.graphs for pipeline in pipelines[1:])  # Dynamo had the graph
    assert len(others) == 1
    assert {o: getattr(inductor_config, o) for o in OPTION_OF_HOOK.values()} == before


def test_a_failure_in_a_compile_names_the_pass():
    torch._dynamo.reset()

    @dataclass(frozen=True)
    class Broken(GraphPass):
        hook: ClassVar[Any] = "pre_grad"

        def run(self, graph: fx.Graph, record: PassRecord) -> None:
            for node in graph.nodes:
                if node.op == "call_function":
                    raise ValueError("an input is used again after the node")

    def function(x: Tensor) -> Tensor:
        return x + 1

    with pytest.raises(BackendCompilerFailed, match="is used again after the node") as failed:
        torch.compile(function, options=Pipeline([Broken()]).options())(X)
    text = str(failed.value)
    assert "pass Broken: raised ValueError at node add of the pre_grad graph" in text
    line = function.__code__.co_firstlineno + 1
    assert f"test_compiled.py:{line}" in text


@pytest.mark.full
def test_the_graph_of_gradients_has_its_records_and_no_expectations():
    torch._dynamo.reset()
    pipeline = Pipeline(
        [AtPost(), AtJoint(), SquareFusion()], expect={"square_fusion": 2}, strict=True
    )
    x = X.clone().requires_grad_()
    compiled = torch.compile(squares, options=pipeline.options())
    compiled(x, Y).sum().backward()
    wanted = X.clone().requires_grad_()
    squares(wanted, Y).sum().backward()
    torch.testing.assert_close(x.grad, wanted.grad)
    kinds = [(graph.hook, graph.backward) for graph in pipeline.record.graphs]
    assert kinds == [("joint_post", False), ("post_grad", False), ("post_grad", True)]


PROGRAM = """
import json, sys, torch
from dataclasses import dataclass
from torch._dynamo.utils import counters
from ir_runtime.passes import GraphPass, Pipeline

FACTOR = 2.0

@dataclass(frozen=True)
class Scale(GraphPass):
    hook = sys.argv[1]
    number: int = 1

    def run(self, graph, record):
        record.matched_count = int(self.number * FACTOR)

def function(x):
    return torch.mm(x, x)  # no C++ to compile

def compiled(number):
    torch._dynamo.reset()
    counters.clear()
    pipeline = Pipeline([Scale(number)])
    torch.compile(function, options=pipeline.options())(torch.ones(4, 4))
    seen = counters["aot_autograd"], counters["inductor"]
    hits = seen[0]["autograd_cache_hit"], seen[1]["fxgraph_cache_hit"]
    bypassed = seen[0]["autograd_cache_bypass"] + seen[1]["fxgraph_cache_bypass"]
    assert not bypassed
    return any(hits), len(pipeline.record.graphs)

found = [compiled(1)]
if sys.argv[2] == "again":
    found.append(compiled(3))
    FACTOR = 4.0
    found.append(compiled(1))
print(json.dumps(found))
"""


def in_process(hook: str, word: str, directory: Path) -> list[list[int]]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, hook, word],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TORCHINDUCTOR_CACHE_DIR": str(directory),
            "IR_RUNTIME_STORE": str(directory / "store"),
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "hook",
    [pytest.param(h, marks=() if h == "post_grad" else pytest.mark.full) for h in HOOKS],
)
@pytest.mark.timeout(600)
def test_a_second_process_finds_the_graph_and_not_after_a_change(hook: str, tmp_path: Path):
    """A parameter and a global that the pass reads are in the keys of torch's caches."""
    ((hit, ran),) = in_process(hook, "once", tmp_path)
    assert (hit, ran > 0) == (False, True)
    same, parameter, value = in_process(hook, "again", tmp_path)
    assert same == [True, 0]  # no pass runs on a hit
    assert parameter[1] > 0
    assert value[1] > 0
