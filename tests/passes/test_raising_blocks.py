"""Rotations of query and key, sums that are normed, and attention become ops."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.passes.raised import raised
from tests.passes.test_raising_norms import gemma, llama, rows

OPS = torch.ops.ir_runtime


def rotate_half(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def rotate_chunks(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), -1)


def rotary(
    q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, half: Callable[[Tensor], Tensor] = rotate_half
) -> tuple[Tensor, Tensor]:
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return q * cos + half(q) * sin, k * cos + half(k) * sin


def full(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return rotary(q, k, cos, sin)


def of_chunks(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return rotary(q, k, cos, sin, rotate_chunks)


def partial(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    n = 4
    q_part, k_part = rotary(q[..., :n], k[..., :n], cos[..., :n], sin[..., :n])
    return torch.cat((q_part, q[..., n:]), dim=-1), torch.cat((k_part, k[..., n:]), dim=-1)


def one_key_head(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return rotary(q, k[:, :1], cos, sin)


def heads_last(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    q, k = q.transpose(1, 2), k.transpose(1, 2)
    cos, sin = cos.unsqueeze(2), sin.unsqueeze(2)
    return q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin


def heads(dtype: torch.dtype = torch.float32, batch: int = 1) -> tuple[Tensor, ...]:
    """Return query and key as models have them, `[b, s, h, d]` in memory, and the angles."""
    q = rows(2, 5, 3, 8, dtype=dtype).transpose(1, 2)
    k = rows(2, 5, 2, 8, dtype=dtype, seed=1).transpose(1, 2)
    angles = rows(batch, 5, 8, seed=2)
    return q, k, angles.cos().to(dtype), angles.sin().to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("function", [full, of_chunks, partial, heads_last, one_key_head])
def test_query_and_key_are_rotated_by_one_op(
    function: Callable[..., Any], dtype: torch.dtype
) -> None:
    arguments = heads(dtype, batch=2 if function is full else 1)
    got, found = raised(function, *arguments)
    assert found.counts == {"rotary": 1}, found.near_misses
    assert operator.add not in found.targets
    exact = function(*(a.double() for a in arguments))
    for mine, theirs, right in zip(got, function(*arguments), exact, strict=True):
        eager = (theirs - right).abs().max()
        assert (mine - right).abs().max() <= 1.2 * eager + torch.finfo(dtype).eps
        assert mine.stride() == theirs.stride() or function is one_key_head


def query_alone(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return q * cos + rotate_half(q) * sin


def halves_exchanged(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    def half(x: Tensor) -> Tensor:
        return torch.cat((-x[..., :4], x[..., 4:]), dim=-1)

    return rotary(q, k, cos, sin, half)


def cut_elsewhere(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    def half(x: Tensor) -> Tensor:
        return torch.cat((-x[..., 2:], x[..., :2]), dim=-1)

    return rotary(q, k, cos, sin, half)


def of_half_the_angles(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return rotary(q, k, cos[..., :1], sin[..., :1])


def angles_of_heads(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    q, k = q.transpose(0, 1).clone(), k[:, :1].transpose(0, 1).expand(3, -1, -1, -1).clone()
    cos, sin = cos.unsqueeze(0), sin.unsqueeze(0)
    return q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin


def other_angles_for_keys(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return query_alone(q, k, cos, sin), query_alone(k, q, sin, cos)


ALMOST = {
    query_alone: "no key is rotated by the angles",
    halves_exchanged: "the halves must be those of",
    cut_elsewhere: "the halves must be those of",
    of_half_the_angles: "must be angles of",
    angles_of_heads: "must be angles of",
    other_angles_for_keys: "no key is rotated by the angles",
}


@pytest.mark.parametrize("function", ALMOST, ids=lambda function: function.__name__)
def test_other_rotations_are_left_alone(function: Callable[..., Any]) -> None:
    arguments = heads()
    got, found = raised(function, *arguments)
    assert not found.counts
    torch.testing.assert_close(got, function(*arguments))
    reasons = [miss.reason for miss in found.near_misses]
    assert any(ALMOST[function] in reason for reason in reasons), reasons


@pytest.mark.parametrize("norm", [llama, gemma])
def test_sum_that_is_normed_is_one_op_with_the_norm(norm: Callable[..., Tensor]) -> None:
    def blocks(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        residual = x + x.sin()
        residual = residual + norm(residual, w).cos()
        return norm(residual, w), residual

    x, w = rows(2, 3, 16), rows(16, seed=1)
    got, found = raised(blocks, x, w)
    name = norm.__name__.replace("llama", "rms_norm").replace("gemma", "gemma_rms_norm")
    assert found.counts == {name: 2, f"residual_{name}": 2}, found.near_misses
    assert operator.add not in found.targets
    torch.testing.assert_close(got, blocks(x, w))


def test_sum_of_other_shapes_or_dtypes_stays() -> None:
    def of_row(x: Tensor, w: Tensor) -> Tensor:
        return llama(x + w, w)

    def of_number(x: Tensor, w: Tensor) -> Tensor:
        return llama(x + 1, w)

    def of_other_dtype(x: Tensor, w: Tensor) -> Tensor:
        return llama(x.to(torch.bfloat16) + x, w)

    x, w = rows(2, 3, 16), rows(16, seed=1)
    for function in (of_row, of_number, of_other_dtype):
        got, found = raised(function, x, w)
        assert found.counts == {"rms_norm": 1}
        torch.testing.assert_close(got, function(x, w))


def attention(q: Tensor, k: Tensor, v: Tensor, **options: Any) -> Tensor:
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)


def states(kv_heads: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    shapes = ((2, 5, 4, 8), (2, 5, kv_heads, 8), (2, 5, kv_heads, 8))
    q, k, v = (rows(*shape, seed=i).transpose(1, 2) for i, shape in enumerate(shapes))
    return q, k, v


@pytest.mark.parametrize("options", [{}, {"scale": 0.5}, {"enable_gqa": True}])
def test_attention_without_mask_is_the_encoder_op(options: dict[str, Any]) -> None:
    def function(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention(q, k, v, **options)

    arguments = states(2 if options.get("enable_gqa") else 4)
    got, found = raised(function, *arguments)
    assert found.counts == {"attention": 1}, found.near_misses
    assert OPS.mm_encoder_attn.default in found.targets
    want = function(*arguments)
    torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("options", [{"is_causal": True}, {"dropout_p": 0.5}, {"attn_mask": 1}])
def test_other_attention_is_left_alone(options: dict[str, Any]) -> None:
    def function(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        mask = {"attn_mask": q[0, 0] @ q[0, 0].T} if "attn_mask" in options else options
        return attention(q, k, v, **mask)

    _, found = raised(function, *states())
    assert not found.counts
    assert ["expected" in miss.reason for miss in found.near_misses] == [True]
