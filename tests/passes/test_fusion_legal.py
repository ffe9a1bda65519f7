"""Graphs on which a careless fusion would be wrong: writes, other users, order, dtypes, ranks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, fx

import kernels_mlir  # noqa: F401 - announces the ops
from ir_runtime.ir import IrOp
from ir_runtime.passes.fusion import (
    AddNormFusion,
    NormQuantFusion,
    NormScaleFusion,
    RowNeighbourFusion,
)
from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS_SINGLE, is_fused
from tests.passes.fused import F8, OPS, ROWS, Fused, fused, rows, run_pass, traced, weight

ATEN: Any = torch.ops.aten
SCALE = torch.full((1,), 0.01)


def with_node_behind(module: fx.GraphModule, name: str, target: Any, *args: Any) -> fx.Node:
    """Insert a call behind the node of a name; names among the arguments become nodes."""
    nodes = {n.name: n for n in module.graph.nodes}
    with module.graph.inserting_after(nodes[name]):
        node = module.graph.call_function(
            target, tuple(nodes.get(a, a) if isinstance(a, str) else a for a in args)
        )
    node.meta["val"] = nodes[args[0]].meta["val"] if isinstance(args[0], str) else None
    module.recompile()
    return node


def norm_then_quant(x, w, scale):
    return OPS.static_quant_fp8(OPS.rms_norm(x, w, 1e-6), scale, F8)


def norm_of_view(x, w, scale):
    return OPS.static_quant_fp8(OPS.rms_norm(x.view(-1, 64), w, 1e-6), scale, F8)


def outcome(module: fx.GraphModule, *args: Any) -> list[torch.Tensor]:
    found = module(*(a.clone() for a in args))
    return [t.float() for t in (found if isinstance(found, list | tuple) else [found])]


@pytest.mark.parametrize("function", [norm_then_quant, norm_of_view])
@pytest.mark.parametrize("changed", [("x_1",), ("scale_1",), ("x_1", "scale_1")])
def test_a_read_never_moves_across_a_write(function, changed):
    args = rows(ROWS), weight(), SCALE
    module = traced(function, *args)
    for name in changed:
        with_node_behind(module, "rms_norm", ATEN.add_.Tensor, name, 1.0)
    wanted = outcome(module, *args)
    record = run_pass(module, NormQuantFusion())
    torch.testing.assert_close(outcome(module, *args), wanted, atol=1e-2, rtol=0.13)
    order = [
        n.target for n in module.graph.nodes if n.target is ATEN.add_.Tensor or is_fused(n.target)
    ]
    if len(changed) == 2:  # the norm reads before the writes, the quantisation behind them
        assert FUSED_ROWS_SINGLE not in order
        (miss,) = record.near_misses
        assert miss.node == "rms_norm"
        assert miss.reason.startswith("it changes a tensor that the call would read at another")
    else:
        assert order.index(FUSED_ROWS_SINGLE) == (0 if changed == ("x_1",) else 1)


def test_a_write_to_what_members_pass_on_stays_between_them():
    args = rows(ROWS), weight(), SCALE
    module = traced(norm_then_quant, *args)
    with_node_behind(module, "rms_norm", ATEN.mul_.Tensor, "rms_norm", 2.0)
    wanted = outcome(module, *args)
    run_pass(module, NormQuantFusion())
    assert not any(is_fused(n.target) for n in module.graph.nodes)
    torch.testing.assert_close(outcome(module, *args), wanted)


def test_a_write_elsewhere_prevents_nothing():
    def function(x, w, scale, other):
        y = OPS.rms_norm(x, w, 1e-6)
        return OPS.static_quant_fp8(y, scale, F8), other * 2

    args = rows(ROWS), weight(), SCALE, rows(3)
    module = traced(function, *args)
    with_node_behind(module, "rms_norm", ATEN.add_.Tensor, "other_1", 1.0)
    assert run_pass(module, NormQuantFusion()).matched_count == 1


def test_a_user_that_comes_too_early_keeps_its_tensor():
    def function(x, w, scale):
        y = OPS.rms_norm(x, w, 1e-6)
        return OPS.static_quant_fp8(y, scale + y.sum(), F8)

    got = fused(NormQuantFusion(), function, rows(ROWS), weight(), SCALE)
    assert not got.calls
    (miss,) = got.record.near_misses
    assert (miss.pattern, miss.node) == ("NormQuantFusion", "rms_norm")
    assert miss.reason == (
        "it uses a result before add is computed, which the call needs (at sum_1)"
    )


def test_a_second_user_gets_a_further_result():
    def function(x, w, scale):
        y = OPS.rms_norm(x, w, 1e-6)
        return OPS.static_quant_fp8(y, scale, F8), torch.mm(y, y.t())

    got = fused(NormQuantFusion(), function, rows(ROWS), weight(), SCALE)
    assert len(got.module.graph.find_nodes(op="call_function", target=torch.ops.aten.mm.default))
    assert len(got.calls[0].users) == 2
    got.check(rows(ROWS), weight(), SCALE)


def test_an_order_that_inductor_asks_for_stays():
    from torch._inductor.fx_passes.control_dependencies import control_deps

    module = traced(norm_then_quant, rows(ROWS), weight(), SCALE)
    nodes = {n.name: n for n in module.graph.nodes}
    module.negated = traced(torch.neg, rows(ROWS))
    with module.graph.inserting_after(nodes["static_quant_fp8"]):
        inner = module.graph.get_attr("negated")
    with module.graph.inserting_after(inner):
        module.graph.call_function(control_deps, ((nodes["rms_norm"],), inner, nodes["x_1"]))
    record = run_pass(module, NormQuantFusion())
    assert record.matched_count == 1
    (ordered,) = [n for n in module.graph.nodes if n.target is control_deps]
    ((dependency,),) = ordered.args[:1]
    assert is_fused(dependency.args[0].target)


def test_the_dtypes_are_those_of_the_graph():
    def function(x, w):  # a wider weight makes the product wider
        return OPS.rms_norm(x, None, 1e-6) * (1.0 + w)

    args = rows(ROWS, dtype=torch.bfloat16), weight() - 1
    got = fused(RowNeighbourFusion(), function, *args)
    assert got.module(*args).dtype == torch.float32
    assert [sorted(s) for s in got.steps] == [["add", "mul", "rms_norm"]]
    got.check(*args)


@pytest.mark.parametrize("end", [Tensor.float, torch.floor], ids=["smooth", "steps"])
def test_nothing_is_rounded_to_bfloat16_between_members_but_what_becomes_a_step(end):
    def function(x, w):
        return end(OPS.rms_norm(x, None, 1e-6) * w * 4)

    args = rows(ROWS, dtype=torch.bfloat16), rows(ROWS, dtype=torch.bfloat16, seed=1)[:1]
    got = fused(RowNeighbourFusion(), function, *args)
    assert got.record.matched_count == 1
    found, rounded = fx.Interpreter(got.module).run(*args), function(*args)
    exact = function(*(a.double() for a in args))
    errors = [float((result.double() - exact).abs().max()) for result in (found, rounded)]
    if end is torch.floor:
        assert torch.equal(found, rounded)
        assert errors[0] == 1, "rounded before, else this would say nothing"
    else:
        assert errors[0] < errors[1] / 100


def test_a_kernel_serves_the_ranks_of_its_graph():
    def function(x, w, bias):
        return OPS.rms_norm(x, w, 1e-6) * bias

    x = rows(2 * 3).view(2, 3, 64)
    for bias in (rows(3, seed=2), rows(2 * 3, 1, seed=2).view(2, 3, 1)):
        got = fused(RowNeighbourFusion(), function, x, weight(), bias, dynamic=False)
        assert got.record.matched_count == 1
        got.check(x, weight(), bias)


def test_one_tensor_may_be_several_arguments():
    def function(x, w):
        return OPS.rms_norm(x + x, w, 1e-6) * x

    got = fused(RowNeighbourFusion(), function, rows(ROWS), weight())
    assert len(got.calls[0].args[1]) == 2
    got.check(rows(ROWS), weight())


def refused(got: Fused) -> str:
    assert not got.calls
    (miss,) = got.record.near_misses
    return miss.reason


def test_what_is_no_row_kernel_stays_unfused_and_is_reported():
    def of_tensor(x, w):
        return OPS.dynamic_quant_fp8(OPS.rms_norm(x, w, 1e-6), F8, "tensor")

    reason = refused(fused(NormQuantFusion(), of_tensor, rows(ROWS), weight()))
    assert reason.startswith("no row kernel: aten.amax")

    def by_size(x, w):
        return OPS.rms_norm(x, w, 1e-6) * x.shape[0]

    reason = refused(fused(NormScaleFusion(), by_size, rows(ROWS), weight()))
    assert reason == "it takes sym_size_int, which is no tensor (at mul)"

    def wide(x, w):
        return OPS.rms_norm(x, w, 1e-6).double()

    reason = refused(fused(NormScaleFusion(), wide, rows(ROWS), weight()))
    assert reason == "no row kernel: aten._to_copy: it makes float64 (at convert_element_type)"


def test_a_result_keeps_its_strides():
    def function(x, r, w):
        total = x.t() + r.t()
        return OPS.layer_norm(total, w, w, 1e-6), total

    x, r = (rows(64, ROWS, seed=s) for s in (0, 1))
    got = fused(AddNormFusion(), function, x, r, weight(), dynamic=False)
    assert "a result is not contiguous" in refused(got)


def test_random_numbers_and_sums_over_rows_stay_outside():
    def function(x, w):
        y = OPS.rms_norm(x, w, 1e-6)
        return y.sigmoid() * torch.rand_like(y), (y * 2).sum(0)

    got = fused(RowNeighbourFusion(), function, rows(ROWS), weight(), dynamic=False)
    assert [sorted(s) for s in got.steps] == [["mul", "mul", "rms_norm", "sigmoid"]]
    left = {n.target for n in got.module.graph.nodes if n.op == "call_function"}
    assert ATEN.sum.dim_IntList in left
    assert any("rand" in str(target) for target in left)


def test_an_epsilon_is_read_from_the_node():
    def function(x, w, scale):
        one, two = (OPS.rms_norm(x, w, eps) for eps in (1e-6, 0.5))
        return OPS.static_quant_fp8(one, scale, F8), OPS.static_quant_fp8(two, scale, F8)

    got = fused(NormQuantFusion(), function, rows(ROWS), weight(), SCALE)
    assert len(set(got.programs)) == 2
    assert sorted("0.5" in p for p in got.programs) == [False, True]


def test_a_second_run_changes_nothing():
    got = fused(RowNeighbourFusion(), norm_then_quant, rows(ROWS), weight(), SCALE)
    before = got.module.code
    assert run_pass(got.module, RowNeighbourFusion(), NormQuantFusion()).matched_count == 0
    assert got.module.code == before


def test_a_fused_op_joins_a_larger_one():
    def function(x, r, w):
        total = x + r
        return OPS.dynamic_quant_fp8(OPS.rms_norm(total, w, 1e-6), F8), total

    got = fused(AddNormFusion(), function, rows(ROWS), rows(ROWS, seed=1), weight())
    run_pass(got.module, NormQuantFusion())
    assert got.steps == [["add", "rms_norm", "dynamic_quant_fp8"]]
    got.check(rows(ROWS), rows(ROWS, seed=1), weight())


def test_row_ops_beside_a_matrix_product_are_no_near_miss():
    def function(x, w, matrix):
        y = OPS.rms_norm(x, w, 1e-6)
        return OPS.rms_norm(torch.mm(y, matrix) + y, w, 1e-6)

    got = fused(RowNeighbourFusion(), function, rows(ROWS), weight(), rows(64))
    assert [sorted(s) for s in got.steps] == [["add", "rms_norm"]]
    assert not got.record.near_misses


def test_an_op_that_kernels_must_not_compute_stays_alone():
    passes, norm = NormQuantFusion(), IrOp.registry["rms_norm"]
    plain = passes.uuid()
    with norm.set_priority(["native"]):
        reason = refused(fused(passes, norm_then_quant, rows(ROWS), weight(), SCALE))
        assert passes.uuid() != plain
    assert reason == "its priority leaves out the provider iree"
    assert passes.uuid() == plain
    with norm.set_priority(["iree", "native"]):
        assert fused(passes, norm_then_quant, rows(ROWS), weight(), SCALE).calls
