"""Do the ops of quantisation round as their formats say, with scales as their formulas say?

The oracle is numpy in float32, with the eight-bit floats of `ml_dtypes`.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from ir_runtime.layers import CompilationConfig, op_registry, set_compilation_config
from kernels_mlir.quant.dequant_fp8 import dequant_fp8
from kernels_mlir.quant.dequant_int8 import dequant_int8
from kernels_mlir.quant.dynamic_group_quant_fp8 import dynamic_group_quant_fp8
from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
from kernels_mlir.quant.layers import GroupShape, QuantFP8
from kernels_mlir.quant.quant_int8 import quant_int8
from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
from tests.catalogue.checks import (
    assert_predicted_layout,
    assert_refused_everywhere,
    computed_by_iree,
    run_example,
)

FORMATS: dict[torch.dtype, tuple[Any, float]] = {
    torch.float8_e4m3fn: (ml_dtypes.float8_e4m3fn, 448.0),
    torch.float8_e4m3fnuz: (ml_dtypes.float8_e4m3fnuz, 224.0),
    torch.float8_e5m2: (ml_dtypes.float8_e5m2, 57344.0),
}
FP8 = torch.float8_e4m3fn
EVERY_BF16 = torch.arange(65536).to(torch.int16).view(torch.bfloat16).view(256, 256)
NAN, INF = float("nan"), float("inf")
each_format = pytest.mark.parametrize(
    "fp8",
    [pytest.param(f, id=str(f)[6:], marks=() if f == FP8 else pytest.mark.full) for f in FORMATS],
)


def rounded(x: np.ndarray, fp8: torch.dtype) -> Tensor:
    """Clamp and round float32 numbers, as the format says."""
    kind, bound = FORMATS[fp8]
    with np.errstate(invalid="ignore"):
        bits = np.clip(x.astype(np.float32), -bound, bound).astype(kind).view(np.uint8)
    return torch.from_numpy(bits.copy()).view(fp8)


def assert_same_bits(actual: Tensor, expected: Tensor) -> None:
    """Compare all bits, but those of a NaN: formats have several."""
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    is_nan = expected.float().isnan()
    assert torch.equal(actual.float().isnan(), is_nan)
    kind = torch.uint8 if actual.itemsize == 1 else torch.int32
    assert torch.equal(actual.view(kind)[~is_nan], expected.view(kind)[~is_nan])


def assert_nearest(actual: Tensor, expected: Tensor, exact: Tensor) -> None:
    """Compare eight-bit floats that may differ where what was rounded is next to a tie."""
    differ = (actual.float() != expected.float()) & ~expected.float().isnan()
    assert torch.equal(actual.float().isnan(), expected.float().isnan())
    assert differ.double().mean() < 0.01
    off = (actual.double() - exact).abs()[differ]
    torch.testing.assert_close(off, (expected.double() - exact).abs()[differ], rtol=1e-4, atol=0)


def difficult_rows(dtype: torch.dtype = torch.float32, width: int = 100) -> Tensor:
    """Return rows of every size, with zeros of both signs, subnormals, NaN and infinity."""
    x = torch.randn(12, width, generator=torch.Generator().manual_seed(0)).to(dtype)
    x *= 10.0 ** torch.arange(-6.0, 6.0)[:, None].to(dtype)
    x[3], x[4, ::2], x[5] = 0.0, -0.0, x[5] * torch.finfo(dtype).smallest_normal
    x[6, 7], x[7, 9], x[8, 1] = NAN, INF, -INF
    return x


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


def dynamic_oracle(
    x: Tensor, fp8: torch.dtype, granularity: str, bound: float = INF
) -> tuple[Tensor, Tensor]:
    wide, most = x.float().numpy(), FORMATS[fp8][1]
    size = np.abs(wide)
    size = size.max(-1, keepdims=True) if granularity == "token" else size.max().reshape(1)
    scale = np.maximum(np.minimum(size, np.float32(bound)) / np.float32(most), 1 / (most * 512))
    scale = scale.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return rounded(wide * (1 / scale), fp8), torch.from_numpy(scale)


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


def group_oracle(x: Tensor, fp8: torch.dtype, size: int, *, powers: bool) -> tuple[Tensor, Tensor]:
    wide, most = x.float().numpy(), FORMATS[fp8][1]
    n = wide.shape[-1]
    count = -(-n // size)
    groups = np.pad(wide, ((0, 0), (0, count * size - n))).reshape(len(wide), count, size)
    scale = np.abs(groups).max(-1) / np.float32(most)
    scale = np.maximum(scale, 1 / (most * 512)).astype(np.float32)
    if powers:
        fraction, exponent = np.frexp(scale.astype(np.float64))
        power = np.ldexp(1.0, exponent - (fraction == 0.5))
        scale = np.where(np.isfinite(scale), power, scale).astype(np.float32)
    with np.errstate(invalid="ignore"):
        scaled = (groups / scale[..., None]).reshape(len(wide), -1)[:, :n]
    return rounded(scaled, fp8), torch.from_numpy(scale)


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


@pytest.fixture(params=["none", pytest.param("all", marks=pytest.mark.full)])
def custom_ops(request: pytest.FixtureRequest) -> Any:
    with set_compilation_config(CompilationConfig(custom_ops=request.param)):
        yield request.param


def test_the_layer_has_the_seeds_name() -> None:
    assert op_registry["quant_fp8"] is QuantFP8


def test_the_layer_shapes_scales_by_its_groups(custom_ops: str) -> None:
    x = difficult_rows()[:6, :64]
    x[:] = torch.linspace(-3, 3, x.numel()).view(6, 64)
    token, channel = torch.rand(6) + 0.1, torch.rand(64) + 0.1
    for shape, scale, seen in (
        (GroupShape.PER_TENSOR, torch.tensor(0.5), torch.tensor(0.5)),
        (GroupShape.PER_TOKEN, token, token[:, None]),
        (GroupShape.PER_TOKEN, torch.tensor([0.5]), torch.tensor([[0.5]])),
        (GroupShape.PER_CHANNEL, channel, channel[None]),
    ):
        y, found = QuantFP8(True, shape)(x, scale)
        assert torch.equal(found, seen)
        expected = static_quant_fp8.native(x, seen, FP8)
        assert_nearest(y, expected, x.double() / seen)
    blocks = torch.rand(3, 2) + 0.1
    y, found = QuantFP8(True, (2, 32))(x, blocks)
    assert found is blocks
    assert torch.equal(y.float(), static_group_quant_fp8.native(x, blocks, FP8, [2, 32]).float())
    with pytest.raises(ArgumentError, match=r"`scale` is f32\[6\], must have 2 dimensions"):
        QuantFP8(True, (2, 32))(x, token)


def test_the_layer_computes_scales_pads_and_transposes(custom_ops: str) -> None:
    x = torch.linspace(-3, 3, 6 * 64).view(6, 64)
    y, scale = QuantFP8(False, GroupShape.PER_TOKEN, num_token_padding=9)(x)
    assert y.shape == (9, 64)
    assert scale.shape == (6, 1)
    assert not y[6:].view(torch.uint8).any()
    expected, _ = dynamic_oracle(x, FP8, "token")
    assert_nearest(y[:6], expected, x.double() / scale)
    y, scale = QuantFP8(False, GroupShape.PER_TENSOR)(x)
    assert scale.shape == (1,)
    layer = QuantFP8(False, (1, 32), 9, True, True)
    y, scale = layer(x)
    assert (y.shape, scale.shape, scale.stride()) == ((6, 64), (6, 2), (1, 6))
    assert torch.equal(scale, group_oracle(x, FP8, 32, powers=True)[1])
    assert layer.state_dict() == {}


def test_the_layer_refuses_what_it_cannot_do() -> None:
    def message(make: Any) -> str:
        with pytest.raises(ArgumentError) as caught:
            make()
        return str(caught.value).removeprefix("quant_fp8: ")

    static, dynamic = (
        lambda *a, **k: QuantFP8(True, *a, **k),
        lambda *a, **k: QuantFP8(False, *a, **k),
    )
    token = GroupShape.PER_TOKEN
    assert message(lambda: static(token)(X)) == "`scale` is None, must be a tensor"
    assert message(lambda: dynamic(token)(X, SCALE)).startswith("`scale` is f32[1], must be None")
    assert message(lambda: static(token)(X, SCALE, SCALE)).startswith("`scale_ub` is f32[1]")
    wanted = "must be per tensor, per token or (1, group size) for dynamic scales"
    assert message(lambda: dynamic((2, 3))) == f"`group_shape` is (2, 3), {wanted}"
    assert message(lambda: dynamic((-1, 1))) == f"`group_shape` is (-1, 1), {wanted}"
    assert message(lambda: static((0, 3))).startswith("`group_shape` is (0, 3), must have sizes")
    assert message(lambda: static(token, use_ue8m0=True)).startswith("`use_ue8m0` is True")
    assert message(lambda: static(token, dtype=torch.int8)).startswith("`dtype` is i8, must be f8")
