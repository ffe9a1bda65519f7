"""`ir_runtime.compile` and the backend: what is compiled, reported, shared and refused."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.exc import BackendCompilerFailed
from torch._inductor import config as inductor_config

import ir_runtime
from ir_runtime.errors import ArgumentError
from ir_runtime.passes import Pipeline
from ir_runtime.passes.raising.raise_forms import RaiseForms
from tests.passes.raised import natively
from tests.passes.test_raising_norms import llama, rows

ROOT = Path(__file__).parents[2]


def function(x: Tensor, w: Tensor) -> Tensor:
    return llama(x, w)


def graphs_of(compiled: Any) -> list[tuple[str, int]]:
    graphs = compiled.report().graphs
    return [(g.hook, sum(r.matched_count for r in g.passes)) for g in graphs if g.passes]


def test_compiled_function_is_right_and_reports_what_was_raised() -> None:
    seen: list[int] = []

    def users_pass(graph: torch.fx.Graph) -> None:
        seen.append(len(graph.nodes))

    x, w = rows(3, 16), rows(16, seed=1)
    options = {"post_grad_custom_pre_pass": users_pass}
    compiled = ir_runtime.compile(function, passes=[RaiseForms], options=options, fullgraph=True)
    assert compiled.report().graphs == []
    with natively():
        torch.testing.assert_close(compiled(x, w), function(x, w))
        assert graphs_of(compiled) == [("pre_grad", 1)]
        assert seen, "the user's pass runs, too"
        (record,) = compiled.report().of("RaiseForms")
        assert record.counts == {"rms_norm": 1}
        assert inductor_config.pre_grad_custom_pass is None

        again = ir_runtime.compile(function, passes=[RaiseForms], options=options, fullgraph=True)
        again(x, w)
        assert graphs_of(again) == [("pre_grad", 1)], "torch compiles once for equal arguments"
        torch._dynamo.reset()
        assert graphs_of(again) == []


def test_compiled_module_is_a_module_with_a_report() -> None:
    class Norm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(rows(16))

        def forward(self, x: Tensor) -> Tensor:
            return function(x, self.weight)

    norm, x = Norm(), rows(3, 16).requires_grad_()
    pipeline = Pipeline([RaiseForms])
    compiled = ir_runtime.compile(norm, passes=pipeline)
    assert isinstance(compiled, torch.nn.Module)
    assert dict(compiled.named_parameters())
    with natively():
        compiled(x).square().sum().backward()
    got, norm.weight.grad, x.grad = (norm.weight.grad, x.grad), None, None
    norm(x).square().sum().backward()
    torch.testing.assert_close(got, (norm.weight.grad, x.grad))
    assert compiled.report() is pipeline.record
    assert pipeline.record.match_table == {"RaiseForms": 1}


def test_expected_match_that_does_not_come_is_an_error_that_names_the_node() -> None:
    def other(x: Tensor, w: Tensor) -> Tensor:
        return w * (x * torch.rsqrt(x.pow(2).mean(-2, keepdim=True) + 1e-6))

    compiled = ir_runtime.compile(other, passes=[RaiseForms], expect={"RaiseForms": 1}, strict=True)
    with pytest.raises(BackendCompilerFailed, match="matched 0 places") as failure:
        compiled(rows(3, 16), rows(16))
    assert "found -2, expected -1" in str(failure.value)


def test_arguments_that_are_not_known_are_refused() -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"mode": "fastest"}, "mode 'fastest' is not known, must be one of default"),
        ({"options": {"max-autotuning": True}}, "option 'max_autotuning' is not known"),
        ({"passes": ["NoPass"]}, "pass 'NoPass': is not known"),
        ({"passes": Pipeline(), "strict": True}, "`strict` is given beside a Pipeline"),
    ]
    for options, message in refused:
        with pytest.raises(ArgumentError, match=message):
            ir_runtime.compile(function, **options)
    with pytest.raises(ArgumentError, match="3 cannot be called"):
        ir_runtime.compile(3)


SCRIPT = """
import json, sys
import torch
from torch._dynamo.utils import counters
from ir_runtime.passes import Pipeline
pipeline = Pipeline(["RaiseForms"])
def function(x, w):
    h = x.to(torch.float32)
    return w * (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)
compiled = torch.compile(function, backend="ir_runtime", options={"passes": pipeline})
from ir_runtime import ir
import kernels_mlir
with ir.ops.rms_norm.set_priority(["native"]):
    x, w = torch.arange(12.0).view(3, 4), torch.ones(4)
    assert torch.allclose(compiled(x, w), function(x, w))
print(json.dumps({
    "hits": counters["aot_autograd"]["autograd_cache_hit"],
    "cached": [graph.cached for graph in pipeline.record.graphs],
    "counts": [dict(record.counts) for record in pipeline.record.passes],
}))
"""


def test_entry_point_is_found_and_a_cache_hit_has_its_report(tmp_path: Path) -> None:
    """Install nothing: the entry point of `pyproject.toml` stands in a directory on the path."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ((name, value),) = project["entry-points"]["torch_dynamo_backends"].items()
    assert importlib.metadata.EntryPoint(name, value, "torch_dynamo_backends").load()
    info = tmp_path / "site" / "backend_of_this_tree-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: backend-of-this-tree\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(f"[torch_dynamo_backends]\n{name} = {value}\n")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{info.parent}{os.pathsep}{ROOT}",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor"),
        "IR_RUNTIME_STORE": str(tmp_path / "store"),
    }
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.splitlines()[-1]))
    counts = [{"rms_norm": 1}]
    assert found == [
        {"hits": 0, "cached": [False], "counts": counts},
        {"hits": 1, "cached": [True], "counts": counts},
    ]
