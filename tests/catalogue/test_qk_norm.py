"""Norms of heads of queries and keys, alone and before a rotation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime import ir
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.ir import IrOp
from tests.catalogue.battery import check_op, in_stretches
from tests.full_inputs import KERNEL_INPUTS

F32, BF16 = torch.float32, torch.bfloat16
FULL_INPUTS = (*KERNEL_INPUTS, "tests/catalogue")
SIZE, ROTATED, POSITIONS, EPSILON = 16, 12, 40, 1e-5
QUERY_HEADS, KEY_HEADS = 4, 2
STRETCHES = (
    (-1, 1),
    (0, 1),
    (-1e-3, 1e-3),
    (-1e-8, 1e-8),
    (-10, 10),
    (90, 110),
    (-1e4, 1e4),
    (0, 3),
)


def tensors(dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return queries, keys, their weights, and the cache of the rotation."""
    generator = torch.Generator().manual_seed(5)
    query = in_stretches(STRETCHES, dtype, width=QUERY_HEADS * SIZE)
    key = in_stretches(STRETCHES, dtype, width=KEY_HEADS * SIZE)
    weights = torch.randn(2, SIZE, generator=generator).to(dtype)
    angles = torch.randn(POSITIONS, ROTATED // 2, generator=generator)
    return query, key, *weights, torch.cat((angles.cos(), angles.sin()), -1).to(dtype)


def normed(x: Tensor, weight: Tensor) -> Tensor:
    heads = x.unflatten(-1, (-1, SIZE))
    return functional.rms_norm(heads, (SIZE,), weight, EPSILON)


def turned(heads: Tensor, angles: Tensor, *, neox: bool) -> Tensor:
    """Rotate pairs of channels as complex numbers."""
    part, rest = heads[..., :ROTATED], heads[..., ROTATED:]
    pairs = part.unflatten(-1, (2, -1)).mT if neox else part.unflatten(-1, (-1, 2))
    cos, sin = angles.chunk(2, -1)
    turn = torch.complex(cos, sin).unsqueeze(-2)
    found = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
    return torch.cat(((found.mT if neox else found).flatten(-2), rest), -1)


@pytest.mark.parametrize("neox", [True, False])
@pytest.mark.parametrize("apart", [True, False], ids=["heads apart", "heads in rows"])
def test_native_norms_and_rotates_each_head(neox: bool, apart: bool):
    query, key, query_weight, key_weight, cache = (t.double() for t in tensors(F32))
    positions = torch.randint(POSITIONS, query.shape[:-1])
    wanted = [normed(query, query_weight), normed(key, key_weight)]
    given = [x.unflatten(-1, (-1, SIZE)) if apart else x for x in (query, key)]
    weights = (query_weight, key_weight, EPSILON)
    for found, heads, x in zip(ir.ops.qk_norm.native(*given, *weights), wanted, given, strict=True):
        torch.testing.assert_close(found, heads.reshape(x.shape))
    found = ir.ops.qk_norm_rope.native(positions, *given, *weights, cache, neox)
    for one, heads, x in zip(found, wanted, given, strict=True):
        rotated = turned(heads, cache[positions], neox=neox)
        torch.testing.assert_close(one, rotated.reshape(x.shape))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("qk_norm", F32),
        ("qk_norm_rope", BF16),
        pytest.param("qk_norm", BF16, marks=pytest.mark.full),
        pytest.param("qk_norm_rope", F32, marks=pytest.mark.full),
    ],
)
def test_kernel_is_about_as_exact_as_native(name: str, dtype: torch.dtype):
    query, key, query_weight, key_weight, cache = tensors(dtype)
    arguments: tuple[Any, ...] = (query, key, query_weight, key_weight, EPSILON)
    if name == "qk_norm_rope":
        positions = torch.arange(query.shape[0] * query.shape[1]) % POSITIONS
        arguments = (positions.view(query.shape[:-1]), *arguments, cache)
    check_op(IrOp.registry[name], [arguments], form="a row kernel")


def test_gradients_reach_queries_keys_and_weights():
    """Derived from native; positions and the cache have none."""
    query, key, query_weight, key_weight, cache = tensors(F32)
    positions = torch.arange(8 * 32).view(8, 32) % POSITIONS

    def gradients(function: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
        mine = [t.detach().requires_grad_() for t in inputs]
        return torch.autograd.grad(sum(r.square().sum() for r in function(*mine)), mine)

    def by_op(q: Tensor, k: Tensor, *weights: Tensor) -> Any:
        return ir.ops.qk_norm_rope(positions, q, k, *weights, EPSILON, cache)

    def by_torch(q: Tensor, k: Tensor, *weights: Tensor) -> Any:
        heads = (normed(x, w) for x, w in zip((q, k), weights, strict=True))
        return [turned(h, cache.double()[positions], neox=True) for h in heads]

    near = slice(0, 1)  # the first stretch
    positions = positions[near]
    inputs = (query[near], key[near], query_weight, key_weight)
    with ir.ops.qk_norm_rope.set_priority(["native"]):
        found = gradients(by_op, *inputs)
    exact = gradients(by_torch, *(t.double() for t in inputs))
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


def wrong_calls() -> list[tuple[tuple[Any, ...], str]]:
    query, key, weight, other, cache = (t[0] if t.ndim == 3 else t for t in tensors(F32))
    at = torch.zeros(len(query), dtype=torch.int64)
    good = (at, query, key, weight, other, EPSILON, cache)

    def but(index: int, value: Any) -> tuple[Any, ...]:
        return (*good[:index], value, *good[index + 1 :])

    return [
        (but(0, at.float()), "`positions` is f32, must be i64 or i32"),
        (but(1, query[:, :-1]), "`query` is f32[32, 63], must consist of heads of 16"),
        (but(2, key[:3]), "`key` is f32[3, 32], must have the dimensions of `positions` i64[32]"),
        (but(3, weight[None]), "`query_weight` is of rank 2, must be of rank 1"),
        (but(4, other[:8]), "`key_weight` is f32[8], must be as long as `query_weight`"),
        (
            but(6, cache[:, :5]),
            "`cos_sin_cache` is f32[40, 5], must be at least one row of",
        ),
    ]


@pytest.mark.parametrize(
    ("call", "said"), wrong_calls(), ids=lambda v: v[:40] if isinstance(v, str) else None
)
def test_wrong_arguments_are_refused_before_a_kernel_is_made(call: tuple[Any, ...], said: str):
    on_meta = tuple(a.to("meta") if isinstance(a, Tensor) else a for a in call)
    for given in (call, on_meta):
        with pytest.raises(ArgumentError) as caught:
            ir.ops.qk_norm_rope(*given)
        assert caught.value.headline.startswith(f"qk_norm_rope: {said}")


@pytest.mark.parametrize("position", [-1, POSITIONS])
@pytest.mark.parametrize("provider", ["native", "iree"])
def test_position_without_a_row_is_refused(provider: str, position: int):
    query, key, weight, other, cache = tensors(BF16)
    at = torch.zeros(query.shape[:-1], dtype=torch.int64)
    at[1, 3] = position
    with (
        ir.ops.qk_norm_rope.set_priority([provider, "native"]),
        pytest.raises(IndexOutOfRangeError, match=f"`positions` has {position}, must be in 0..39"),
    ):
        ir.ops.qk_norm_rope(at, query, key, weight, other, EPSILON, cache)
