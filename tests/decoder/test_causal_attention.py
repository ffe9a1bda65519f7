"""Do the last tokens of a sequence attend to just the keys that they may see?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.device.machine import code_for
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from kernels_mlir.attention.causal_attention import native_causal_attention
from tests.decoder.arguments import DEPTH, HEADS, KV_HEADS, called, normal, widen
from tests.kernels.test_cpu_kinds import MACHINES

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "window": {"dtype": torch.bfloat16, "window": 40, "heads_first": True},
    "all": {"window": 70, "soft_cap": 5.0, "sinks": True, "mask": True},
}
each_kind = pytest.mark.parametrize("kind", KINDS)
SHAPES = [(1, 1, 300), (2, 1, 1), (2, 70, 70), (1, 30, 333), (2, 25, 290)]
"""Sequences, tokens, keys."""


@pytest.fixture
def op() -> IrOp:
    return ir.ops.causal_attention


def attention(
    batch: int,
    tokens: int,
    keys: int,
    *,
    dtype: torch.dtype = torch.float32,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: bool = False,
    mask: bool = False,
    heads_first: bool = False,
) -> tuple[Any, ...]:
    query = normal(batch, tokens, HEADS, DEPTH, dtype=dtype)
    shape = (batch, KV_HEADS, keys, DEPTH) if heads_first else (batch, keys, KV_HEADS, DEPTH)
    key, value = (normal(*shape, dtype=dtype, seed=seed) for seed in (1, 2))
    more = normal(HEADS, dtype=dtype, seed=3) if sinks else None
    added = None
    if mask:
        heads = HEADS if batch == 1 < tokens else 1
        rows = (batch, heads, tokens)
        added = normal(*rows, keys, dtype=dtype, seed=4)
        added[..., : keys // 4] = float("-inf")
    return query, key, value, None, window, soft_cap, more, added, heads_first, None


def computed(op: IrOp, arguments: tuple[Any, ...], provider: str = "iree") -> Tensor:
    with op.set_priority([provider]), ir.strict_priority():
        return op(*arguments)


def exact(arguments: tuple[Any, ...]) -> Tensor:
    return native_causal_attention(*widen(arguments))


def torch_own(arguments: tuple[Any, ...]) -> Tensor:
    """Return what torch's own function computes; it has neither a soft cap nor sinks."""
    query, key, value, scale, window, _, _, mask, heads_first, _ = arguments
    tokens, keys = query.shape[1], key.shape[2 if heads_first else 1]
    seen = torch.ones(tokens, keys, dtype=torch.bool).tril(keys - tokens)
    if window is not None:
        seen &= ~torch.ones(tokens, keys, dtype=torch.bool).tril(keys - tokens - window)
    added = torch.zeros(tokens, keys).masked_fill(~seen, float("-inf")).to(query.dtype)
    if mask is not None:
        added = added + mask
    k, v = (key, value) if heads_first else (key.transpose(1, 2), value.transpose(1, 2))
    attend = functional.scaled_dot_product_attention
    found = attend(query.transpose(1, 2), k, v, attn_mask=added, scale=scale, enable_gqa=True)
    return found.transpose(1, 2)


@each_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_error_is_at_most_torchs(op: IrOp, kind: str, shape: tuple[int, int, int]) -> None:
    arguments = attention(*shape, **KINDS[kind])
    result, wanted = computed(op, arguments), exact(arguments)
    assert (result.shape, result.dtype) == (wanted.shape, arguments[0].dtype)
    assert result.is_contiguous()
    own = computed(op, arguments, "native") if kind == "all" else torch_own(arguments)
    errors = [(found.double() - wanted).nan_to_num(0.0).square().mean() for found in (result, own)]
    assert errors[0].sqrt() <= 1.5 * errors[1].sqrt() + 1e-8
    torch.testing.assert_close(result, wanted.to(result.dtype), atol=1e-2, rtol=2e-2)


