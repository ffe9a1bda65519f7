"""Do the rotary ops turn pairs as complex numbers do, by the angles of the papers' formulas?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import IndexOutOfRangeError
from ir_runtime.ir import IrOp
from kernels_mlir.rope.apply_rotary_emb import apply_rotary_emb
from kernels_mlir.rope.apply_rotary_pos_emb import apply_rotary_pos_emb, apply_rotary_pos_emb_op
from kernels_mlir.rope.dual_chunk_rotary_embedding import dual_chunk_rotary_embedding
from tests.catalogue.checks import (
    assert_predicted_layout,
    assert_refused_everywhere,
    computed_by_iree,
    run_example,
)
from tests.catalogue.rope import (
    FLOATS,
    angles_of,
    assert_rounded,
    drawn,
    dual_chunk_arguments,
    each_style,
    turned,
)
from tests.sampling import covering


@covering(shape=((2, 5, 3, 16), (7, 3, 48), (1, 1, 1, 2)), dtype=FLOATS, neox=(True, False))
def test_heads_are_turned_by_angles_of_tokens(
    shape: tuple[int, ...], dtype: torch.dtype, neox: bool
) -> None:
    x, angles = drawn(*shape, dtype=dtype), 5 * drawn(shape[-3], shape[-1] // 2)
    exact = turned(x, angles[:, None], neox=neox)
    arguments = (x, angles.cos(), angles.sin(), neox)
    assert_rounded(apply_rotary_emb.native(*arguments), exact, dtype)
    if len(shape) == 4:  # a trace cannot have both tokens and their angles of any number
        assert_rounded(computed_by_iree(apply_rotary_emb, "a row kernel", *arguments), exact, dtype)


@each_style
def test_nan_and_infinity_stay_in_their_pair(neox: bool) -> None:
    x = torch.ones(1, 1, 8)
    x[0, 0, 1] = math.nan
    angles = torch.full((1, 4), 0.5)
    y = apply_rotary_emb.native(x, angles.cos(), angles.sin(), neox)
    pair = [1, 5] if neox else [0, 1]
    assert y[0, 0].isnan().nonzero().flatten().tolist() == pair


def model_arguments(
    dtype: torch.dtype, *, heads_first: bool = True, interleaved: bool = False, width: int = 12
) -> tuple[Tensor, ...]:
    """Return query, key, cosines, sines as a model makes them, and the angles of pairs."""
    query, key = (drawn(2, h, 5, 16, dtype=dtype, seed=h) for h in (4, 2))
    if not heads_first:
        query, key = (x.transpose(1, 2).contiguous() for x in (query, key))
    angles = 3 * drawn(2, 5, width // 2)
    whole = torch.cat((angles, angles), -1)
    return query, key, whole.cos(), whole.sin(), angles


@covering(dtype=FLOATS, interleaved=(False, True), heads_first=(True, False), width=(12, 16))
def test_query_and_key_are_turned_as_models_do(
    dtype: torch.dtype, interleaved: bool, heads_first: bool, width: int
) -> None:
    *tensors, angles = model_arguments(dtype, heads_first=heads_first, width=width)
    dim = 1 if heads_first else 2
    arguments = (*tensors, dim, interleaved)
    each = angles.unsqueeze(dim)
    form = "traced" if heads_first else "a row kernel"  # several head counts must come last
    found = computed_by_iree(apply_rotary_pos_emb_op, form, *arguments)
    exact = [turned(x, each, neox=not interleaved, dim=width) for x in tensors[:2]]
    for results in (apply_rotary_pos_emb_op.native(*arguments), found):
        for y, wanted in zip(results, exact, strict=True):
            assert_rounded(y, wanted, dtype)


def test_angles_of_one_row_serve_the_batch() -> None:
    query, key, cos, sin, _ = model_arguments(torch.float32)
    one = apply_rotary_pos_emb(query, key, cos[:1], sin[:1])
    every = apply_rotary_pos_emb(query, key, cos[:1].expand(2, -1, -1), sin[:1].expand(2, -1, -1))
    assert all(map(torch.equal, one, every))


def test_swapped_heads_are_not_copied() -> None:
    """What a model passes: projections of tokens, seen with heads first."""
    query, key, cos, sin, _ = model_arguments(torch.float32, heads_first=False)
    expected = apply_rotary_pos_emb_op.native(query, key, cos, sin, 2)
    swapped = [x.transpose(1, 2) for x in (query, key)]
    with apply_rotary_pos_emb_op.set_priority(["iree"]):
        apply_rotary_pos_emb(*swapped, cos, sin)
        with count_since() as counts:
            results = apply_rotary_pos_emb(*swapped, cos, sin)
    assert counts[0].copies == 0
    for y, x, wanted in zip(results, swapped, expected, strict=True):
        assert (y.shape, y.stride()) == (x.shape, x.stride())
        torch.testing.assert_close(y.transpose(1, 2), wanted)


def test_prompts_steps_and_batches_have_one_kernel() -> None:
    """Heads differ in number, as in most models; nothing is compiled when the batch grows."""
    op, kernels = apply_rotary_pos_emb_op, 0
    sizes = itertools.product((1, 3), (7, 1), (True, False))
    with op.set_priority(["iree"]):
        for batch, tokens, alike in sizes:
            query, key = (drawn(batch, tokens, h, 16).transpose(1, 2) for h in (5, 3))
            angles = 5 * drawn(1 if alike else batch, tokens, 16)
            given = (query, key, angles.cos(), angles.sin())
            with count_since() as counts:
                results = apply_rotary_pos_emb(*given)
            kernels += counts[0].compiles + counts[0].store_hits
            for y, wanted in zip(results, op.native(*given), strict=True):
                torch.testing.assert_close(y, wanted)
    assert kernels == 1


@pytest.mark.full
def test_models_of_transformers_agree() -> None:
    from transformers.models.glm import modeling_glm
    from transformers.models.llama import modeling_llama

    for width, interleaved, theirs in (
        (16, False, modeling_llama.apply_rotary_pos_emb),
        (12, True, modeling_glm.apply_rotary_pos_emb),
    ):
        *tensors, _ = model_arguments(torch.float64, width=width)
        expected = theirs(*tensors)
        found = apply_rotary_pos_emb(*tensors, interleaved=interleaved)
        for y, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(y, wanted)


def test_gradients_are_those_of_native() -> None:
    x = drawn(2, 5, 3, 16).requires_grad_()
    angles = drawn(5, 8)
    with apply_rotary_emb.set_priority(["iree"]):
        (actual,) = torch.autograd.grad(
            apply_rotary_emb(x, angles.cos(), angles.sin()).square().sum(), x
        )
    torch.testing.assert_close(actual, 2 * x)  # lengths are kept


# dual chunks


@covering(dim=(16, 12), neox=(True, False), tokens=(9, 1), batch=(False, True), dtype=FLOATS[:2])
def test_dual_chunks_have_five_queries_and_a_key(
    dim: int, neox: bool, tokens: int, batch: bool, dtype: torch.dtype
) -> None:
    arguments = dual_chunk_arguments(tokens, dtype=dtype, neox=neox, dim=dim, batch=batch)
    positions, query, key = (t[0] if batch else t for t in arguments[:3])
    chunk, size = 12, 16
    within = [p % chunk for p in positions.tolist()]
    kinds = [
        within,
        [min(w + chunk, size) for w in within],
        [size] * tokens,
        [w + chunk for w in within],
        [w + size for w in within],
    ]
    heads = query.unflatten(-1, (3, 16))
    exact = torch.cat(
        [turned(heads, angles_of(k, dim)[:, None], neox=neox, dim=dim).flatten(1) for k in kinds],
        -1,
    )
    exact_key = turned(key, angles_of(within, dim), neox=neox, dim=dim)
    found = computed_by_iree(dual_chunk_rotary_embedding, "traced", *arguments)
    for queries, keys in (dual_chunk_rotary_embedding.native(*arguments), found):
        assert queries.shape == (tokens, 5 * 48)
        info = dtype_info(dtype)
        tolerance = {"rtol": info.rtol, "atol": 0.02 if dtype == torch.bfloat16 else 1e-5}
        torch.testing.assert_close(queries.double(), exact, **tolerance)
        torch.testing.assert_close(keys.double(), exact_key, **tolerance)


@pytest.mark.parametrize("position", [-1, 60])
@pytest.mark.parametrize("way", ["native", "iree", "compiled"])
def test_a_position_without_a_key_is_refused(way: str, position: int) -> None:
    arguments = list(dual_chunk_arguments(9))
    arguments[0] = torch.tensor([0, 1, 2, 3, position, 5, 6, 7, 8])
    provider = "native" if way == "native" else "iree"
    op = dual_chunk_rotary_embedding
    call = torch.compile(op.torch_op, fullgraph=True) if way == "compiled" else op
    with op.set_priority([provider]), pytest.raises(IndexOutOfRangeError) as caught:
        call(*arguments)
    assert caught.value.headline == (
        f"dual_chunk_rotary_embedding: `positions` has {position}, must be in 0..59 for a "
        "dimension of size 60"
    )


# refusals

X, COS = torch.ones(5, 2, 8), torch.ones(5, 4)
Q, K = torch.ones(2, 4, 5, 8), torch.ones(2, 2, 5, 8)
ANGLES = torch.ones(2, 5, 8)
DUAL = dual_chunk_arguments(5)


def dual(place: int, value: Any) -> tuple[Any, ...]:
    return (*DUAL[:place], value, *DUAL[place + 1 :])


REFUSED: list[tuple[IrOp, tuple[Any, ...], str]] = [
    (apply_rotary_emb, (X[0], COS, COS), "`x` is of rank 2, must be of rank 3 to 4"),
    (
        apply_rotary_emb,
        (X[..., :7], COS, COS),
        "`x` is f32[5, 2, 7], must have a last size that is even and at least 2",
    ),
    (
        apply_rotary_emb,
        (X, COS, COS[:4]),
        "`sin` is f32[4, 4], must have the shape [5, 4]: tokens of `x`, pairs of a head",
    ),
    (apply_rotary_emb, (X, COS.int(), COS), "`cos` is i32, must be f32 or bf16 or f16 or f64"),
    (
        apply_rotary_pos_emb_op,
        (Q, K[:, :, :4], ANGLES, ANGLES),
        (
            "`key` is f32[2, 2, 4, 8], must have the dtype and sizes of `query` f32[2, 4, 5, 8], "
            "except the heads"
        ),
    ),
    (
        apply_rotary_pos_emb_op,
        (Q, K, ANGLES[..., :7], ANGLES),
        "`cos` is f32[2, 5, 7], must have the shape [2 or 1, 5, r], with r even and in 2..8",
    ),
    (
        apply_rotary_pos_emb_op,
        (Q, K, ANGLES, ANGLES[..., :6]),
        "`sin` is f32[2, 5, 6], must have rows of 8, as `cos`",
    ),
    (apply_rotary_pos_emb_op, (Q, K, ANGLES, ANGLES, 3), "`unsqueeze_dim` is 3, must be 1 or 2"),
    (
        dual_chunk_rotary_embedding,
        dual(0, torch.ones(2, 5, dtype=torch.int64)),
        "`positions` is i64[2, 5], must be of shape [t] or [1, t]",
    ),
    (
        dual_chunk_rotary_embedding,
        dual(1, DUAL[1][:, :40]),
        (
            "`query` is f32[5, 40], must have the dimensions of `positions` i64[5], "
            "and then heads of 16"
        ),
    ),
    (
        dual_chunk_rotary_embedding,
        dual(5, DUAL[5][:20]),
        "`query_cache` is f32[20, 16], must have rows of 16, as `rotary_dim`, and at least 28",
    ),
    (
        dual_chunk_rotary_embedding,
        dual(9, 16),
        "`local_size` is 16, must be in 0..15, below the chunk size",
    ),
]


@pytest.mark.parametrize(("op", "arguments", "message"), REFUSED, ids=lambda v: None)
def test_wrong_arguments_are_refused_in_the_same_words(
    op: IrOp, arguments: tuple[Any, ...], message: str
) -> None:
    assert_refused_everywhere(op, arguments, message)


OPS: dict[IrOp, Callable[..., Any]] = {
    apply_rotary_emb: apply_rotary_emb.native,
    apply_rotary_pos_emb_op: apply_rotary_pos_emb,
    dual_chunk_rotary_embedding: dual_chunk_rotary_embedding.native,
}
each_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)


@each_op
def test_results_have_the_layout_that_the_meta_function_says(op: IrOp) -> None:
    assert_predicted_layout(op)


@each_op
def test_the_example_is_right(op: IrOp) -> None:
    called = apply_rotary_pos_emb if op is apply_rotary_pos_emb_op else op
    run_example(OPS[op], op.name, called)
