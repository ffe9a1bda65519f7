"""Each fusion on the graph it is made for: fewer nodes, one kernel, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import kernels_mlir  # noqa: F401 - announces the ops
from ir_runtime.counters import count_since
from ir_runtime.passes.fusion import (
    ActivationQuantFusion,
    AddNormFusion,
    NormQuantFusion,
    NormScaleFusion,
    QkNormRopeFusion,
    RowNeighbourFusion,
)
from ir_runtime.passes.graph_pass import GraphPass
from tests.passes.fused import F8, OPS, ROWS, WIDTH, fused, rows, weight

CACHE = torch.cat([rows(11, 8, seed=4).cos(), rows(11, 8, seed=4).sin()], -1)


@dataclass(frozen=True)
class Case:
    """A function, its arguments for a number of rows, and what its fused op calls."""

    by: GraphPass
    function: Callable[..., Any]
    inputs: Callable[[int, torch.dtype], tuple[Any, ...]]
    steps: list[str]


def one(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return rows(n, dtype=dtype), weight(dtype)


def scale_too(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return *one(n, dtype), torch.full((1,), 0.01)


def two(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return rows(n, dtype=dtype), rows(n, dtype=dtype, seed=1), weight(dtype)


def wide(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return (rows(n, 2 * WIDTH, dtype),)


def heads(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    positions = torch.arange(n) % 11
    query, key = rows(n, 4 * 16, dtype), rows(n, 2 * 16, dtype, seed=1)
    return positions, query, key, *(weight(dtype, 16), weight(dtype, 16)), CACHE.to(dtype)


def heads_of_a_batch(n: int, dtype: torch.dtype) -> tuple[Any, ...]:
    """Four heads of queries, two of keys; the sequences of the batch share their angles."""
    query, key = rows(3 * n, 4 * 16, dtype), rows(3 * n, 2 * 16, dtype, seed=1)
    angles = rows(n, 8, seed=2).repeat(1, 2)[None]
    given = query.view(3, n, 4, 16), key.view(3, n, 2, 16)
    return *given, weight(dtype, 16), weight(dtype, 16), angles.cos(), angles.sin()


def static(x, w, scale):
    return OPS.static_quant_fp8(OPS.rms_norm(x, w, 1e-6), scale, F8)


def token(x, r, w):
    y, total = OPS.fused_add_rms_norm(x, r, w, 1e-5)
    return *OPS.dynamic_quant_fp8(y, F8), total, y


def group(x, w):
    return OPS.dynamic_group_quant_fp8(OPS.rms_norm(x, w, 1e-6), F8, 32)


def gate(x):
    return OPS.dynamic_quant_fp8(OPS.silu_and_mul(x), F8)


def rope(positions, q, k, qw, kw, cache):
    q, k = OPS.qk_norm(q, k, qw, kw, 1e-6)
    return OPS.rotary_embedding(positions, q, k, 16, 16, cache, True)


def rope_by_heads(positions, q, k, qw, kw, cache):
    normed_q = OPS.rms_norm(q.view(q.shape[0], 4, 16), qw, 1e-6).view(q.shape)
    normed_k = OPS.rms_norm(k.view(k.shape[0], 2, 16), kw, 1e-6).view(k.shape)
    return OPS.rotary_embedding(positions, normed_q, normed_k, 16, 16, cache, True)


def rope_of_a_batch(q, k, qw, kw, cos, sin):
    q, k = OPS.rms_norm(q, qw, 1e-6), OPS.rms_norm(k, kw, 1e-6)
    return OPS.apply_rotary_pos_emb(q, k, cos, sin, 2)


def residual(x, r, w):
    total = x + r
    return OPS.gemma_rms_norm(total, w, 1e-6), total


def scaled(x, w):
    return (OPS.rms_norm(x, None, 1e-6) * w).float()


def neighbours(x, r, w):
    y = OPS.rms_norm(torch.relu(x) * 2, w + 1, 1e-6)
    gated = torch.sigmoid(y) * r
    return gated, OPS.quant_int8(gated)[0]


CASES = {
    "static": Case(NormQuantFusion(), static, scale_too, ["rms_norm", "static_quant_fp8"]),
    "token": Case(NormQuantFusion(), token, two, ["fused_add_rms_norm", "dynamic_quant_fp8"]),
    "group": Case(NormQuantFusion(), group, one, ["rms_norm", "dynamic_group_quant_fp8"]),
    "gate": Case(ActivationQuantFusion(), gate, wide, ["silu_and_mul", "dynamic_quant_fp8"]),
    "rope": Case(QkNormRopeFusion(), rope, heads, ["qk_norm", "rotary_embedding"]),
    "rope_by_heads": Case(
        QkNormRopeFusion(),
        rope_by_heads,
        heads,
        ["rms_norm", "flatten"] * 2 + ["rotary_embedding"],
    ),
    "residual": Case(AddNormFusion(), residual, two, ["add", "gemma_rms_norm"]),
    "scaled": Case(NormScaleFusion(), scaled, one, ["rms_norm", "mul", "_to_copy"]),
    "neighbours": Case(
        RowNeighbourFusion(),
        neighbours,
        two,
        ["relu", "mul", "add", "rms_norm", "sigmoid", "mul", "quant_int8"],
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["f32", "bf16"])
@pytest.mark.parametrize("name", CASES)
def test_one_kernel_computes_the_group_for_any_rows(name, dtype):
    case = CASES[name]
    got = fused(case.by, case.function, *case.inputs(ROWS, dtype))
    wanted = [s for s in case.steps if not (s == "_to_copy" and dtype == torch.float32)]
    assert got.record.matched_count == 1
    assert [sorted(steps) for steps in got.steps] == [sorted(wanted)]
    assert not got.record.near_misses
    assert got.record.counts["nodes_removed"] == len(got.plain.graph.nodes) - len(
        got.module.graph.nodes
    )
    with count_since() as counted:
        for count in (ROWS, 1, 0, 37):
            got.check(*case.inputs(count, dtype))
    assert counted[0].compiles <= 1


def test_columns_of_longer_rows_are_read_where_they_lie():
    def function(positions, qkv, qw, kw, cache):
        q, k, v = qkv.split([64, 32, 32], -1)
        return *rope(positions, q, k, qw, kw, cache), v.relu()

    positions, q, k, *others = heads(ROWS, torch.float32)
    args = positions, torch.cat([q, k, k], -1), *others
    got = fused(QkNormRopeFusion(), function, *args)
    assert got.steps == [["split_with_sizes", "qk_norm", "rotary_embedding"]]
    assert [n.name for n in got.calls[0].args[1]][:1] == ["qkv_1"]
    got.check(*args)


@pytest.mark.parametrize("dynamic", [True, False])
def test_keys_have_fewer_heads_and_a_batch_shares_its_angles(dynamic):
    args = heads_of_a_batch(ROWS, torch.float32)
    got = fused(QkNormRopeFusion(), rope_of_a_batch, *args, dynamic=dynamic)
    assert got.record.matched_count == 1
    assert got.steps == [["rms_norm", "rms_norm", "apply_rotary_pos_emb"]]
    assert not got.record.near_misses
    got.check(*args)
    if dynamic:
        got.check(*heads_of_a_batch(37, torch.float32))


@pytest.mark.parametrize("name", ["static", "gate", "residual"])
def test_strided_rows_of_a_static_graph(name):
    case = CASES[name]
    given = [
        torch.stack([a, -a], -1).flatten(-2)[:, ::2] if a.ndim == 2 else a
        for a in case.inputs(ROWS, torch.float32)
    ]
    assert not given[0].is_contiguous()
    got = fused(case.by, case.function, *given, dynamic=False)
    assert got.record.matched_count == 1
    got.check(*given)