@pytest.mark.parametrize(("kind", "shape"), [("window", (2, 1, 300)), ("all", (2, 25, 290))])
def test_memory_behind_the_length_is_not_read(
    op: IrOp, kind: str, shape: tuple[int, int, int]
) -> None:
    arguments = attention(*shape, **KINDS[kind])
    query, *kv, scale, window, cap, sinks, mask, heads_first, _ = arguments
    wanted, dim = computed(op, arguments), 2 if heads_first else 1
    sizes = list(kv[0].shape)
    for room in (shape[2], 333):
        sizes[dim] = room
        longer = [query.new_full(sizes, float("nan")) for _ in kv]
        for whole, part in zip(longer, kv, strict=True):
            whole.narrow(dim, 0, shape[2]).copy_(part)
        more = (scale, window, cap, sinks, mask, heads_first, shape[2])
        for provider, tolerance in (("iree", 0.0), ("native", 1e-2)):
            found = computed(op, (query, *longer, *more), provider)
            torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


def test_any_length_runs_in_one_kernel(op: IrOp) -> None:
    query, *kv = attention(2, 1, 40)[:3]
    rest = (None, None, None, None, None, False)
    with count_since() as counts:
        for length in (1, 7, 40):
            found = computed(op, (query, *kv, *rest, length))
            part = [t[:, :length].contiguous() for t in kv]
            torch.testing.assert_close(found, computed(op, (query, *part, *rest)), rtol=0, atol=0)
    assert counts[-1].compiles + counts[-1].store_hits <= 2, "one with a length, one without"


def test_lengths_of_a_block_are_one_launch(op: IrOp) -> None:
    """A cache that grows by a token a step binds a launch each 256 tokens, not each token."""
    query, *kv = attention(1, 1, 600, heads_first=True)[:3]
    rest = (None, None, None, None, None, True)
    lengths = list(range(1, 601, 13))
    with torch.no_grad(), ir.strict_priority("iree"), count_since() as counts:
        found = [op(query, *kv, *rest, length) for length in lengths]
    assert counts[-1].selects <= 2 * 3  # the op asks before a new launch is bound
    for length, result in zip(lengths, found, strict=True):
        part = [t[:, :, :length].contiguous() for t in kv]
        assert torch.equal(result, computed(op, (query, *part, *rest))), length
    for length in (0, 601):
        with pytest.raises(ArgumentError, match="`length` is"):
            op(query, *kv, *rest, length)


def test_tokens_that_come_later_change_nothing(op: IrOp) -> None:
    """A chunk of queries against a longer cache gives the rows of one long call."""
    query, key, value, *rest = attention(2, 100, 100)
    whole = computed(op, (query, key, value, *rest))
    for first, end in ((0, 33), (33, 34), (34, 100)):
        chunk = (query[:, first:end].contiguous(), key[:, :end], value[:, :end], *rest)
        part = computed(op, tuple(t.contiguous() if isinstance(t, Tensor) else t for t in chunk))
        torch.testing.assert_close(part, whole[:, first:end], rtol=1e-5, atol=1e-6)


def test_a_token_that_the_mask_hides_everything_from_is_zero(op: IrOp) -> None:
    for tokens in (1, 5):
        arguments = list(attention(2, tokens, 40, mask=True, window=70, soft_cap=5.0, sinks=True))
        arguments[6] = torch.full((HEADS,), float("-inf"))
        arguments[7][0, 0, -1] = float("-inf")
        for provider in ("iree", "native"):
            result = computed(op, tuple(arguments), provider)
            assert (result[0, -1] == 0).all()
            assert result.isfinite().all()
            assert (result[1] != 0).any()


def test_bits_do_not_depend_on_threads(op: IrOp) -> None:
    arguments = attention(2, 70, 290)
    many = computed(op, arguments)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.testing.assert_close(computed(op, arguments), many, rtol=0, atol=0)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("shape", [(0, 3, 5), (2, 0, 5), (2, 0, 0)])
def test_no_tokens(op: IrOp, shape: tuple[int, int, int]) -> None:
    arguments = attention(*shape)
    assert computed(op, arguments).shape == arguments[0].shape


def test_gradients_are_those_of_native(op: IrOp) -> None:
    arguments = attention(1, 6, 9)
    leaves = [t.clone().requires_grad_() for t in arguments[:3]]
    others = [t.double().requires_grad_() for t in arguments[:3]]
    found = torch.autograd.grad(op(*leaves, *arguments[3:]).square().sum(), leaves)
    wanted = torch.autograd.grad(op(*others, *arguments[3:]).square().sum(), others)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-5, rtol=1e-4)


