"""What do the ops make of NaN, infinity, huge and constant values, and of their own examples?"""

from __future__ import annotations

import doctest
import importlib
import inspect
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import kernels_mlir
from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError, GenerateError
from ir_runtime.ir import IrOp
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, MlirTemplate
from ir_runtime.op_reg.call.kernel import bind_call
from kernels_mlir.lanes import link_function
from tests.cases import CASES, DTYPES, WIDTH, Draw, OpCase, attention_arguments
from tests.full_inputs import KERNEL_INPUTS
from tests.sampling import covering

NAN, INF = float("nan"), float("inf")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype_info(dtype).short)
row_cases = [case for case in CASES if case.op not in ("mm_encoder_attn", "rotary_embedding")]
FULL_INPUTS = KERNEL_INPUTS


def assert_near(actual: Tensor, expected: Tensor, factor: float = 1.0) -> None:
    info = dtype_info(actual.dtype)
    bounds = {"atol": factor * info.atol, "rtol": factor * info.rtol}
    torch.testing.assert_close(actual, expected.to(actual.dtype), **bounds, equal_nan=True)


@covering(case=row_cases, dtype=DTYPES, special=(NAN, INF, -INF))
def test_special_value_stays_in_its_row(case: OpCase, dtype: torch.dtype, special: float) -> None:
    """The row says what torch says; the others keep their bits."""
    arguments = case.arguments(dtype)
    clean = case.function(*arguments)
    arguments[0][3, 5] = special
    result = case.function(*arguments)
    others = [i for i in range(len(clean)) if i != 3]
    assert torch.equal(result[others], clean[others])
    expected = case.native(*arguments)[3]
    assert_near(result[3], expected)  # not torch's own: F.gelu(inf) is NaN on AVX512
    vanishes = case.op == "softmax" and special == -INF
    assert vanishes or expected.isinf().any() or expected.isnan().any()


@each_dtype
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_huge_values_is_the_value_or_zero(dtype: torch.dtype, approximate: str) -> None:
    largest = torch.finfo(dtype).max
    x = torch.tensor([largest, 1e4, 50.0, 0.0, -0.0, -50.0, -1e4, -largest], dtype=dtype)
    result = kernels_mlir.gelu(x, approximate)
    assert torch.equal(result, x.clamp(min=0))


@each_dtype
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_every_magnitude(dtype: torch.dtype, approximate: str) -> None:
    x = torch.logspace(-30, 4, 500, dtype=torch.float64).to(dtype)
    x = torch.cat([x, -x])
    exact = F.gelu(x.double(), approximate=approximate)
    actual = kernels_mlir.gelu(x, approximate)
    assert_near(actual, exact)
    assert torch.equal(actual.sign()[x > 0], torch.sign(x)[x > 0] * (actual[x > 0] != 0))


