"""Does rotary_embedding turn what it should, and refuse what it cannot turn?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError, MixedDeviceError
from kernels_mlir import rotary_embedding
from kernels_mlir.rope.rotary_embedding import native_rotary_embedding
from tests.cases import DTYPES, widen
from tests.full_inputs import KERNEL_INPUTS
from tests.sampling import covering

LENGTH = 20
FULL_INPUTS = KERNEL_INPUTS

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype_info(dtype).short)
each_style = pytest.mark.parametrize("neox", [True, False], ids=["neox", "gptj"])


def cache_of(dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return cosines and sines of angles that grow with the position, as models have them."""
    frequencies = 10000.0 ** (-torch.arange(0, dim, 2) / dim)
    angles = torch.arange(LENGTH)[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), dim=-1).to(dtype)


def arguments_for(
    *, size: int = 16, dim: int = 16, neox: bool = True, dtype: torch.dtype = torch.float32
) -> list[Any]:
    """Return the arguments of a call: 5 tokens, 3 heads of a query and 1 of a key."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(5, 3 * size, generator=generator).to(dtype)
    key = torch.randn(5, size, generator=generator).to(dtype)
    positions = torch.tensor([0, 19, 3, 3, 7])
    return [positions, query, key, size, dim, cache_of(dim, dtype), neox]


def assert_as_native(arguments: list[Any]) -> None:
    exact = native_rotary_embedding(*widen(tuple(arguments)))
    for actual, expected in zip(rotary_embedding(*arguments), exact, strict=True):
        info = dtype_info(actual.dtype)
        torch.testing.assert_close(actual.double(), expected, atol=info.atol, rtol=info.rtol)


@covering(
    head=((2, 2), (7, 2), (64, 64), (80, 66), (128, 128), (130, 96), (256, 194)),
    dtype=DTYPES,
    neox=(True, False),
)
def test_heads_of_any_size_are_turned(
    head: tuple[int, int], dtype: torch.dtype, neox: bool
) -> None:
    """Halves of less than a vector, of one, of several, and some more elements."""
    size, dim = head
    assert_as_native(arguments_for(size=size, dim=dim, neox=neox, dtype=dtype))


@each_style
def test_turning_keeps_lengths_and_turns_by_differences(neox: bool) -> None:
    """What the op is for: a query and a key meet as their distance says."""
    query, key = torch.randn(2, 1, 32, generator=torch.Generator().manual_seed(1)).unbind()
    cache = cache_of(32)

    def product(position_of_query: int, position_of_key: int) -> Tensor:
        turned = [
            rotary_embedding(torch.tensor([position]), x, None, 32, 32, cache, neox)[0]
            for position, x in ((position_of_query, query), (position_of_key, key))
        ]
        torch.testing.assert_close(turned[0].norm(), query.norm())
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(product(3, 1), product(19, 17))
    assert not torch.isclose(product(3, 1), product(3, 2))


@each_style
def test_elements_beyond_the_turned_ones_keep_their_bits(neox: bool) -> None:
    arguments = arguments_for(size=48, dim=16, neox=neox)
    for before, after in zip(arguments[1:3], rotary_embedding(*arguments), strict=True):
        heads = [x.unflatten(-1, (-1, 48)) for x in (before, after)]
        assert torch.equal(heads[0][..., 16:], heads[1][..., 16:])
        assert not torch.equal(heads[0][..., :16], heads[1][..., :16])


def test_query_and_key_in_one_call_are_those_of_two() -> None:
    positions, query, key, *rest = arguments_for()
    with count_since() as counts:
        both = rotary_embedding(positions, query, key, *rest)
    assert counts[0].launches <= 1
    alone, nothing = rotary_embedding(positions, query, None, *rest)
    assert nothing is None
    assert torch.equal(both[0], alone)
    assert torch.equal(both[1], rotary_embedding(positions, key, None, *rest)[0])


@each_dtype
def test_a_wider_cache_is_rounded_to_the_dtype_of_the_query(dtype: torch.dtype) -> None:
    arguments = arguments_for(dtype=dtype)
    rounded = rotary_embedding(*arguments)
    arguments[5] = cache_of(16)
    for actual, expected in zip(rotary_embedding(*arguments), rounded, strict=True):
        assert torch.equal(actual, expected)


@each_dtype
def test_heads_apart_are_heads_in_a_row(dtype: torch.dtype) -> None:
    arguments = arguments_for(dtype=dtype)
    flat = rotary_embedding(*arguments)
    arguments[1:3] = [x.unflatten(-1, (-1, 16)) for x in arguments[1:3]]
    apart = rotary_embedding(*arguments)
    assert apart[0].shape == (5, 3, 16)
    assert apart[1].shape == (5, 1, 16)
    for one, other in zip(flat, apart, strict=True):
        assert torch.equal(one, other.flatten(-2))


def test_one_position_turns_one_token() -> None:
    positions, query, key, *rest = arguments_for()
    every = rotary_embedding(positions, query, key, *rest)
    one = rotary_embedding(positions[1], query[1], key[1].unflatten(-1, (1, 16)), *rest)
    assert torch.equal(one[0], every[0][1])
    assert torch.equal(one[1], every[1][1][None])


def test_positions_of_any_layout() -> None:
    arguments = arguments_for()
    expected = rotary_embedding(*arguments)
    arguments[0] = torch.stack((arguments[0], arguments[0] + 1), dim=1)[:, 0]
    assert not arguments[0].is_contiguous()
    for actual, wanted in zip(rotary_embedding(*arguments), expected, strict=True):
        assert torch.equal(actual, wanted)


@each_dtype
@each_style
def test_nan_stays_in_its_pair(dtype: torch.dtype, neox: bool) -> None:
    arguments = arguments_for(neox=neox, dtype=dtype)
    clean = rotary_embedding(*arguments)[0]
    arguments[1][2, 16 + 5] = float("nan")
    result = rotary_embedding(*arguments)[0]
    pair = [16 + 5, 16 + 13] if neox else [16 + 4, 16 + 5]
    assert result[2, pair].isnan().all()
    arguments[1][2, 16 + 5] = clean[2, pair] = result[2, pair] = 0
    assert torch.equal(result, clean)


def test_gradients_of_both() -> None:
    arguments = arguments_for(size=24, dim=16)
    leaves = [x.requires_grad_() for x in arguments[1:3]]
    weights = [torch.linspace(-1, 1, x.numel()).view(x.shape) for x in leaves]
    actual = torch.autograd.grad(rotary_embedding(*arguments), leaves, weights)
    exact = torch.autograd.grad(native_rotary_embedding(*arguments), leaves, weights)
    torch.testing.assert_close(actual, exact)


@pytest.mark.parametrize("position", [-1, LENGTH, -(2**63), 2**63 - 1])
def test_position_outside_of_the_cache_is_refused(position: int) -> None:
    arguments = arguments_for()
    expected = rotary_embedding(*arguments)
    arguments[0] = torch.tensor([0, 1, position, 2, 3])
    with pytest.raises(IndexOutOfRangeError) as caught:
        rotary_embedding(*arguments)
    assert str(caught.value) == (
        f"rotary_embedding: `positions` has {position}, must be in 0..19 for a dimension of size 20"
    )
    arguments[0] = torch.tensor([0, 19, 3, 3, 7])
    assert torch.equal(rotary_embedding(*arguments)[0], expected[0])


def test_position_outside_of_the_cache_is_refused_in_a_compiled_call() -> None:
    torch._dynamo.reset()
    arguments = arguments_for()
    compiled = torch.compile(rotary_embedding, fullgraph=True)
    for actual, expected in zip(compiled(*arguments), rotary_embedding(*arguments), strict=True):
        assert torch.equal(actual, expected)
    arguments[0] = torch.tensor([0, 1, 20, 2, 3])
    with pytest.raises(IndexOutOfRangeError, match="`positions` has 20, must be in"):
        compiled(*arguments)
    torch._dynamo.reset()


def refusals() -> Iterator[tuple[int, Any, str]]:
    """Yield the place of an argument, a bad value, and what is said of it."""
    positions, query, key, *_ = arguments_for()
    floats = "must be f32 or bf16 or f16"
    shape = "must have the dimensions of `positions` i64[5], and then heads of 16"
    rows = "must have rows of 16, as `rotary_dim`, and at least one"
    yield 0, positions.int(), "`positions` is i32[5], must be i64"
    yield 0, positions.float(), "`positions` is f32, must be i64 or i32"
    yield 0, positions[:4], "`query` is f32[5, 48], " + shape.replace("5", "4")
    yield 1, query.double(), f"`query` is f64[5, 48], {floats}"
    yield 1, query[:, 1:], f"`query` is f32[5, 47], {shape}"
    yield 1, query[:4], f"`query` is f32[4, 48], {shape}"
    yield 1, query[:, :0], f"`query` is f32[5, 0], {shape}"
    yield 1, query.view(5, 2, 24), f"`query` is f32[5, 2, 24], {shape}"
    yield 1, query.view(5, 1, 3, 16), f"`query` is f32[5, 1, 3, 16], {shape}"
    yield 1, query[:, 0], f"`query` is f32[5], {shape}"
    yield 2, key.half(), "`key` is f16[5, 16], must be f32"
    yield 2, key[:, :8], f"`key` is f32[5, 8], {shape}"
    for dim in (0, -2, 3, 18):
        yield 4, dim, f"`rotary_dim` is {dim}, must be even and in 2..16, the head size"
    cache = cache_of(16)
    yield 5, cache[:, 1:], f"`cos_sin_cache` is f32[20, 15], {rows}"
    yield 5, cache[:0], f"`cos_sin_cache` is f32[0, 16], {rows}"
    yield (
        5,
        cache[0],
        "`cos_sin_cache` is f32[16], must have rows of 16, as `rotary_dim`, and at least one",
    )
    yield 5, cache.long(), f"`cos_sin_cache` is i64, {floats} or f64"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [pytest.param(*refusal, id=refusal[2].partition(", must")[0]) for refusal in refusals()],
)
def test_refusal(place: int, value: Any, message: str) -> None:
    arguments = arguments_for()
    expected = rotary_embedding(*arguments)
    bad = [*arguments]
    bad[place] = value
    with pytest.raises(ArgumentError) as caught:
        rotary_embedding(*bad)
    assert str(caught.value) == f"rotary_embedding: {message}"
    assert torch.equal(rotary_embedding(*arguments)[0], expected[0])


def test_tensors_on_two_devices_are_refused() -> None:
    arguments = arguments_for()
    arguments[5] = arguments[5].to("meta")
    with pytest.raises(MixedDeviceError):
        rotary_embedding(*arguments)
