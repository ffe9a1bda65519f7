"""Does one token of each sequence attend to just the keys in its sequence's pages?"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import Device, aot, ir
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.ir import IrOp
from kernels_mlir.attention.decode import DecodeForm
from kernels_mlir.attention.paged_attention_decode import native_paged_attention_decode
from kernels_mlir.attention.rules import MAX_DEPTH
from tests.decoder.arguments import HEADS, PAGE, cached, called, widen

FULL = {"window": 100, "soft_cap": 5.0, "sinks": True, "index": torch.int64}
KINDS: dict[str, dict[str, Any]] = {
    "f32": {},
    "bf16, all": {"dtype": torch.bfloat16, "cache": torch.bfloat16, **FULL},
    "int8": {"dtype": torch.bfloat16, "cache": torch.int8},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def op() -> IrOp:
    return ir.ops.paged_attention_decode


def computed(op: IrOp, arguments: list[Any], provider: str = "iree") -> Tensor:
    with op.set_priority([provider]), ir.strict_priority():
        return op(*arguments)


def error_of(result: Tensor, arguments: list[Any]) -> float:
    exact = native_paged_attention_decode(*widen(tuple(arguments)))
    return (result.double() - exact).abs().max().item()


@each_kind
@pytest.mark.parametrize("lengths", [[1], [320, 16, 17], [0, 5, 300], [1100, 513]])
def test_error_is_that_of_torch(op: IrOp, kind: str, lengths: list[int]) -> None:
    """Also where memory that no key is in holds NaN, and the table numbers that are no pages."""
    arguments = cached(lengths, **KINDS[kind])
    ours, native = (computed(op, arguments, name) for name in ("iree", "native"))
    assert ours.dtype == arguments[0].dtype
    assert error_of(ours, arguments) <= 1.5 * error_of(native, arguments) + 1e-7
    assert (ours[[n == 0 for n in lengths]] == 0).all() or KINDS[kind].get("sinks")


@each_kind
def test_a_row_does_not_depend_on_its_batch_nor_on_threads(op: IrOp, kind: str) -> None:
    arguments = cached([1100, 7, 512, 31], **KINDS[kind])
    together = computed(op, arguments)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.testing.assert_close(computed(op, arguments), together, rtol=0, atol=0)
    finally:
        torch.set_num_threads(threads)
    for b in range(4):
        alone = list(arguments)
        for i in (0, 3, 4):
            alone[i] = arguments[i][b : b + 1].contiguous()
        torch.testing.assert_close(computed(op, alone)[0], together[b], rtol=0, atol=0)


@pytest.mark.parametrize(("heads", "depth"), [((2, 2), 160), ((5, 1), 40)])
def test_an_int8_cache_of_any_heads_has_the_error_of_torch(
    op: IrOp, heads: tuple[int, int], depth: int
) -> None:
    """One query head a key head, whose rows take more than one pass; 5 heads, with 3 of padding."""
    arguments = cached([320, 70], cache=torch.int8, dtype=torch.bfloat16, heads=heads, depth=depth)
    ours, native = (computed(op, arguments, name) for name in ("iree", "native"))
    assert error_of(ours, arguments) <= 1.5 * error_of(native, arguments)


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("words", [False, True])
def test_passes_over_the_channels_cover_each_once(lanes: int, words: bool) -> None:
    form = DecodeForm(lanes, workers=2)
    for group, depth in itertools.product(range(1, 17), range(1, MAX_DEPTH + 1)):
        sizes = form.parameters(group, depth, 1, scaled=words, words=words)
        assert sizes["d_lines"] % sizes["channel_vectors"] == 0
        assert depth <= sizes["d_lines"] * lanes
        assert sizes["channel_vectors"] * sizes["heads_each"] <= lanes


@pytest.mark.parametrize("spread", [1.0, 100.0])
def test_an_int8_cache_of_any_scales_has_the_error_of_torch(op: IrOp, spread: float) -> None:
    """Scales of any sign and size, and a channel of the query that is much larger than the rest."""
    arguments = cached([320, 70], cache=torch.int8, dtype=torch.bfloat16)
    arguments[0][:, :, 5] *= spread
    sizes = torch.logspace(-2, 1, PAGE) * torch.tensor([1.0, -1.0]).repeat(PAGE // 2)
    arguments[10] = arguments[10] * sizes
    ours, native = (computed(op, arguments, name) for name in ("iree", "native"))
    assert error_of(ours, arguments) <= 1.5 * error_of(native, arguments)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, math.nan), (0, math.inf), (9, math.nan), (10, math.nan), (10, math.inf)],
)
def test_an_int8_cache_hides_no_number_that_is_not_finite(
    op: IrOp, place: int, value: float
) -> None:
    arguments = cached([300, 40], cache=torch.int8, dtype=torch.bfloat16)
    at = (0, 1, 3) if place == 0 else (arguments[3][0, 2].item(), 0, 4)
    arguments[place][at] = value
    ours, native = (computed(op, arguments, name) for name in ("iree", "native"))
    assert not ours[0, 1].isfinite().any()
    assert native[0, 1].isfinite().logical_not().any()
    torch.testing.assert_close(ours[1], native[1], atol=1e-2, rtol=1e-2)


@pytest.mark.skipif(
    "cpu:x86-64-v3" not in [target.name for target in Device("local-sync").targets],
    reason="needs the features of x86-64-v3",
)
def test_an_int8_cache_on_a_cpu_without_avx512_has_the_error_of_torch(op: IrOp) -> None:
    arguments = cached([300, 40], cache=torch.int8, dtype=torch.bfloat16)

    class Decoder(torch.nn.Module):
        def forward(self, *given: Tensor) -> Tensor:
            return op(*given[:5], None, None, None, None, *given[5:])

    tensors = tuple(a for a in arguments if a is not None)
    with op.set_priority(["iree"]), ir.strict_priority():
        program = aot.export(Decoder(), tensors, target="cpu:x86-64-v3")
    assert "x86.avx2.pmadd.wd" in program.mlir()
    ours = program(*tensors)
    assert error_of(ours, arguments) <= 1.5 * error_of(computed(op, arguments, "native"), arguments)


def test_pages_in_another_place_give_the_same_bits(op: IrOp) -> None:
    arguments = cached([300, 40])
    moved = list(arguments)
    order = torch.randperm(arguments[1].shape[0], generator=torch.Generator().manual_seed(9))
    back = torch.argsort(order).to(torch.int32)
    moved[1], moved[2] = arguments[1][order], arguments[2][order]
    known = arguments[3] < back.numel()
    moved[3] = torch.where(known, back[arguments[3].clamp(max=back.numel() - 1)], arguments[3])
    one, other = computed(op, arguments), computed(op, moved)
    torch.testing.assert_close(one, other, rtol=0, atol=0)


BAD = {
    "longer than the table": (
        4,
        [5, 321],
        "`lengths` has 321, must be in 0..320, the keys of its ",
    ),
    "negative": (4, [-1, 300], "`lengths` has -1, must be in 0..320, the keys of its row of "),
    "a page that is not there": (
        3,
        [1, 3],
        "`block_table` has 99, must be in 0..42, the blocks of",
    ),
    "a negative page": (3, [0, 0], "`block_table` has -7, must be in 0..42, the blocks of"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("provider", ["iree", "native"])
def test_what_is_not_in_the_cache_is_refused(op: IrOp, what: str, provider: str) -> None:
    arguments = cached([5, 300])
    place, value, message = BAD[what]
    if place == 4:
        arguments[4] = torch.tensor(value, dtype=torch.int32)
    else:
        arguments[3][value[0], value[1]] = -7 if "negative" in what else 99
    with pytest.raises(IndexOutOfRangeError) as caught:
        computed(op, arguments, provider)
    assert str(caught.value).startswith(f"paged_attention_decode: {message}")
    assert isinstance(caught.value, IndexError)


def test_a_cache_without_pages_has_no_keys(op: IrOp) -> None:
    arguments = cached([0, 0])
    arguments[1], arguments[2] = arguments[1][:0], arguments[2][:0]
    assert (computed(op, arguments) == 0).all()
    arguments[4] = torch.tensor([0, 1], dtype=torch.int32)
    arguments[3][:] = 0
    with pytest.raises(IndexOutOfRangeError, match=r"`block_table` has 0, must be empty"):
        computed(op, arguments)


def test_no_sequences_and_meta_tensors(op: IrOp) -> None:
    arguments = cached([5, 300])
    none = [a[:0] if i in (0, 3, 4) else a for i, a in enumerate(arguments)]
    assert computed(op, none).shape == (0, *arguments[0].shape[1:])
    on_meta = op(*(a.to("meta") if isinstance(a, Tensor) else a for a in arguments))
    assert (on_meta.shape, on_meta.device.type) == (arguments[0].shape, "meta")


def test_compiled_with_open_sizes_it_is_the_same(op: IrOp) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(called(op), backend="aot_eager", dynamic=True, fullgraph=True)
    for lengths in ([5, 300], [40, 41, 42]):
        arguments = cached(lengths)
        torch.testing.assert_close(compiled(*arguments), op(*arguments), rtol=0, atol=0)
    with pytest.raises(IndexOutOfRangeError):
        compiled(*arguments[:4], torch.tensor([1, 2, 321], dtype=torch.int32), *arguments[5:])


def test_what_the_kernel_does_not_take_native_computes(op: IrOp) -> None:
    arguments = cached([5, 300])
    halves = [t[:, :, :8].contiguous() for t in arguments[1:3]]  # pages of 8 keys
    arguments[1:3], arguments[4] = halves, torch.tensor([5, 8], dtype=torch.int32)
    assert op.explain(*arguments).chosen == "native"
    assert error_of(op(*arguments), arguments) < 1e-5


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (8, torch.zeros(HEADS + 1), "`sinks` is f32[5], must have 4 elements, one a head"),
        (6, 0, "`window` is 0, must be at least 1"),
        (7, -1.0, "`soft_cap` is -1.0, must be positive and finite"),
        (4, torch.zeros(3, dtype=torch.int32), "`lengths` is i32[3], must have a first dimension"),
        (0, torch.zeros(2, HEADS, 0), "`query` is f32[2, 4, 0], must have a last dimension of at"),
        (1, torch.zeros(43, 3, PAGE, 24), "`key_cache` is f32[43, 3, 16, 24], must have pages of"),
        (9, torch.zeros(43, 2, PAGE), "`key_scale` is f32[43, 2, 16], must be f32, one number a"),
    ],
)
def test_bad_arguments_are_refused(op: IrOp, place: int, value: Any, message: str) -> None:
    arguments = cached([5, 300])
    arguments[place] = value
    with pytest.raises(ArgumentError) as caught:
        op(*arguments)
    assert str(caught.value).startswith(f"paged_attention_decode: {message}")


def test_an_int8_cache_without_scales_is_refused(op: IrOp) -> None:
    arguments = cached([5, 300], cache=torch.int8)
    arguments[10] = None
    with pytest.raises(ArgumentError, match=r"`value_scale` is None, must be f32, one number a"):
        op(*arguments)
