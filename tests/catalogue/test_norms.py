"""Norms whose kernels are made from native: their meaning, kernels, gradients, refusals."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from tests.catalogue.battery import WIDTH, as_tuple, check_op, in_stretches, wide
from tests.catalogue.norms import EPSILON, NORMS, Norm
from tests.full_inputs import KERNEL_INPUTS

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
FULL_INPUTS = (*KERNEL_INPUTS, "tests/catalogue", "ir_runtime/rows")
STRETCHES = (
    *((-1, 1), (0, 1), (-1e-3, 1e-3), (-1e-8, 1e-8)),
    *((-10, 10), (90, 110), (-1e3, 1e3), (-1e4, 1e4)),
)
QUICK = {norm: (BF16, F32)[i % 2] for i, norm in enumerate(NORMS)}

each = pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.id)


def tensors(dtype: torch.dtype, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows, another tensor of their shape and a weight, of a dtype."""
    generator = torch.Generator().manual_seed(3)
    other = torch.randn(x.shape, generator=generator)
    weight = torch.randn(WIDTH, generator=generator)
    return x.to(dtype), other.to(dtype), weight.to(dtype)


@each
@pytest.mark.parametrize("dtype", [F32, BF16], ids=str)
def test_native_computes_what_others_compute(norm: Norm, dtype: torch.dtype):
    x, other, weight = tensors(dtype, torch.randn(6, WIDTH))
    x[0, 3], x[1, 5], x[2] = torch.nan, torch.inf, 0.0
    found = as_tuple(norm.op.native(*norm.arguments(x, other, weight)))
    wanted = as_tuple(norm.oracle(*(t.float() for t in (x, other, weight))))
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == F32 else {"rtol": 2**-7, "atol": 2**-7}
    for one, expected in zip(found, wanted, strict=True):
        assert one.dtype == dtype
        assert one.is_contiguous()
        torch.testing.assert_close(one.float(), expected.float(), equal_nan=True, **close)


def test_norm_of_a_sum_is_that_of_the_sum_before_it_is_rounded():
    """In bf16 256 + 1 is 256."""
    x = torch.tensor([[256.0, 256.0]], dtype=BF16)
    added = torch.tensor([[1.0, -1.0]], dtype=BF16)
    wide_weight = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    y, total = ir.ops.fused_add_rms_norm.native(x, added, None, 0.0)
    assert torch.equal(total, torch.tensor([[256.0, 255.0]], dtype=BF16))
    sums = x.double() + added.double()
    exact = sums / sums.square().mean(-1, keepdim=True).sqrt()
    assert torch.equal(y, exact.to(BF16))
    for weight in wide_weight:  # a float32 weight is not rounded either
        y, _ = ir.ops.fused_add_rms_norm.native(x, added, weight * 1.001, 0.0)
        assert torch.equal(y, (exact * (weight * 1.001).double()).to(BF16))


@pytest.mark.parametrize(
    ("norm", "dtype"),
    [
        pytest.param(
            norm,
            dtype,
            id=f"{norm.id}-{str(dtype).removeprefix('torch.')}",
            marks=() if QUICK[norm] == dtype else pytest.mark.full,
        )
        for norm in NORMS
        for dtype in (F32, BF16, F16)
    ],
)
def test_kernel_is_about_as_exact_as_native(norm: Norm, dtype: torch.dtype):
    x, other, weight = tensors(dtype, in_stretches(STRETCHES, dtype))
    check_op(norm.op, [norm.arguments(x, other, weight)], factor=norm.factor)


@each
def test_gradient_is_that_of_the_oracle(norm: Norm):
    """The forward runs the kernel; the backward is derived from native."""
    dtype = QUICK[norm]
    given = tensors(dtype, torch.randn(3, WIDTH))
    scale = torch.randn(3, WIDTH).to(dtype).double()

    def gradients(function: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
        mine = [t.detach().requires_grad_() for t in inputs]
        total = sum((r.double() * scale).sum() for r in as_tuple(function(*mine)))
        return torch.autograd.grad(total, mine, allow_unused=True)

    with norm.op.set_priority(["iree", "native"]):
        found = gradients(lambda *t: norm.op(*norm.arguments(*t)), given)
    exact = gradients(norm.oracle, tuple(map(wide, given)))
    close = {"rtol": 1e-4, "atol": 1e-4} if dtype == F32 else {"rtol": 5e-2, "atol": 5e-2}
    for one, other in zip(found, exact, strict=True):
        if one is None or other is None:  # an argument that this call does not have
            assert one is None
            assert other is None or not other.any()
            continue
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, **close)


