"""Rotary layers: caches by the formulas of the papers, calls, names and refusals."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.layers import CompilationConfig, op_registry, set_compilation_config
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
from tests.catalogue.rope import (
    BASE,
    angles_of,
    assert_rounded,
    drawn,
    dual_chunk_arguments,
    turned,
)


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
    found = dual_layer(*dual_chunk_arguments(5)[:3])
    for y, wanted in zip(
        found, dual_chunk_rotary_embedding.native(*dual_chunk_arguments(5)), strict=True
    ):
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
