"""Do the ops of quantisation round as their formats say, with scales as their formulas say?

The oracle is numpy in float32, with the eight-bit floats of `ml_dtypes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ir_runtime.ir import IrOp
from kernels_mlir.quant.dequant_fp8 import dequant_fp8
from kernels_mlir.quant.dequant_int8 import dequant_int8
from kernels_mlir.quant.dynamic_group_quant_fp8 import dynamic_group_quant_fp8
from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
from kernels_mlir.quant.quant_int8 import quant_int8
from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
from tests.catalogue.checks import (
    assert_predicted_layout,
    assert_refused_everywhere,
    computed_by_iree,
    run_example,
)
from tests.catalogue.quant import (
    EVERY_BF16,
    FORMATS,
    FP8,
    INF,
    NAN,
    assert_nearest,
    assert_same_bits,
    difficult_rows,
    dynamic_oracle,
    each_format,
    group_oracle,
    rounded,
)


@each_format
def test_every_bf16_is_rounded_as_the_formats_say(fp8: torch.dtype) -> None:
    expected, one = rounded(EVERY_BF16.float().numpy(), fp8), torch.ones(1)
    assert_same_bits(static_quant_fp8.native(EVERY_BF16, one, fp8), expected)
    actual = computed_by_iree(static_quant_fp8, "a row kernel", EVERY_BF16, one, fp8)
    assert_same_bits(actual, expected)


@pytest.mark.full
@each_format
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (12, 1), (100,), (1, 100)], ids=str)
def test_static_scales_of_any_shape(
    shape: tuple[int, ...], dtype: torch.dtype, fp8: torch.dtype
) -> None:
    x, scale = difficult_rows(dtype), torch.rand(shape) + 0.01
    reciprocal = 1 / scale.numpy()
    expected = rounded(x.float().numpy() * reciprocal, fp8)
    assert_same_bits(static_quant_fp8.native(x, scale, fp8), expected)
    actual = computed_by_iree(static_quant_fp8, "a row kernel", x, scale, fp8)
    assert_nearest(actual, expected, x.double() / scale)


@each_format
@pytest.mark.parametrize(
    ("dtype", "bound"),
    [
        (torch.bfloat16, INF),
        pytest.param(torch.float32, INF, marks=pytest.mark.full),
        pytest.param(torch.float16, INF, marks=pytest.mark.full),
        pytest.param(torch.float32, 0.5, marks=pytest.mark.full),
    ],
)
def test_dynamic_scales_of_tokens(fp8: torch.dtype, dtype: torch.dtype, bound: float) -> None:
    x = difficult_rows(dtype)
    arguments = (x, fp8, "token") + (() if bound == INF else (torch.tensor([bound]),))
    expected, scale = dynamic_oracle(x, fp8, "token", bound)
    y, found = dynamic_quant_fp8.native(*arguments)
    assert_same_bits(y, expected)
    assert_same_bits(found, scale)
    assert found.shape == (12, 1)
    y, found = computed_by_iree(dynamic_quant_fp8, "a row kernel", *arguments)
    assert_same_bits(found, scale)
    assert_nearest(y, expected, x.double() / scale)


@each_format
def test_a_dynamic_scale_of_a_tensor(fp8: torch.dtype) -> None:
    for x in (difficult_rows()[:6], torch.zeros(6, 100), torch.full((6, 100), NAN)):
        expected, scale = dynamic_oracle(x, fp8, "tensor")
        y, found = dynamic_quant_fp8.native(x, fp8, "tensor")
        assert_same_bits(y, expected)
        assert_same_bits(found, scale)
        y, found = computed_by_iree(dynamic_quant_fp8, "traced", x, fp8, "tensor")
        assert_same_bits(found, scale)
        assert_nearest(y, expected, x.double() / scale)


@each_format
@pytest.mark.parametrize(
    ("size", "powers"),
    [
        (32, True),
        pytest.param(32, False, marks=pytest.mark.full),
        pytest.param(100, False, marks=pytest.mark.full),
        pytest.param(128, True, marks=pytest.mark.full),
    ],
)
def test_dynamic_scales_of_groups(fp8: torch.dtype, size: int, powers: bool) -> None:
    x = difficult_rows(torch.bfloat16)
    expected, scale = group_oracle(x, fp8, size, powers=powers)
    y, found = dynamic_group_quant_fp8.native(x, fp8, size, powers)
    assert_same_bits(y, expected)
    assert_same_bits(found, scale)
    form = "traced" if 100 % size or powers else "a row kernel"  # rows cannot be padded first
    y, found = computed_by_iree(dynamic_group_quant_fp8, form, x, fp8, size, powers)
    assert_same_bits(found, scale)
    each = scale.repeat_interleave(size, -1)[:, :100]
    assert_nearest(y, expected, x.double() / each)


def test_powers_of_two_are_exact_beside_a_power() -> None:
    """Where `log2` in float32 rounds to an integer, and for a group of zeros."""
    power = 448 * 2.0**20
    x = torch.tensor([[power], [torch.nextafter(torch.tensor(power), torch.tensor(INF))], [0.0]])
    _, scale = dynamic_group_quant_fp8.native(x, FP8, 1, True)
    assert scale.flatten().tolist() == [2.0**20, 2.0**21, 2.0**-17]


@each_format
@pytest.mark.parametrize(
    "shape",
    [
        (1, 32),
        *(pytest.param(s, marks=pytest.mark.full) for s in ((5, 32), (-1, 32), (12, -1), (1, 1))),
    ],
)
def test_static_scales_of_groups_and_blocks(fp8: torch.dtype, shape: tuple[int, int]) -> None:
    x = difficult_rows()
    rows, columns = (n if size == -1 else size for size, n in zip(shape, x.shape, strict=True))
    scale = torch.rand(-(-12 // rows), -(-100 // columns)) + 0.01
    each = np.kron(scale.numpy(), np.ones((rows, columns), np.float32))[:12, :100]
    expected = rounded(x.numpy() * (1 / each), fp8)
    arguments = (x, scale, fp8, list(shape))
    assert_same_bits(static_group_quant_fp8.native(*arguments), expected)
    if shape != (5, 32):  # a trace cannot have rows and groups of rows of any number
        form = "a row kernel" if shape == (1, 1) or scale.numel() == 1 else "traced"
        actual = computed_by_iree(static_group_quant_fp8, form, *arguments)
        assert_nearest(actual, expected, x.double() / torch.from_numpy(each))
    back = dequant_fp8.native(expected, scale, torch.float32, list(shape))
    numbers = expected.view(torch.uint8).numpy().view(FORMATS[fp8][0]).astype(np.float32)
    assert_same_bits(back, torch.from_numpy(numbers * each))


@each_format
def test_every_byte_is_dequantised(fp8: torch.dtype) -> None:
    every = torch.arange(256).to(torch.uint8).view(16, 16)
    scale = torch.rand(16, 1)
    numbers = every.numpy().view(FORMATS[fp8][0]).astype(np.float32) * scale.numpy()
    arguments = (every.view(fp8), scale, torch.float32)
    assert_same_bits(dequant_fp8.native(*arguments), torch.from_numpy(numbers))
    actual = computed_by_iree(dequant_fp8, "a row kernel", *arguments)
    assert_same_bits(actual, torch.from_numpy(numbers))


def test_integers_are_rounded_to_even_and_have_no_nan() -> None:
    x = difficult_rows(torch.bfloat16)
    wide = x.float().numpy()
    scale = np.maximum(np.abs(wide).max(-1, keepdims=True), np.float32(2**-33)) / np.float32(127)
    with np.errstate(invalid="ignore"):
        steps = np.nan_to_num(np.rint(wide / scale), nan=0.0)
    for y, found in (quant_int8.native(x), computed_by_iree(quant_int8, "a row kernel", x)):
        assert_same_bits(found, torch.from_numpy(scale))
        assert y.dtype == torch.int8
        torch.testing.assert_close(y.float(), torch.from_numpy(steps), atol=1, rtol=0)
        assert (y.float() != torch.from_numpy(steps)).float().mean() < 0.01
    y, found = quant_int8.native(x)
    assert torch.equal(y.float(), torch.from_numpy(steps))
    exact = (y.double() * found.double()).to(torch.bfloat16)
    actual = computed_by_iree(dequant_int8, "a row kernel", y, found, torch.bfloat16)
    for back in (dequant_int8.native(y, found, torch.bfloat16), actual):
        torch.testing.assert_close(back, exact, rtol=0.004, atol=0, equal_nan=True)


X = torch.ones(4, 6)
SCALE = torch.ones(1)
REFUSED: list[tuple[IrOp, tuple[Any, ...], str]] = [
    (static_quant_fp8, (X.double(), SCALE, FP8), "`x` is f64, must be f32 or bf16 or f16"),
    (static_quant_fp8, (X, SCALE.half(), FP8), "`scale` is f16, must be f32"),
    (
        static_quant_fp8,
        (X, torch.ones(4), FP8),
        "`scale` is f32[4], must expand to the shape of `x` f32[4, 6]",
    ),
    (
        static_quant_fp8,
        (X, SCALE, torch.int8),
        "`dtype` is i8, must be f8e4m3fn or f8e4m3fnuz or f8e5m2",
    ),
    (dynamic_quant_fp8, (X, FP8, "row"), "`granularity` is 'row', must be 'token' or 'tensor'"),
    (
        dynamic_quant_fp8,
        (X[:0], FP8, "tensor"),
        "`x` is f32[0, 6], must have at least 1 row for a scale of the tensor",
    ),
    (
        dynamic_quant_fp8,
        (X[:, :0], FP8),
        "`x` is f32[4, 0], must have at least 1 dimension, the last one with at least 1 element",
    ),
    (
        dynamic_quant_fp8,
        (X, FP8, "tensor", SCALE),
        "`scale_ub` is f32[1], must be None for a scale of the tensor",
    ),
    (dynamic_group_quant_fp8, (X, FP8, 0), "`group_size` is 0, must be at least 1"),
    (
        static_group_quant_fp8,
        (X, torch.ones(4, 2), FP8, [1, 2]),
        "`scale` is f32[4, 2], must have the shape [4, 3], one element for each group of `x`",
    ),
    (
        static_group_quant_fp8,
        (X, SCALE, FP8, [2]),
        "`group_shape` is [2], must be two sizes, each at least 1, or -1 for the whole dimension",
    ),
    (
        dequant_fp8,
        (X.to(FP8), torch.ones(4), torch.float32),
        "`scale` is f32[4], must expand to the shape of `x` f8e4m3fn[4, 6]",
    ),
    (dequant_fp8, (X.to(FP8), SCALE, FP8), "`dtype` is f8e4m3fn, must be f32 or bf16 or f16"),
    (quant_int8, (X.int(),), "`x` is i32, must be f32 or bf16 or f16"),
    (dequant_int8, (X, SCALE, torch.float32), "`x` is f32, must be i8"),
]


@pytest.mark.parametrize(("op", "arguments", "message"), REFUSED, ids=lambda v: None)
def test_wrong_arguments_are_refused_in_the_same_words(
    op: IrOp, arguments: tuple[Any, ...], message: str
) -> None:
    assert_refused_everywhere(op, arguments, message)


OPS = (
    static_quant_fp8,
    dynamic_quant_fp8,
    static_group_quant_fp8,
    dynamic_group_quant_fp8,
    dequant_fp8,
    quant_int8,
    dequant_int8,
)


each_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)


@each_op
def test_results_have_the_layout_that_the_meta_function_says(op: IrOp) -> None:
    assert_predicted_layout(op)


@each_op
def test_the_example_is_right(op: IrOp) -> None:
    run_example(op.native, op.name, op)


@pytest.mark.parametrize(
    "op", [static_quant_fp8, dynamic_quant_fp8, static_group_quant_fp8, dynamic_group_quant_fp8]
)
@each_format
def test_numbers_one_step_apart_agree(op: Any, fp8: torch.dtype) -> None:
    """A scale that is rounded otherwise moves the numbers that lie between two."""
    numbers = torch.arange(128, dtype=torch.uint8).view(fp8).double()
    numbers = numbers[numbers.isfinite()]
    torch.testing.assert_close(numbers[:-1], numbers[1:], **op.get_tolerance(fp8))
    with pytest.raises(AssertionError):
        torch.testing.assert_close(numbers[:-2], numbers[2:], **op.get_tolerance(fp8))