@pytest.mark.parametrize("name", ["fused_add_rms_norm", "fused_add_gemma_rms_norm"])
def test_maybe_inplace_has_the_results_of_a_functional_call(name: str):
    op = IrOp.registry[name]
    x, residual, weight, _ = op.generate_inputs(num_tokens=2, hidden_size=8)
    wanted = op.native(x, residual, weight, EPSILON)
    kept = x.clone()
    with op.set_priority(["native"]):
        for found, expected in zip(op(x, residual, weight, EPSILON), wanted, strict=True):
            assert torch.equal(found, expected)
        assert torch.equal(x, kept)
        found = op.maybe_inplace(x, residual, weight, EPSILON)
    for one, expected in zip(found, wanted, strict=True):
        assert torch.equal(one, expected)


X, WEIGHT = torch.randn(2, 8), torch.ones(8)
WRONG = [
    (
        "fused_add_rms_norm",
        (X, X[:1], WEIGHT, 0.0),
        "`x_residual` is f32[1, 8], must have the",
    ),
    ("fused_add_rms_norm", (X, X, WEIGHT[:7], 0.0), "`weight` is f32[7], must be f32[8] to match"),
    ("fused_add_rms_norm", (X, X, WEIGHT, -1.0), "`epsilon` is -1.0, must be finite and >= 0"),
    ("fused_add_rms_norm", (X, X, None, 0.0, 9), "`variance_size` is 9, must be in 1..8"),
    ("gemma_rms_norm", (X.long(), WEIGHT, 0.0), "`x` is i64, must be f32 or bf16 or f16 or f64"),
    ("gemma_rms_norm", (X, WEIGHT.int(), 0.0), "`weight` is i32, must be f32 or bf16"),
    ("fused_add_gemma_rms_norm", (X, X.int(), WEIGHT, 0.0), "`x_residual` is i32, must be f32"),
    ("rms_norm_gated", (X, X[:, :4], WEIGHT, 0.0), "`z` is f32[2, 4], must have the shape of `x`"),
    ("rms_norm_gated", (X, X, WEIGHT, 0.0, 3), "`group_size` is 3, must divide the last dimension"),
    ("rms_norm_gated", (X, X, WEIGHT, 0.0, 0), "`group_size` is 0, must divide the last dimension"),
    ("rms_norm_gated", (X, X, WEIGHT, 0.0, 4, True, "tanh"), "`activation` is 'tanh', must be 's"),
    ("mixer2_gated_rms_norm", (X, None, WEIGHT, 0.0), "`gate` is None, must be a tensor"),
    ("mixer2_gated_rms_norm", (X, X, WEIGHT, 0.0, 3), "`n_groups` is 3, must divide the last"),
]


@pytest.mark.parametrize(
    ("name", "call", "said"), WRONG, ids=lambda v: v[:50] if isinstance(v, str) else None
)
def test_wrong_arguments_are_refused_before_a_kernel_is_made(
    name: str, call: tuple[Any, ...], said: str
):
    op = IrOp.registry[name]
    on_meta = tuple(a.to("meta") if isinstance(a, Tensor) else a for a in call)
    for given in (call, on_meta):
        with pytest.raises(ArgumentError) as caught:
            op(*given)
        assert caught.value.headline.startswith(f"{name}: {said}")


_SHARDED = """
import torch, kernels_mlir  # before torch.distributed.tensor is there
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from ir_runtime.ir import IrOp

for name in kernels_mlir.__all__:
    IrOp.registry[name].set_default(["native"])
dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
mesh = init_device_mesh("cpu", (2,))

def split(local, *where):
    return DTensor.from_local(local, mesh, where, run_check=False)

ops = torch.ops.ir_runtime
x, weight = split(torch.randn(2, 8), Shard(0)), split(torch.ones(8), Replicate())
found = [
    *ops.fused_add_rms_norm(x, x, weight, 1e-5),
    ops.rms_norm_gated(x, x, weight, 1e-5),
    ops.rms_norm_gated(x, None, weight, 1e-5),
    ops.gemma_rms_norm(x, weight, 1e-5),
    ops.silu(x),
    ops.mul_and_silu(x),
]
assert [y.placements for y in found] == [(Shard(0),)] * 7
columns = split(torch.randn(2, 8), Shard(1))
assert ops.silu(columns).placements == (Shard(1),)
assert ops.mul_and_silu(columns).placements == (Replicate(),)
heads, size = split(torch.randn(2, 8), Shard(0)), split(torch.ones(4), Replicate())
cache, at = split(torch.ones(9, 4), Replicate()), split(torch.arange(2), Shard(0))
turned = ops.qk_norm_rope(at, heads, heads, size, size, 1e-5, cache, True)
turned += ops.qk_norm(heads, heads, size, size, 1e-5)
assert [y.placements for y in turned] == [(Shard(0),)] * 4
"""


def test_parts_of_a_batch_stay_where_they_are():
    """The sharding rules of elements, rows, and two tensors of rows."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SHARDED],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
