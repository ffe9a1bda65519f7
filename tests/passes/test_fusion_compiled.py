"""Fusions in `torch.compile`: gradients, and a second process that finds the compiled graphs."""

from __future__ import annotations

import json

import torch

import kernels_mlir  # noqa: F401 - announces the ops
from ir_runtime.passes import Pipeline
from ir_runtime.passes.default_list import default_passes
from tests.passes.fused import F8, OPS, rows, weight
from tests.test_late_import import run_python

PROGRAM = """
import json

import torch
from torch._dynamo.utils import counters

import kernels_mlir
from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.passes.fusion import RowNeighbourFusion
from ir_runtime.passes.fusion.fused_rows import fused_ops
from ir_runtime.passes.fusion.row_fusion import RowFusion

OPS = torch.ops.ir_runtime
matched, plain_run = [], RowFusion.run


def run(self, graph, record):
    plain_run(self, graph, record)
    matched.append(record.matched_count)


RowFusion.run = run


def infer(x, r, w, scale):
    total = x + r
    y = OPS.rms_norm(total, w, 1e-6)
    return OPS.static_quant_fp8(y, scale, torch.float8_e4m3fn), total


def train(x, w):
    return torch.sigmoid(OPS.rms_norm(x * 2, w, 1e-6)) * x


def compiled(function):
    options = {"post_grad_custom_pre_pass": RowNeighbourFusion()}
    return torch.compile(function, options=options, fullgraph=True, dynamic=True)


torch.manual_seed(0)
x, r, w, scale = torch.randn(5, 64), torch.randn(5, 64), torch.rand(64), torch.full((1,), 0.01)
found, total = compiled(infer)(x, r, w, scale)
wanted, _ = infer(x, r, w, scale)
assert torch.equal(total, x + r)
torch.testing.assert_close(found.float(), wanted.float(), atol=0.01, rtol=0.13)

gradients = []
for function in (train, compiled(train)):
    leaves = [t.clone().requires_grad_() for t in (x, w)]
    function(*leaves).square().sum().backward()
    gradients.append([t.grad for t in leaves])
torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-5)

ops = fused_ops()
assert all(op.impls["iree"].supported for op in ops.values())
print(json.dumps({
    "matched": matched,
    "ops": sorted(op.name for op in ops.values()),
    "hits": counters["inductor"]["fxgraph_cache_hit"],
    "autograd hits": counters["aot_autograd"]["autograd_cache_hit"],
}))
"""


def test_gradients_and_a_second_process(tmp_path):
    environment = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor")}
    first, second = (
        json.loads(run_python(PROGRAM, **environment).splitlines()[-1]) for _ in range(2)
    )
    assert first["hits"] == 0
    assert len(first["ops"]) == sum(first["matched"])
    assert first["matched"][:2] == [1, 1]  # inference, and forward of training
    assert second["matched"] == []  # no pass runs where the compiled graph is found
    assert second["ops"] == first["ops"]
    assert second["hits"] + second["autograd hits"] >= 2


def test_the_default_list_fuses_what_fits_and_lowers_the_rest():
    def function(x, r, w, scale, matrix):
        total = x + r
        quantised = OPS.static_quant_fp8(OPS.rms_norm(total, w, 1e-6), scale, F8)
        return quantised, total, OPS.rms_norm(torch.mm(total, matrix), w, 1e-6)

    args = rows(5), rows(5, seed=1), weight(), torch.full((1,), 0.01), rows(64, seed=2)
    pipeline = Pipeline(default_passes())
    compiled = torch.compile(function, options=pipeline.options(), fullgraph=True, dynamic=False)
    found, wanted = compiled(*args), function(*args)
    torch.testing.assert_close(found[0].float(), wanted[0].float(), atol=0.01, rtol=0.13)
    torch.testing.assert_close(found[1:], wanted[1:], atol=1e-5, rtol=1e-5)
    matches = pipeline.record.match_table
    assert matches["AddNormCanonicalization"] == matches["NormQuantFusion"] == 1
    assert matches["RowNeighbourFusion"] == 0
    assert list(pipeline.record.selected_impls) == ["rms_norm"]