def test_a_token_that_sees_no_key_has_no_gradient() -> None:
    arguments = list(attention(1, 6, 9, mask=True))
    arguments[7][:, :, 2] = float("-inf")
    leaves = [t.clone().requires_grad_() for t in arguments[:3]]
    found = native_causal_attention(*leaves, *arguments[3:]).square().sum()
    query, key, value = torch.autograd.grad(found, leaves)
    assert (query[:, 2] == 0).all()
    for gradient in (query, key, value):
        assert gradient.isfinite().all()
        assert (gradient != 0).any()


def test_compiled_with_open_sizes_it_is_the_same(op: IrOp) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(called(op), backend="aot_eager", dynamic=True, fullgraph=True)
    for shape in ((2, 70, 70), (1, 30, 333)):
        arguments = attention(*shape)
        torch.testing.assert_close(compiled(*arguments), op(*arguments), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "blocks", "one"),
    [
        ("Sapphire Rapids", "amx", "decode16x2 vdpbf16ps"),
        ("Zen 4", "vdpbf16ps 8x32 24x64x16", "decode16x16 vdpbf16ps"),
        ("Ice Lake", "avx512", "decode16x8"),
        ("laptop with AVX2", "6x16", "decode8x2"),
        ("Graviton 3", "6x16", "decode8x16"),
    ],
)
def test_the_form_of_a_kind_of_cpu_is_written(name: str, blocks: str, one: str) -> None:
    """Its MLIR parses and is verified; whether it compiles, the encoder's forms show."""
    op = ALL_CUSTOM_OP_REGS["ir_kernels::causal_attention"]
    for tokens, form in ((9, blocks), (1, one)):
        settings = {**KINDS["all"], "dtype": torch.bfloat16}
        with code_for(MACHINES[name]):
            selection = run_select(op, attention(1, tokens, 40, **settings))
            assert selection.variant.startswith(form)
            assert b"hal.executable.source" in kernel_source(op, selection)


@pytest.mark.parametrize("tokens", [1, 9])
def test_a_window_beyond_all_lengths_is_none(tokens: int) -> None:
    """The kernel counts keys in 32 bits."""
    op = ALL_CUSTOM_OP_REGS["ir_kernels::causal_attention"]
    sources = [
        kernel_source(op, run_select(op, attention(1, tokens, 40, window=window)))
        for window in (None, 2**31, 2**63 - 1)
    ]
    assert sources[0] == sources[1] == sources[2]


def test_opcheck() -> None:
    ir.ops.causal_attention(*attention(1, 6, 9))
    torch.library.opcheck(torch.ops.ir_kernels.causal_attention.default, attention(1, 6, 9))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            1,
            torch.zeros(2, 5, KV_HEADS, DEPTH),
            "`key` is f32[2, 5, 2, 24], must have at least the 6",
        ),
        (
            1,
            torch.zeros(2, 9, 3, DEPTH),
            "`key` is f32[2, 9, 3, 24], must agree with `query` f32[2, 6",
        ),
        (
            2,
            torch.zeros(2, 9, KV_HEADS, 8),
            "`value` is f32[2, 9, 2, 8], must have the shape of `key`",
        ),
        (
            7,
            torch.zeros(2, 1, 6, 8),
            "`mask` is f32[2, 1, 6, 8], must be [2, 4, 6, 9], of which the",
        ),
        (4, 0, "`window` is 0, must be at least 1"),
        (9, 5, "`length` is 5, must be at least 6, the tokens of `query`, and at most 9"),
        (9, 10, "`length` is 10, must be at least 6, the tokens of `query`, and at most 9"),
    ],
)
def test_bad_arguments_are_refused(op: IrOp, place: int, value: Any, message: str) -> None:
    arguments = list(attention(2, 6, 9))
    arguments[place] = value
    with pytest.raises(ArgumentError) as caught:
        op(*arguments)
    assert str(caught.value).startswith(f"causal_attention: {message}")
