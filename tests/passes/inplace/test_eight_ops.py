"""The ops of `torch.ops.ir_inplace`, eagerly and compiled: what is left to copy at the end."""

from __future__ import annotations

import contextlib

import pytest
import torch

from ir_runtime.errors import ArgumentError, NotDifferentiableError
from ir_runtime.passes.inplace.fix_functionalization import FixFunctionalizationPass
from tests.passes.inplace.eight_ops import CASES, FP8
from tests.passes.inplace.last_graph import calls, copies, last_graph

ops = torch.ops.ir_inplace
PASSES = (FixFunctionalizationPass(),)
FIRST = [pytest.param(False, marks=pytest.mark.full, id="v1"), pytest.param(True, id="v2")]


@pytest.fixture(autouse=True)
def by_native():
    """Let native compute the ops: what is copied does not depend on it."""
    from kernels_mlir.activation.silu_and_mul import silu_and_mul_op
    from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm
    from kernels_mlir.norm.rms_norm import rms_norm_op
    from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
    from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
    from kernels_mlir.rope.rotary_embedding import rotary_embedding_op

    with contextlib.ExitStack() as stack:
        for op in (
            *(silu_and_mul_op, fused_add_rms_norm, rms_norm_op),
            *(dynamic_quant_fp8, static_quant_fp8, rotary_embedding_op),
        ):
            stack.enter_context(op.set_priority(["native"]))
        yield


def _same(found, wanted):
    found, wanted = ([r] if isinstance(r, torch.Tensor) else list(r) for r in (found, wanted))
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.dtype == theirs.dtype
        torch.testing.assert_close(mine.float(), theirs.float())


@pytest.mark.parametrize("v2", FIRST)
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_copied(name, v2):
    function, make = CASES[name]
    plain, _ = last_graph(function, *make(), v2=v2)
    ours, found = last_graph(function, *make(), v2=v2, passes=PASSES, finish=True)
    assert copies(ours) == 0 <= copies(plain)
    assert f"ir_inplace.{name}.default" in calls(ours)
    _same(found, function(*make()))


def _whole(x, w, g, out):
    ops.rms_norm(out[:4].clone(), x, g, 1e-6)
    ops.rms_norm(out, torch.mm(out, w), g, 1e-6)
    return torch.mm(out, w)


def _part(x, w, g, out):
    ops.rms_norm(out[:4], torch.mm(x, w), g, 1e-6)
    return torch.mm(out, w)


def _two(x, w, g, out):
    ops.fused_add_rms_norm(x, out[:4], g, 1e-6)
    return torch.mm(x, w)


def _halves(x, w, g, out):
    y = torch.mm(x, w)
    ops.fused_add_rms_norm(y[:2], y[2:], g, 1e-6)
    return torch.mm(y, w)


@pytest.mark.parametrize(
    ("function", "v2", "before"),
    [(_part, False, 2), (_part, True, 1), (_two, False, 2), (_two, True, 2), (_halves, False, 4)],
)
def test_fewer_copies_are_left_than_without_the_pass(function, v2, before):
    """After Inductor's own last step: views of inputs, and views in the first version."""

    def args():
        made = torch.Generator().manual_seed(1)
        shapes = ((4, 16), (16, 16), (16,), (6, 16))
        return [torch.rand(*shape, generator=made) for shape in shapes]

    plain, _ = last_graph(function, *args(), v2=v2)
    given, wanted = args(), args()
    ours, found = last_graph(function, *given, v2=v2, passes=PASSES, finish=True)
    assert (copies(plain), copies(ours)) == (before, 0)
    _same(found, function(*wanted))
    _same(given, wanted)


def test_rotary_special_case_of_the_first_version():
    """Query and key are scattered back into the product of which they are parts."""
    function, make = CASES["rotary_embedding"]
    plain, _ = last_graph(function, *make(), v2=False)
    ours, found = last_graph(function, *make(), v2=False, passes=PASSES, finish=True)
    assert (copies(plain), copies(ours)) == (4, 0)
    _same(found, function(*make()))


@pytest.mark.full
def test_rotary_stays_functional_where_the_old_query_is_read():
    _, make = CASES["rotary_embedding"]

    def reads_old(x, w, positions, cache):
        qkv = torch.mm(x, w)
        q, k, _ = qkv.split([16, 16, 16], dim=-1)
        old = q.contiguous()
        ops.rotary_embedding(positions, q, k, 8, cache, True)
        return torch.mm(old, qkv[:, :16].t()), torch.mm(q, k.t())

    ours, found = last_graph(reads_old, *make(), v2=False, passes=PASSES, finish=True)
    assert copies(ours) > 0
    _same(found, reads_old(*make()))


def test_values():
    x, g = torch.rand(4, 16) - 0.3, torch.rand(16)
    out, scale = torch.empty(4, 16, dtype=FP8), torch.empty(4, 1)
    residual = torch.rand(4, 16)
    total, bound = x + residual, torch.tensor([0.5])
    ops.rms_norm_dynamic_per_token_quant(out, x, g, scale, 1e-6, bound, residual)
    normed = torch.nn.functional.rms_norm(total, (16,), g, 1e-6)
    wanted = normed.abs().amax(-1, keepdim=True).clamp(max=0.5) / 448
    torch.testing.assert_close(residual, total)
    torch.testing.assert_close(scale, wanted)
    clipped = (normed / wanted).clamp(-448, 448)
    torch.testing.assert_close(out.float(), clipped, rtol=0.07, atol=2e-2)


def test_gradients_and_shapes_are_refused():
    x, g = torch.rand(4, 16, requires_grad=True), torch.rand(16)
    with pytest.raises(NotDifferentiableError, match="the old values are lost"):
        ops.rms_norm(torch.empty(4, 16), x, g, 1e-6)
    scale, out = torch.empty(4), torch.empty(4, 16, dtype=FP8)
    with pytest.raises(ArgumentError, match="must have the shape"):
        ops.rms_norm_dynamic_per_token_quant(out, x.detach(), g, scale, 1e-6)
    with pytest.raises(ArgumentError, match="rms_norm"):
        ops.rms_norm(torch.empty(3, 16), x.detach(), g, 1e-6)
