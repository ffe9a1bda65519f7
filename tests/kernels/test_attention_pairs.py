"""Is attention right whose products are of pairs of bfloat16, on a CPU without AMX?"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.device.cpu import host_cpu_target
from ir_runtime.device.machine import Machine, code_for, code_machine, this_machine
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import run_select
from kernels_mlir.attention.causal_attention import native_causal_attention
from kernels_mlir.attention.mm_encoder_attn import native_mm_encoder_attn
from tests.cases import case_named
from tests.decoder.arguments import normal, widen
from tests.decoder.test_causal_attention import attention, computed, torch_own
from tests.products.emulated_tiles import emulated_tiles

BF16 = torch.bfloat16
pytestmark = pytest.mark.skipif(not this_machine().has("avx512bf16"), reason="needs vdpbf16ps")

CAUSAL: dict[str, dict[str, Any]] = {
    "cache": {"heads_first": True},
    "window": {"window": 40, "heads_first": True},
    "all": {"window": 70, "soft_cap": 5.0, "sinks": True, "mask": True},
}
SHAPES = [(1, 3, 333), (2, 25, 290), (1, 70, 70), (2, 2, 1025)]
"""Sequences, tokens, keys: tiles of 8 and of 4 rows, a last vector and a last pair that is half
empty, and keys of several blocks."""


def without_tiles() -> Machine:
    own = host_cpu_target()
    left = tuple(feature for feature in own.features if not feature.startswith("+amx"))
    return replace(this_machine(), cpu=replace(own, features=left))


@pytest.fixture(scope="module")
def pairs() -> Generator[None]:
    """Make kernels for this CPU without its AMX tiles, if it has them."""
    with code_for(without_tiles()):
        forget_kernels()
        yield
    forget_kernels()


def assert_in_pairs(name: str, arguments: tuple[Any, ...]) -> None:
    selection = run_select(ALL_CUSTOM_OP_REGS[f"ir_kernels::{name}"], arguments)
    assert "vdpbf16ps 8x32 24x" in selection.variant


def assert_as_exact(found: Tensor, own: Tensor, exact: Tensor) -> None:
    """The mean error is that of torch, whose probabilities are rounded, too."""
    errors = [(t.double() - exact).abs().mean() for t in (found, own)]
    assert errors[0] <= 1.1 * errors[1] + 1e-8
    torch.testing.assert_close(found, exact.to(BF16), atol=1e-2, rtol=2e-2)


def encoder(sequence: int, depth: int, bounds: list[int] | None) -> tuple[Any, ...]:
    query = normal(2, sequence, 4, depth, dtype=BF16)
    key, value = (normal(2, sequence, 2, depth, dtype=BF16, seed=seed) for seed in (1, 2))
    segments = None if bounds is None else torch.tensor(bounds, dtype=torch.int32)
    return query, key, value, -0.2, segments


@pytest.mark.parametrize(
    ("sequence", "bounds"),
    [(1, None), (16, None), (17, None), (1003, None), (203, [0, 1, 33, 33, 50, 203])],
)
def test_encoder(pairs: None, sequence: int, bounds: list[int] | None) -> None:
    """A head has 41 channels: the last pair, vector and step are not full."""
    arguments = encoder(sequence, 41, bounds)
    assert_in_pairs("mm_encoder_attn", arguments)
    found = torch.ops.ir_kernels.mm_encoder_attn(*arguments)
    own = case_named("mm_encoder_attn-dense").torch_own
    assert own is not None
    assert_as_exact(found, own(*arguments), native_mm_encoder_attn(*widen(arguments)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", CAUSAL)
def test_decoder(pairs: None, kind: str, shape: tuple[int, int, int]) -> None:
    arguments = attention(*shape, dtype=BF16, **CAUSAL[kind])
    assert_in_pairs("causal_attention", arguments)
    found = computed(ir.ops.causal_attention, arguments)
    exact = native_causal_attention(*widen(arguments))
    # Torch has neither a soft cap nor sinks; its error is that of a call without.
    plain = (*arguments[:5], None, None, *arguments[7:])
    own = torch_own(plain).double() - native_causal_attention(*widen(plain))
    assert_as_exact(found, exact + own.nan_to_num(0.0), exact)


def test_a_row_has_the_same_bits_in_any_tile(pairs: None) -> None:
    """Rows of a chunk are those of a long call, in tiles of 8 or 4 rows, and on any threads."""
    arguments = attention(2, 100, 100, dtype=BF16)
    query, key, value, *rest = arguments
    whole = computed(ir.ops.causal_attention, arguments)
    for first, end in itertools.pairwise((0, 33, 35, 63, 100)):
        chunk = (query[:, first:end].contiguous(), *(t[:, :end].contiguous() for t in (key, value)))
        part = computed(ir.ops.causal_attention, (*chunk, *rest))
        assert torch.equal(part, whole[:, first:end])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert torch.equal(computed(ir.ops.causal_attention, arguments), whole)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.full
def test_bits_are_those_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms share all but the products, and add these up in the same order."""
    caches = {"l1_bytes": 48 << 10, "l2_bytes": 256 * 24 * 6 * 16}  # blocks of 256 keys for both
    calls = [
        *(("mm_encoder_attn", encoder(300, 41, bounds)) for bounds in (None, [0, 1, 33, 300])),
        *(("causal_attention", attention(*s, dtype=BF16, **CAUSAL["cache"])) for s in SHAPES),
    ]

    def results(machine: Machine, form: str) -> list[Tensor]:
        with code_for(replace(machine, **caches)):
            forget_kernels()
            for name, arguments in calls:
                variant = run_select(ALL_CUSTOM_OP_REGS[f"ir_kernels::{name}"], arguments).variant
                assert form in variant
            return [getattr(torch.ops.ir_kernels, name)(*arguments) for name, arguments in calls]

    in_pairs = results(without_tiles(), "vdpbf16ps 8x32 24x256")
    with emulated_tiles(monkeypatch):
        in_tiles = results(code_machine(), "amx256")
    for one, other in zip(in_pairs, in_tiles, strict=True):
        assert torch.equal(one, other)
