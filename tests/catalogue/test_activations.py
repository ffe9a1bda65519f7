"""Activations whose kernels are made from native: their meaning, kernels, gradients, refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from kernels_mlir.activation.gelu_and_mul_sparse import quantile
from tests.catalogue.activations import ACTIVATIONS, Activation, coefficients
from tests.catalogue.battery import WIDTH, check_op, in_stretches
from tests.full_inputs import KERNEL_INPUTS

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
FULL_INPUTS = (*KERNEL_INPUTS, "tests/catalogue", "ir_runtime/rows")
TOLERANCE = {F32: {"rtol": 2e-6, "atol": 1e-6}, BF16: {"rtol": 2**-8, "atol": 1e-6}}
STRETCHES = (
    *((-80, -40), (-40, -20), (-20, -8), (-8, -4), (-4, -2), (-2, -0.1), (-0.1, 0.1)),
    *((0.1, 2), (2, 8), (8, 30), (30, 90), (1e3, 1e4)),
)
NAN, INF = float("nan"), float("inf")

each = pytest.mark.parametrize("case", ACTIVATIONS, ids=lambda case: case.name)


@each
@pytest.mark.parametrize("dtype", [F32, BF16], ids=str)
def test_native_computes_what_others_compute(case: Activation, dtype: torch.dtype):
    x = in_stretches(STRETCHES, dtype, rows=2)
    special = torch.tensor([NAN, INF, -INF, 0.0, -0.0, 1e-30, -1e-30, 1e9, -1e9]).to(dtype)
    x = torch.cat((x.flatten(0, 1), special.repeat(WIDTH // 9 + 1)[None, :WIDTH]))
    given = case.arguments(x)
    found, wanted = case.op.native(*given), case.oracle(*given)
    assert found.dtype == dtype
    assert found.is_contiguous()
    if case.name == "gelu_and_mul_sparse":  # it subtracts numbers as large as the largest
        found, largest = found.float(), x.float().abs().amax(-1, keepdim=True)
        close = {"rtol": 2**-8, "atol": 1e-5}
        torch.testing.assert_close(
            found / largest, wanted.float() / largest, equal_nan=True, **close
        )
        return
    torch.testing.assert_close(found, wanted.to(dtype), **TOLERANCE[dtype], equal_nan=True)
    zero = found[-1] == 0
    assert torch.equal(found[-1].signbit()[zero], wanted.to(dtype)[-1].signbit()[zero])


def test_threshold_of_fatrelu_is_rounded_to_the_dtype():
    """A bf16 gate of 0.30078125 is not above 0.3 in bf16."""
    x = torch.tensor([[0.30078125, 1.0]], dtype=BF16)
    assert ir.ops.fatrelu_and_mul.native(x, 0.3).item() == 0
    assert ir.ops.fatrelu_and_mul.native(x.float(), 0.3).item() > 0


def test_quantile_is_that_of_the_normal_distribution():
    parts = [1e-300, 1e-9, 0.1, 0.5, 0.95, 1 - 1e-9]
    wanted = torch.special.ndtri(torch.tensor(parts, dtype=torch.float64))
    found = torch.tensor([quantile(part) for part in parts], dtype=torch.float64)
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-12)


def test_sparsity_of_one_keeps_nothing():
    rows = torch.cat((torch.randn(2, 8), torch.full((1, 8), 3.0)))
    result = ir.ops.gelu_and_mul_sparse.native(rows, 1.0)
    assert torch.equal(result[:2], torch.zeros(2, 4))
    assert result[2].isnan().all()  # the deviation is 0, times infinity


def call_in_stretches(case: Activation, dtype: torch.dtype) -> tuple[Any, ...]:
    bounds = [(low, min(high, 200.0)) if dtype == F16 else (low, high) for low, high in STRETCHES]
    return case.arguments(in_stretches([b for b in bounds if b[0] < b[1]], dtype))


QUICK = {case: (F32, BF16)[i % 2] for i, case in enumerate(ACTIVATIONS)}


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        pytest.param(
            case,
            dtype,
            id=f"{case.name}-{str(dtype).removeprefix('torch.')}",
            marks=() if QUICK[case] == dtype else pytest.mark.full,
        )
        for case in ACTIVATIONS
        for dtype in (F32, BF16, F16)
    ],
)
def test_kernel_is_about_as_exact_as_native(case: Activation, dtype: torch.dtype):
    check_op(case.op, [call_in_stretches(case, dtype)], form=case.form)


@each
def test_gradient_is_that_of_the_oracle(case: Activation):
    """The forward runs the kernel; the backward is derived from native."""
    dtype = QUICK[case]
    x = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(2)).to(dtype)
    given = case.arguments(x)
    gradient = torch.randn(case.op.native(*given).shape).to(dtype)

    def gradients(function: Any, arguments: tuple[Any, ...]) -> tuple[Tensor, ...]:
        mine = [a.detach().requires_grad_() if isinstance(a, Tensor) else a for a in arguments]
        learned = [a for a in mine if isinstance(a, Tensor)][:3]  # not the buffers of xielu
        result = function(*mine)
        return torch.autograd.grad(result, learned, gradient.to(result.dtype))

    traced = case.form == "traced"  # it would be compiled again, for this rank
    with case.op.set_priority(["native"] if traced else ["iree", "native"]):
        found = gradients(case.op, given)
    exact = gradients(case.oracle, tuple(a.double() if isinstance(a, Tensor) else a for a in given))
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == F32 else {"rtol": 2e-2, "atol": 2e-2}
    for one, other in zip(found, exact, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, **close)


def wrong_calls() -> list[tuple[str, tuple[Any, ...], str]]:
    x, odd = torch.randn(2, 8), torch.randn(2, 7)
    wrong = []
    for case in ACTIVATIONS:
        rest = case.settings(F32)
        said = "`x` is i64, must be f32 or bf16 or f16 or f64"
        wrong.append((case.name, (x.long(), *rest), said))
        if case.gates:
            said = "`x` is f32[2, 7], must have an even last dimension"
            wrong.append((case.name, (odd, *rest), said))
    two = torch.ones(2)
    alpha_p, alpha_n, beta, eps = coefficients(F32)
    return [
        *wrong,
        ("xielu", (x, alpha_p, two, beta, eps), "`alpha_n` is f32[2], must be one element"),
        ("xielu", (x, alpha_p, alpha_n, beta, eps.long()), "`eps` is i64, must be f32 or"),
        ("gelu_and_mul", (x, "erf"), "`approximate` is 'erf', must be 'none' or 'tanh'"),
        ("gelu_and_mul_sparse", (x, 0.0), "`activation_sparsity` is 0.0, must be above 0 and at"),
        ("gelu_and_mul_sparse", (x, 1.5), "`activation_sparsity` is 1.5, must be above 0 and at"),
        ("fatrelu_and_mul", (x.half(), 1e6), "`threshold` is 1000000.0, must be in the range of"),
        ("fatrelu_and_mul", (x, INF), "`threshold` is inf, must be in the range of the dtype"),
        ("swigluoai_and_mul", (x, NAN), "`alpha` is nan, must be finite"),
        ("swigluoai_and_mul", (x, 1.0, 0.0), "`limit` is 0.0, must be above 0"),
    ]


@pytest.mark.parametrize(
    ("name", "call", "said"), wrong_calls(), ids=lambda v: v[:50] if isinstance(v, str) else None
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


def test_a_compiled_call_refuses_in_the_same_words():
    def call(x: Tensor) -> Tensor:
        return ir.ops.mul_and_silu(x)

    said = "mul_and_silu: `x` is f32[2, 7], must have an even last dimension"
    with pytest.raises(Exception, match=re.escape(said)):
        torch.compile(call, backend="eager", fullgraph=True)(torch.randn(2, 7))


def test_native_computes_float64_and_tensors_on_several_devices_are_refused():
    op, x = ir.ops.silu, torch.randn(2, WIDTH, dtype=torch.float64)
    assert op.get_priority() == ["iree", "native"]
    found = op.explain(x)
    assert found.chosen == "native"
    assert "`x` is f64, must be f32 or bf16 or f16" in found.verdicts[0].reason
    torch.testing.assert_close(op(x), torch.nn.functional.silu(x))
    alone = torch.ones(1, device="meta")
    with pytest.raises(ArgumentError, match="must all be on one device"):
        ir.ops.xielu(torch.randn(2, 8), alone, *coefficients(F32)[1:])
