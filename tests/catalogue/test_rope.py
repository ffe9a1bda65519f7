"""Do the rotary ops turn pairs as complex numbers do, by the angles of the papers' formulas?"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.ir import IrOp
from ir_runtime.layers import CompilationConfig, op_registry, set_compilation_config
from kernels_mlir.rope.apply_rotary_emb import apply_rotary_emb
from kernels_mlir.rope.apply_rotary_pos_emb import apply_rotary_pos_emb, apply_rotary_pos_emb_op
from kernels_mlir.rope.dual_chunk_rotary_embedding import dual_chunk_rotary_embedding
from kernels_mlir.rope.layers import (
    ApplyRotaryEmb,
    DualChunkRotaryEmbedding,
    RotaryEmbedding,
    RotaryEmbeddingBase,
)
from kernels_mlir.rope.scaled_layers import (
    DynamicNTKScalingRotaryEmbedding,
    LinearScalingRotaryEmbedding,
    Llama3RotaryEmbedding,
    NTKScalingRotaryEmbedding,
    YaRNScalingRotaryEmbedding,
)
from tests.catalogue.checks import (
    assert_predicted_layout,
    assert_refused_everywhere,
    computed_by_iree,
    run_example,
)
from tests.sampling import covering

FLOATS = (torch.float32, torch.bfloat16, torch.float16)
BASE = 10000.0
each_style = pytest.mark.parametrize("neox", [True, False], ids=["neox", "gptj"])


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def as_complex(x: Tensor, *, neox: bool) -> Tensor:
    """Return the pairs of each row as complex numbers."""
    wide = x.double()
    a, b = wide.chunk(2, -1) if neox else (wide[..., 0::2], wide[..., 1::2])
    return torch.complex(a.contiguous(), b.contiguous())


def turned(x: Tensor, angles: Tensor, *, neox: bool, dim: int | None = None) -> Tensor:
    """Multiply the pairs of the first `dim` elements by `exp(i * angles)`, in float64."""
    dim = x.shape[-1] if dim is None else dim
    wide = angles.double()
    y = as_complex(x[..., :dim], neox=neox) * torch.complex(wide.cos(), wide.sin())
    both = (y.real, y.imag)
    joined = torch.cat(both, -1) if neox else torch.stack(both, -1).flatten(-2)
    return torch.cat((joined, x[..., dim:].double()), -1)


def assert_rounded(actual: Tensor, exact: Tensor, dtype: torch.dtype) -> None:
    """Compare with numbers in float64: the error of one rounding, and of float32 arithmetic."""
    assert actual.dtype == dtype
    rtol = torch.finfo(dtype).eps / 2
    atol = 4 * max(torch.finfo(torch.float32).eps, torch.finfo(dtype).tiny)
    torch.testing.assert_close(actual.double(), exact, rtol=1.01 * rtol, atol=atol)


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


def dual_chunk_arguments(
    tokens: int,
    *,
    dtype: torch.dtype = torch.float32,
    neox: bool = True,
    dim: int = 16,
    batch: bool = False,
) -> tuple[Any, ...]:
    layer = DualChunkRotaryEmbedding(16, dim, 60, BASE, neox, torch.float32, 16, 4)
    positions = torch.arange(tokens) * 7 % 60
    query, key = drawn(tokens, 48, dtype=dtype), drawn(tokens, 16, dtype=dtype, seed=1)
    if batch:
        positions, query, key = (t[None] for t in (positions, query, key))
    return layer.op_arguments(positions, query, key)


def angles_of(positions: list[int], dim: int) -> Tensor:
    turns = [BASE ** (-2 * i / dim) for i in range(dim // 2)]
    return torch.tensor([[p * turn for turn in turns] for p in positions], dtype=torch.float64)


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


# layers


def llama3_turn(turn: float) -> float:
    wavelength = 2 * math.pi / turn
    if wavelength < 64 / 4:
        return turn
    if wavelength > 64 / 1:
        return turn / 8
    smooth = (64 / wavelength - 1) / (4 - 1)
    return (1 - smooth) * turn / 8 + smooth * turn


def yarn_turn(i: int, turn: float) -> float:
    def pair(rotations: float) -> float:
        return 32 * math.log(64 / (rotations * 2 * math.pi)) / (2 * math.log(BASE))

    low, high = max(math.floor(pair(32)), 0), min(math.ceil(pair(1)), 31)
    ramp = min(max((i - low) / (high - low), 0.0), 1.0)
    return turn / 4 * ramp + turn * (1 - ramp)


Turn = Callable[[int, float], float]
LAYERS: dict[str, tuple[Callable[..., RotaryEmbeddingBase], Turn, int, float]] = {
    "base": (
        lambda **k: RotaryEmbedding(40, 32, 64, BASE, True, **k),
        lambda i, turn: turn,
        64,
        1.0,
    ),
    "linear": (
        lambda **k: LinearScalingRotaryEmbedding(40, 32, 64, BASE, True, 4.0, **k),
        lambda i, turn: turn / 4,
        256,
        1.0,
    ),
    "ntk": (
        lambda **k: NTKScalingRotaryEmbedding(40, 32, 64, BASE, True, 4.0, **k),
        lambda i, turn: turn * 4 ** (-2 * i / 30),
        256,
        1.0,
    ),
    "dynamic": (
        lambda **k: DynamicNTKScalingRotaryEmbedding(40, 32, 64, BASE, True, 4.0, **k),
        lambda i, turn: turn * 13 ** (-2 * i / 30),
        256,
        1.0,
    ),
    "yarn": (
        lambda **k: YaRNScalingRotaryEmbedding(40, 32, 64, BASE, True, 4.0, **k),
        yarn_turn,
        256,
        0.1 * math.log(4) + 1,
    ),
    "llama3": (
        lambda dtype=None: Llama3RotaryEmbedding(40, 32, 256, BASE, True, dtype, 8.0, 1.0, 4.0, 64),
        lambda i, turn: llama3_turn(turn),
        256,
        1.0,
    ),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


@each_layer
def test_caches_have_the_angles_of_their_formulas(name: str) -> None:
    make, turn, length, factor = LAYERS[name]
    turns = [turn(i, BASE ** (-2 * i / 32)) for i in range(16)]
    rows = [[cmath.exp(1j * p * t) * factor for t in turns] for p in range(length)]
    exact = torch.tensor([[*(z.real for z in row), *(z.imag for z in row)] for row in rows])
    cache = make(dtype=torch.float64).cos_sin_cache
    torch.testing.assert_close(cache.float(), exact.float(), rtol=0, atol=1e-6)
    half = make(dtype=torch.bfloat16).cos_sin_cache
    assert torch.equal(half, cache.to(torch.bfloat16))


@pytest.mark.full
@each_layer
def test_frequencies_are_those_of_transformers(name: str) -> None:
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    parameters: dict[str, dict[str, Any]] = {
        "linear": {"factor": 4.0},
        "dynamic": {"factor": 4.0},
        "yarn": {"factor": 4.0, "original_max_position_embeddings": 64},
        "llama3": {
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    }
    if name not in parameters:
        pytest.skip("transformers computes it elsewhere")
    config = LlamaConfig(
        head_dim=32,
        max_position_embeddings=64,
        rope_parameters={"rope_type": name, "rope_theta": BASE, **parameters[name]},
    )
    length = 256 if name == "dynamic" else None
    theirs, factor = ROPE_INIT_FUNCTIONS[name](config, torch.device("cpu"), seq_len=length)
    layer = LAYERS[name][0](dtype=torch.float64)
    torch.testing.assert_close(layer._compute_inv_freq().float(), theirs, rtol=1e-6, atol=0)
    assert layer.cos_sin_cache[0, 0].item() == pytest.approx(factor)


def test_yarn_takes_the_attention_factor_of_deepseek() -> None:
    def first(**weights: float) -> float:
        layer = YaRNScalingRotaryEmbedding(32, 32, 64, BASE, True, 40.0, torch.float64, **weights)
        return layer.cos_sin_cache[0, 0].item()

    grown = [0.1 * weight * math.log(40) + 1 for weight in (0.7, 1.0)]
    assert first(mscale=0.7, mscale_all_dim=1.0) == pytest.approx(grown[0] / grown[1])
    assert first(attention_factor=1.5) == 1.5
    assert first(mscale=0.7) == pytest.approx(grown[1])


@pytest.fixture(params=["none", pytest.param("all", marks=pytest.mark.full)])
def custom_ops(request: pytest.FixtureRequest) -> Any:
    with set_compilation_config(CompilationConfig(custom_ops=request.param)):
        yield request.param


def test_a_layer_turns_query_and_key(custom_ops: str) -> None:
    layer = RotaryEmbedding(16, 12, 20, BASE, True, torch.float32)
    positions = torch.tensor([[0, 3, 19], [7, 2, 2]])
    query, key = drawn(2, 3, 64), drawn(2, 3, 32, seed=1)
    each = angles_of(positions.flatten().tolist(), 12)[:, None]
    exact = [turned(x.view(6, -1, 16), each, neox=True, dim=12).flatten(1) for x in (query, key)]
    for shape in ((2, 3), (6,)):
        found = layer(positions, query.view(*shape, 64), key.view(*shape, 32))
        for y, wanted in zip(found, exact, strict=True):
            assert y.shape[:-1] == shape
            torch.testing.assert_close(y.reshape(6, -1).double(), wanted, rtol=0, atol=1e-5)
    assert layer(positions, query)[1] is None
    with pytest.raises(IndexOutOfRangeError, match="`positions` has 20, must be in"):
        layer(positions + 1, query, key)
    with pytest.raises(IndexOutOfRangeError, match="`positions` has -1, must be in"):
        layer(positions - 1, query, key)


def test_layers_of_given_angles_and_of_chunks(custom_ops: str) -> None:
    x, angles = drawn(2, 5, 3, 16, dtype=torch.bfloat16), drawn(5, 8)
    arguments = (x, angles.cos(), angles.sin())
    exact = turned(x, angles[:, None], neox=False)
    layer = ApplyRotaryEmb(True, False, True)
    assert_rounded(layer(*arguments), exact, torch.bfloat16)
    rounded = ApplyRotaryEmb(is_neox_style=False)(*arguments)
    assert not torch.equal(rounded, layer(*arguments))
    torch.testing.assert_close(rounded.double(), exact, rtol=0.02, atol=0.02)
    dual_layer = DualChunkRotaryEmbedding(16, 16, 60, BASE, True, torch.float32, 16, 4)
    found = dual_layer(*DUAL[:3])
    for y, wanted in zip(found, dual_chunk_rotary_embedding.native(*DUAL), strict=True):
        torch.testing.assert_close(y, wanted)


def test_layers_have_the_seeds_names_and_no_state() -> None:
    names = {
        "rotary_embedding": RotaryEmbeddingBase,
        "dual_chunk_rotary_embedding": DualChunkRotaryEmbedding,
        "apply_rotary_emb": ApplyRotaryEmb,
    }
    assert {name: op_registry[name] for name in names} == names
    layer = LAYERS["yarn"][0]()
    assert layer.state_dict() == {}
    assert layer.half().cos_sin_cache.dtype == torch.float16
    with set_compilation_config(CompilationConfig(custom_ops="none,+rotary_embedding")) as config:
        LAYERS["linear"][0]()
    assert config.enabled_custom_ops["rotary_embedding"] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: RotaryEmbedding(16, 18, 8, BASE, True),
            "`rotary_dim` is 18, must be even and in 2..16, the head size",
        ),
        (lambda: RotaryEmbedding(16, 16, 0, BASE, True), "`max_position_embeddings` is 0, must be"),
        (
            lambda: LinearScalingRotaryEmbedding(16, 16, 8, BASE, True, 0.0),
            "`scaling_factor` is 0.0, must be above 0",
        ),
        (
            lambda: NTKScalingRotaryEmbedding(16, 2, 8, BASE, True, 2.0),
            "`rotary_dim` is 2, must be above 2 for another base",
        ),
        (
            lambda: Llama3RotaryEmbedding(16, 16, 8, BASE, True, None, 8.0, 4.0, 1.0, 8),
            "`high_freq_factor` is 1.0, must be above `low_freq_factor`, 4.0",
        ),
    ],
)
def test_a_layer_refuses_numbers(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value).startswith(f"rotary_embedding: {message}")
