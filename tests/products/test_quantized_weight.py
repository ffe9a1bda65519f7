"""Are weights in 8 and 4 bits what their formulas say, also those of checkpoints?

The oracle of checkpoints is numpy: it writes their words, and dequantises their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from kernels_mlir.matmul.checkpoint import from_awq, from_gptq
from kernels_mlir.matmul.quantized_layout import (
    pack_numbers,
    pack_words,
    unpack_numbers,
    unpack_words,
)
from kernels_mlir.matmul.quantized_weight import (
    QuantizedWeight,
    default_group_size,
    pack_int4,
    pack_int8,
    quantize_weight_int4,
    quantize_weight_int8,
)

AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "k"), [(1, 1), (31, 7), (32, 8), (33, 9), (70, 96)])
def test_layouts_keep_every_number(n: int, k: int) -> None:
    generator = torch.Generator().manual_seed(0)
    bytes_ = torch.randint(-128, 128, (n, k), dtype=torch.int8, generator=generator)
    packed = pack_numbers(bytes_)
    assert packed.shape == (-(-n // 32), k + k % 2, 32)
    assert torch.equal(unpack_numbers(packed, n, k), bytes_)
    nibbles = torch.randint(-8, 8, (n, k), dtype=torch.int8, generator=generator)
    words = pack_words(nibbles)
    assert (words.dtype, words.shape) == (torch.int32, (-(-n // 32), -(-k // 8), 32))
    assert torch.equal(unpack_words(words, n, k), nibbles)


def test_a_word_has_even_neighbours_low_and_odd_ones_high() -> None:
    """The layout is part of saved models."""
    word = int(pack_words(torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]], dtype=torch.int8))[0, 0, 0])
    assert word == 0x75316420


@pytest.mark.parametrize("group", [None, 32, 96])
def test_int8_is_within_half_a_scale(group: int | None) -> None:
    weight = draw(45, 96)
    packed = quantize_weight_int8(weight, group)
    grouped = weight.view(45, -1, group or 96)
    bound = grouped.abs().amax(-1, keepdim=True) / 127 / 2
    error = (packed.dequantize(torch.float64).view_as(grouped) - grouped).abs()
    assert (error <= bound * (1 + 1e-6)).all()
    assert packed.group_size == (group or 96)
    assert packed.nbytes == packed.weight.nbytes + packed.scale.nbytes


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group", [None, 32])
def test_int4_is_within_half_a_scale(group: int | None, symmetric: bool) -> None:
    weight = draw(45, 192) + (0.0 if symmetric else 0.7)
    packed = quantize_weight_int4(weight, group, symmetric=symmetric)
    assert packed.group_size == (group or 64)
    assert (packed.zero is None) == symmetric
    grouped = weight.view(45, -1, packed.group_size)
    least, most = grouped.amin(-1, keepdim=True), grouped.amax(-1, keepdim=True)
    span = grouped.abs().amax(-1, keepdim=True) / 7.5 if symmetric else (most - least) / 15
    error = (packed.dequantize(torch.float64).view_as(grouped) - grouped).abs()
    assert (error <= span * (0.5 if symmetric else 1.0) * 1.06).all()  # scales are bf16


def plainly(bits: int, weight: Tensor, size: int, *, symmetric: bool) -> QuantizedWeight:
    """Round by the formulas of the docstrings, all rows at once."""
    groups = weight.float().unflatten(1, (-1, size))
    least, most = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
    span = groups.abs().amax(-1) / (127 if bits == 8 else 7.5) if symmetric else (most - least) / 15
    scale = span if bits == 8 else span.bfloat16()
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    numbers = (groups / scale.float()[..., None]).round()
    if bits == 8:
        return pack_int8(numbers.to(torch.int8).flatten(1), scale)
    if symmetric:
        return pack_int4(numbers.clamp(-8, 7).to(torch.int8).flatten(1), scale)
    zero = (-least / scale.float()).round().clamp(0, 15)
    numbers = (numbers + zero[..., None]).clamp(0, 15) - 8
    return pack_int4(numbers.to(torch.int8).flatten(1), scale, (zero - 8).to(torch.int8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("n", "k", "size"), [(1, 32, 32), (31, 96, 32), (33, 40, 40), (150, 64, 32), (97, 7, 7)]
)
def test_numbers_are_those_of_the_formulas(
    n: int, k: int, size: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels_mlir.matmul.rounding.CHUNK", 64 * 64)
    weight = draw(n, k).to(dtype)
    weight[n // 2] = 0
    found = (
        (quantize_weight_int8(weight, size), plainly(8, weight, size, symmetric=True)),
        (quantize_weight_int4(weight, size), plainly(4, weight, size, symmetric=True)),
        (
            quantize_weight_int4(weight, size, symmetric=False),
            plainly(4, weight, size, symmetric=False),
        ),
    )
    for mine, plain in found:
        assert torch.equal(mine.weight, plain.weight)
        assert torch.equal(mine.scale, plain.scale)
        assert mine.zero is plain.zero is None or torch.equal(mine.zero, plain.zero)


@pytest.mark.parametrize("quantise", [quantize_weight_int8, quantize_weight_int4])
@pytest.mark.parametrize("n", [16, 45, 150])
def test_a_gate_has_the_numbers_of_both_weights(
    quantise: Callable[..., QuantizedWeight], n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels_mlir.matmul.rounding.CHUNK", 64 * 64)
    gate, up = draw(n, 64), draw(n, 64, seed=1)
    both = torch.cat([quantise(w, 32).dequantize() for w in (gate, up)])
    assert torch.equal(quantise(gate, 32, up=up).dequantize(), both)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, up = draw(150, 64), draw(150, 64, seed=1)
    whole = quantize_weight_int4(weight, 32, up=up)
    monkeypatch.setattr("kernels_mlir.matmul.rounding.CHUNK", 64 * 64)
    parts = quantize_weight_int4(weight, 32, up=up)
    assert torch.equal(parts.weight, whole.weight)
    assert torch.equal(parts.scale, whole.scale)
    both = torch.cat([quantize_weight_int4(w, 32).dequantize() for w in (weight, up)])
    assert torch.equal(parts.dequantize(), both)


@pytest.mark.parametrize("quantise", [quantize_weight_int8, quantize_weight_int4])
def test_strides_do_not_show(quantise: Callable[..., QuantizedWeight]) -> None:
    weight = draw(128, 45).T
    wanted = quantise(weight.contiguous(), 32)
    found = quantise(weight, 32), quantise(draw(50, 256)[5:, ::2].copy_(weight), 32)
    for packed in found:
        assert torch.equal(packed.weight, wanted.weight)
        assert torch.equal(packed.scale, wanted.scale)


def test_numbers_that_are_quantised_already() -> None:
    numbers, scale = (draw(2, 33, 64) * 30).to(torch.int8), draw(2, 33, 2).abs()
    packed = pack_int8(numbers[0], scale[0], up=(numbers[1], scale[1]))
    expected = numbers.double().unflatten(2, (2, 32)) * scale.double()[..., None]
    assert torch.equal(packed.dequantize(torch.float64), expected.flatten(2).flatten(0, 1))


def test_a_group_of_zeros_stays_zero() -> None:
    weight = draw(33, 64)
    weight[:, :32] = 0
    for packed in (quantize_weight_int8(weight, 32), quantize_weight_int4(weight, 32)):
        assert not packed.dequantize()[:, :32].any()


@pytest.mark.parametrize(
    ("bits", "k", "expected"),
    [(8, 96, None), (4, 384, 128), (4, 192, 64), (4, 96, 32), (4, 40, None)],
)
def test_default_groups(bits: int, k: int, expected: int | None) -> None:
    assert default_group_size(bits, k) == expected


def words_of(numbers: np.ndarray[Any, Any], order: tuple[int, ...]) -> Tensor:
    """Write eight numbers of the last dimension in a word: place `i` has number `order[i]`."""
    grouped = numbers.reshape(*numbers.shape[:-1], -1, 8).astype(np.uint32)
    words = np.zeros(grouped.shape[:-1], np.uint32)
    for place, number in enumerate(order):
        words |= grouped[..., number] << np.uint32(4 * place)
    return torch.from_numpy(words.view(np.int32).copy())


def checkpoint(k: int, n: int, groups: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Return numbers `[k, n]`, zeros and scales `[groups, n]`."""
    generator = np.random.default_rng(0)
    numbers = generator.integers(0, 16, (k, n))
    zeros = generator.integers(1, 16, (groups, n))
    scales = generator.uniform(0.001, 0.1, (groups, n)).astype(np.float16)
    return numbers, zeros, scales