@each_dtype
def test_silu_and_mul_of_huge_values(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    gate = torch.tensor([largest, 200.0, -200.0, -largest], dtype=dtype).repeat(WIDTH // 4)
    up = torch.ones(WIDTH, dtype=dtype)
    result = kernels_mlir.silu_and_mul(torch.cat([gate, up]))
    assert torch.equal(result, gate.clamp(min=0))


@each_dtype
def test_layer_norm_of_constant_rows_is_the_bias(dtype: torch.dtype) -> None:
    values = torch.tensor([0.0, 1.0, -3.7, 1e4, 3.1e-5]).to(dtype)
    x = values[:, None].expand(-1, WIDTH)
    draw = Draw.seeded(dtype)
    weight, bias = draw.weight(WIDTH), draw.weight(WIDTH)
    result = kernels_mlir.layer_norm(x, weight, bias, 1e-5)
    assert torch.equal(result, bias.expand_as(x))


def test_gelu_in_bf16_keeps_its_tail() -> None:
    """Torch's own is 0 from -6 on; ours is as good as rounded once, although it has fewer terms."""
    bits = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16)
    x = bits.view(torch.bfloat16)
    x = x[(x >= -9) & (x <= 9) & (x.abs() > 1e-30)]
    exact = x.double() * torch.special.log_ndtr(x.double()).exp()
    error = (kernels_mlir.gelu(x).double() - exact).abs()
    unit = 2.0 ** (exact.abs().log2().floor() - 7)
    assert (error / unit).max() <= 0.55


def test_a_function_is_linked_where_it_is_declared() -> None:
    with pytest.raises(GenerateError, match="has 0 declarations of @curve, must have 1"):
        link_function(MlirTemplate("empty", ""), "curve", MlirTemplate("curve", ""))


@pytest.mark.parametrize("large", [1e4, 1e7, 1e15, 1e18])
def test_layer_norm_keeps_its_variance_beside_a_large_mean(large: float) -> None:
    x = (Draw.seeded(torch.float32).activation(8, WIDTH).double() * large + large).float()
    one, zero = torch.ones(WIDTH), torch.zeros(WIDTH)
    exact = F.layer_norm(x.double(), (WIDTH,), one.double(), zero.double(), 1e-5)
    assert_near(kernels_mlir.layer_norm(x, one, zero, 1e-5), exact)


@pytest.mark.parametrize("large", [1e10, 1e18, 1e25, 1e37])
def test_norms_of_huge_rows_do_not_overflow(large: float) -> None:
    """Squares exceed float32 from 2e19 on; the sums are wider. Past 8e37 their root's reciprocal
    is no normal float32."""
    x = Draw.seeded(torch.float32).activation(8, WIDTH).clamp(-3, 3) * large
    one, zero = torch.ones(WIDTH), torch.zeros(WIDTH)
    exact = F.rms_norm(x.double(), (WIDTH,), one.double(), 1e-5)
    assert_near(kernels_mlir.rms_norm(x, one, 1e-5), exact)
    exact = F.layer_norm(x.double(), (WIDTH,), one.double(), zero.double(), 1e-5)
    assert_near(kernels_mlir.layer_norm(x, one, zero, 1e-5), exact)


@each_dtype
def test_zero_rows_of_rms_norm_are_zero(dtype: torch.dtype) -> None:
    x = torch.zeros(3, WIDTH, dtype=dtype)
    assert torch.equal(kernels_mlir.rms_norm(x, None, 1e-5), x)


@each_dtype
def test_zero_rows_without_epsilon_are_as_torch_has_them(dtype: torch.dtype) -> None:
    x = torch.zeros(3, WIDTH, dtype=dtype)
    one, zero = torch.ones(WIDTH, dtype=dtype), torch.zeros(WIDTH, dtype=dtype)
    assert kernels_mlir.rms_norm(x, one, 0.0).isnan().all()
    assert F.rms_norm(x, (WIDTH,), one, 0.0).isnan().all()
    assert kernels_mlir.layer_norm(x, one, zero, 0.0).isnan().all()
    assert F.layer_norm(x, (WIDTH,), one, zero, 0.0).isnan().all()


def test_partial_rms_norm_ignores_the_tail_of_a_row() -> None:
    x = Draw.seeded(torch.float32).activation(4, WIDTH)
    size = WIDTH // 4
    clean = kernels_mlir.rms_norm(x, None, 1e-5, size)
    x[:, size:] = NAN
    result = kernels_mlir.rms_norm(x, None, 1e-5, size)
    assert torch.equal(result[:, :size], clean[:, :size])
    assert result[:, size:].isnan().all()


def packed_arguments(dtype: torch.dtype, bounds: list[int], batch: int = 2) -> list:
    make = attention_arguments(4, 2, packed=True)
    arguments = list(make(Draw.seeded(dtype), (batch, bounds[-1]), WIDTH))
    arguments[4] = torch.tensor(bounds, dtype=torch.int32)
    return arguments


@each_dtype
@pytest.mark.parametrize("special", [NAN, INF], ids=["nan", "inf"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["query", "key", "value"])
def test_segment_keeps_its_nan_to_itself(dtype: torch.dtype, special: float, place: int) -> None:
    bounds = [0, 5, 23, 23, 100]
    arguments = packed_arguments(dtype, bounds)
    clean = kernels_mlir.mm_encoder_attn(*arguments)
    arguments[place][0, 10] = special
    result = kernels_mlir.mm_encoder_attn(*arguments)
    assert torch.equal(result[1], clean[1])
    assert torch.equal(result[:, :5], clean[:, :5])
    assert torch.equal(result[:, 23:], clean[:, 23:])
    assert not torch.equal(result[0, 5:23], clean[0, 5:23])
    native = kernels_mlir.attention.mm_encoder_attn.native_mm_encoder_attn(*arguments)
    # In bf16 the probabilities may be rounded, too.
    factor = 2.0 if dtype == torch.bfloat16 else 1.0
    assert_near(result[0, 5:23], native[0, 5:23], factor)


@each_dtype
def test_segments_are_attention_of_their_own(dtype: torch.dtype) -> None:
    bounds = [0, 1, 64, 64, 130, 200]
    arguments = packed_arguments(dtype, bounds)
    result = kernels_mlir.mm_encoder_attn(*arguments)
    for start, end in itertools.pairwise(bounds):
        parts = [a[:, start:end] for a in arguments[:3]]
        if end > start:
            assert_near(result[:, start:end], kernels_mlir.mm_encoder_attn(*parts))


@each_dtype
def test_attention_has_the_same_bits_for_any_number_of_workers(dtype: torch.dtype) -> None:
    """A worker takes some query blocks of some heads, so it may begin within a segment."""
    arguments = packed_arguments(dtype, [0, 3, 64, 64, 130, 200])
    op = ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    results = []
    for cores in (1, 7):
        with code_for(replace(this_machine(), cores=cores)):
            results.append(bind_call(op, arguments).run(arguments))
    assert torch.equal(*results)


def test_one_segment_is_no_segments() -> None:
    arguments = packed_arguments(torch.float32, [0, 70])
    assert_near(
        kernels_mlir.mm_encoder_attn(*arguments), kernels_mlir.mm_encoder_attn(*arguments[:3])
    )


@each_dtype
def test_attention_to_one_token_is_its_value(dtype: torch.dtype) -> None:
    query, key, value, *_ = attention_arguments(4, 4, packed=False)(
        Draw.seeded(dtype), (3, 1), WIDTH
    )
    assert torch.equal(kernels_mlir.mm_encoder_attn(query, key, value), value)


@pytest.mark.parametrize("scale", [0.0, -0.3, 1e-30, 1e4, -1e4])
def test_attention_of_any_scale(scale: float) -> None:
    query, key, value, *_ = attention_arguments(4, 2, packed=False)(
        Draw.seeded(torch.float32), (2, 70), WIDTH
    )
    result = kernels_mlir.mm_encoder_attn(query, key, value, scale)
    exact = F.scaled_dot_product_attention(
        *(t.double().transpose(1, 2) for t in (query, key, value)), scale=scale, enable_gqa=True
    ).transpose(1, 2)
    assert result.isfinite().all()
    torch.testing.assert_close(result, exact.float(), atol=1e-2 if abs(scale) > 1 else 1e-5, rtol=0)


def test_scores_that_overflow_an_exponential_do_not() -> None:
    query, key, value, *_ = attention_arguments(4, 4, packed=False)(
        Draw.seeded(torch.float32, deviation=1e3), (2, 70), WIDTH
    )
    result = kernels_mlir.mm_encoder_attn(query, key, value)
    exact = F.scaled_dot_product_attention(
        *(t.double().transpose(1, 2) for t in (query, key, value))
    ).transpose(1, 2)
    torch.testing.assert_close(result, exact.float(), atol=1.0, rtol=1e-3)


@pytest.mark.parametrize(
    "bounds",
    [
        [-(2**31), 2**31 - 1],
        [2**31 - 1, -(2**31)],
        [0, 10**6, -5, 70, 3],
        [-7] * 9,
        [10**9] * 9,
        [70, 60, 50, 40, 30, 20, 10, 0],
        [0],
    ],
    ids=str,
)
def test_kernel_survives_bounds_that_nobody_checked(bounds: list[int]) -> None:
    """Where values cannot be checked the kernel clamps them: it writes all it must, no more."""
    arguments = packed_arguments(torch.float32, [0, 70])
    arguments[4] = torch.tensor(bounds, dtype=torch.int32)
    op = ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    room = torch.full((arguments[0].numel() + 2048,), 7.0)
    out = room[1024:-1024].view(arguments[0].shape)
    bind_call(op, arguments).run_into(arguments, (out,))
    assert out.isfinite().all()
    assert (room[:1024] == 7.0).all()
    assert (room[-1024:] == 7.0).all()
    if len(bounds) < 2:
        assert (out == 0).all()


def test_kernel_never_sees_empty_bounds() -> None:
    arguments = packed_arguments(torch.float32, [0, 70])
    arguments[4] = torch.tensor([], dtype=torch.int32)
    with pytest.raises(ArgumentError) as caught:
        bind_call(ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"], arguments)
    assert str(caught.value) == (
        "mm_encoder_attn: `cu_seqlens` is i32[0], must have an element, and `key` the length of "
        "`query`"
    )


def test_tokens_of_no_segment_are_zero() -> None:
    arguments = packed_arguments(torch.float32, [0, 70])
    arguments[4] = torch.tensor([10, 30, 50], dtype=torch.int32)
    op = ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    result = bind_call(op, arguments).run(arguments)
    assert (result[:, :10] == 0).all()
    assert (result[:, 50:] == 0).all()
    assert_near(result, kernels_mlir.attention.mm_encoder_attn.native_mm_encoder_attn(*arguments))


def documented(op: str) -> Callable[..., Any]:
    """Return the function with the documentation of an op."""
    found = getattr(kernels_mlir, op)
    return found.native if isinstance(found, IrOp) else found


@pytest.mark.parametrize("op", kernels_mlir.__all__)
def test_examples_print_what_they_say(op: str) -> None:
    """Ops that are documented by their native run native here."""
    function = documented(op)
    globals_ = {**vars(importlib.import_module(function.__module__)), "torch": torch}
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    derived = isinstance(getattr(kernels_mlir, op), IrOp)
    with IrOp.registry[op].set_priority(["native"] if derived else ["iree", "native"]):
        for example in doctest.DocTestFinder().find(function, op, globs=globals_):
            runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries > 0


@pytest.mark.parametrize("op", kernels_mlir.__all__)
def test_docstring_has_every_section(op: str) -> None:
    text = inspect.getdoc(getattr(kernels_mlir, op)) or ""  # also that of an `IrOp`
    sections = ("Args:", "Returns:", "Raises:", "Numerics:", "Source:", "Example:")
    places = [text.find(f"\n{section}\n") for section in sections]
    assert all(place > 0 for place in places)
    assert places == sorted(places)