@pytest.mark.parametrize("zero_offset", [1, 0])
@pytest.mark.parametrize("ordered", [True, False])
def test_gptq_words(ordered: bool, zero_offset: int) -> None:
    k, n, groups = 128, 40, 4
    numbers, zeros, scales = checkpoint(k, n, groups)
    g_idx = np.repeat(np.arange(groups), k // groups)
    if not ordered:
        g_idx = np.random.default_rng(1).permutation(g_idx)
    qweight = words_of(numbers.T, tuple(range(8))).T.contiguous()
    qzeros = words_of(zeros - zero_offset, tuple(range(8)))
    packed, order = from_gptq(
        qweight, qzeros, torch.from_numpy(scales), torch.from_numpy(g_idx), zero_offset=zero_offset
    )
    expected = (numbers - zeros[g_idx]) * scales[g_idx].astype(np.float64)
    assert (order is None) == ordered
    turn = torch.arange(k) if order is None else order
    assert np.array_equal(packed.dequantize(torch.float64).numpy(), expected.T[:, turn])
    x = draw(3, k).double()
    result = packed.linear(x[:, turn])
    np.testing.assert_allclose(result.numpy(), x.numpy() @ expected, rtol=1e-12, atol=1e-12)


def test_awq_words() -> None:
    k, n, groups = 128, 40, 2
    numbers, zeros, scales = checkpoint(k, n, groups)
    qweight, qzeros = (words_of(a, AWQ_ORDER) for a in (numbers, zeros))
    packed = from_awq(qweight, qzeros, torch.from_numpy(scales))
    each = np.repeat(np.arange(groups), k // groups)
    expected = (numbers - zeros[each]) * scales[each].astype(np.float64)
    assert np.array_equal(packed.dequantize(torch.float64).numpy(), expected.T)
    assert packed.scale.dtype == torch.float16


def test_zeros_in_the_middle_need_no_tensor() -> None:
    k, n = 32, 8
    numbers, _, scales = checkpoint(k, n, 1)
    packed = from_awq(
        words_of(numbers, AWQ_ORDER), words_of(np.full((1, n), 8), AWQ_ORDER),
        torch.from_numpy(scales),
    )  # fmt: skip
    assert packed.zero is None


WORDS, ZEROS, SCALES = (
    torch.zeros(16, 40, dtype=torch.int32),
    torch.zeros(4, 5, dtype=torch.int32),
    torch.ones(4, 40, dtype=torch.float16),
)
W = draw(8, 96)
REFUSED: dict[str, tuple[Any, str]] = {
    "group": (
        lambda: quantize_weight_int8(W, 40),
        (
            "quantize_weight_int8: `group_size` is 40, must be a multiple of 32 that divides 96, "
            "the row of `weight`, or 96"
        ),
    ),
    "rank": (
        lambda: quantize_weight_int4(W[0]),
        (
            "quantize_weight_int4: `weight` is f32[96], must be a matrix of f32, bf16 or f16 "
            "with at least 1 element"
        ),
    ),
    "dtype": (
        lambda: quantize_weight_int4(W.double()),
        (
            "quantize_weight_int4: `weight` is f64[8, 96], must be a matrix of f32, bf16 or f16 "
            "with at least 1 element"
        ),
    ),
    "up": (
        lambda: quantize_weight_int8(W, up=W[:4]),
        (
            "quantize_weight_int8: `up` is f32[4, 96], must have the shape and dtype of `weight` "
            "f32[8, 96]"
        ),
    ),
    "infinite": (
        lambda: quantize_weight_int8(W / 0),
        "quantize_weight_int8: `weight` has an element that is not finite, must have none",
    ),
    "scale": (
        lambda: quantize_weight_int4(W * 1e9, scale_dtype=torch.float16),
        (
            "quantize_weight_int4: `weight` has scales up to 5.47e+08, must have scales that "
            "f16 can hold\n  fix: choose another `scale_dtype`"
        ),
    ),
    "numbers": (
        lambda: pack_int4(torch.full((4, 32), 9, dtype=torch.int8), torch.ones(4, 1)),
        "pack_int4: `numbers` has numbers from 9 to 9, must be in -8..7",
    ),
    "numbers' dtype": (
        lambda: pack_int8(torch.ones(4, 32), torch.ones(4, 1)),
        "pack_int8: `numbers` is f32[4, 32], must be a matrix of i8 with at least 1 element",
    ),
    "numbers' scales": (
        lambda: pack_int8(torch.ones(4, 96, dtype=torch.int8), torch.ones(4, 2)),
        (
            "pack_int8: `scale` is f32[4, 2], must be f32, bf16 or f16 of the shape [4, groups], "
            "with groups of a multiple of 32 that divides 96, or one"
        ),
    ),
    "numbers' zeros": (
        lambda: pack_int4(torch.ones(4, 32, dtype=torch.int8), torch.ones(4, 1), torch.ones(4, 1)),
        ("pack_int4: `zero` is f32[4, 1], must be i8 of the shape of `scale` f32[4, 1]"),
    ),
    "numbers of the factor": (
        lambda: pack_int8(
            torch.ones(4, 32, dtype=torch.int8),
            torch.ones(4, 1),
            up=(torch.ones(5, 32, dtype=torch.int8), torch.ones(5, 1)),
        ),
        ("pack_int8: `up` is i8[5, 32] and f32[5, 1], must be i8[4, 32] and f32[4, 1] as the gate"),
    ),
    "words": (
        lambda: from_gptq(WORDS.long(), ZEROS, SCALES),
        "from_gptq: `qweight` is i64[16, 40], must be a matrix of i32 words",
    ),
    "zeros": (
        lambda: from_gptq(WORDS, ZEROS[:, :4], SCALES),
        (
            "from_gptq: `scales` is f16[4, 40] and `qzeros` i32[4, 4], must be [groups, 40] and "
            "[groups, 5] for a `qweight` of 40 outputs, a multiple of 8"
        ),
    ),
    "groups": (
        lambda: from_gptq(WORDS, ZEROS.repeat(2, 1), SCALES.repeat(2, 1)),
        (
            "from_gptq: `scales` has 8 groups of 128 inputs, must have groups of a multiple of 32 "
            "inputs, or one"
        ),
    ),
    "g_idx range": (
        lambda: from_gptq(WORDS, ZEROS, SCALES, torch.full((128,), 4)),
        "from_gptq: `g_idx` has groups from 4 to 4, must be in 0..3, the rows of `scales`",
    ),
    "g_idx sizes": (
        lambda: from_gptq(WORDS, ZEROS, SCALES, torch.zeros(128, dtype=torch.int32)),
        "from_gptq: `g_idx` has groups of 0 to 128 inputs, must have 32 inputs in each of 4 groups",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


def test_packed_weight_says_its_group() -> None:
    packed: QuantizedWeight = quantize_weight_int4(draw(40, 256))
    assert (packed.group_size, packed.bits, packed.gated) == (128, 4, False)
