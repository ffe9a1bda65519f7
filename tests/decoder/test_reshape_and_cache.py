"""Do keys and values get into the pages of a cache, and nothing else change?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.op_reg import explain
from kernels_mlir.inplace.reshape_and_cache import native_reshape_and_cache
from tests.decoder.arguments import DEPTH, KV_HEADS, PAGE, normal

PAGES = 6
KINDS = {
    "f32": (torch.float32, torch.float32),
    "int8": (torch.float32, torch.int8),
}
each_kind = pytest.mark.parametrize("kind", KINDS)
write = torch.ops.ir_inplace.reshape_and_cache


def arguments(kind: str, tokens: int = 9) -> list[Any]:
    dtype, cache = KINDS[kind]
    rows = [normal(tokens, KV_HEADS, DEPTH, dtype=dtype, seed=seed) for seed in (0, 1)]
    shape = (PAGES, KV_HEADS, PAGE, DEPTH)
    caches = [(normal(*shape, seed=seed) * 9).to(cache) for seed in (2, 3)]
    slots = torch.randperm(PAGES * PAGE, generator=torch.Generator().manual_seed(4))[:tokens]
    slots[4:5] = -1
    scales = [torch.rand(shape[:3]) for _ in range(2)] if cache == torch.int8 else [None, None]
    return [*rows, *caches, slots, *scales]


def copied(values: list[Any]) -> list[Any]:
    return [v.clone() if isinstance(v, Tensor) else v for v in values]


@each_kind
@pytest.mark.parametrize("tokens", [0, 1, 9, 40])
def test_it_writes_what_native_writes_and_copies_nothing(kind: str, tokens: int) -> None:
    ours = arguments(kind, tokens)
    native = copied(ours)
    ours[0][:1, 0, 1] = native[0][:1, 0, 1] = float("nan")
    ours[1][:1, 0, 1] = native[1][:1, 0, 1] = float("inf")
    places = [t.data_ptr() for t in ours[2:4]]
    with count_since() as counted:
        assert write(*ours) is None
    assert counted[0].copies == 0
    assert places == [t.data_ptr() for t in ours[2:4]]
    native_reshape_and_cache(*native)
    for one, other in zip(ours, native, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    assert "where it lies" in str(explain(write, *ours))


def test_int8_is_the_nearest_number_of_its_scale() -> None:
    values = arguments("int8")
    write(*values)
    key, _, cache, _, slots, scale, _ = values
    for t, slot in enumerate(slots.tolist()):
        if slot >= 0:
            page, within = divmod(slot, PAGE)
            found = cache[page, :, within] * scale[page, :, within].unsqueeze(-1)
            most = scale[page, :, within].unsqueeze(-1) / 2
            assert ((found - key[t]).abs() <= most * 1.001).all()


@each_kind
@pytest.mark.parametrize("slot", [PAGES * PAGE, -2])
def test_a_bad_slot_is_refused_and_nothing_is_written(kind: str, slot: int) -> None:
    values = arguments(kind)
    values[4][3] = slot
    before = copied(values)
    with pytest.raises(IndexOutOfRangeError) as caught:
        write(*values)
    assert str(caught.value) == (
        f"reshape_and_cache: `slot_mapping` has {slot}, must be in -1..95, the slots of "
        "`key_cache`, or -1 for a token that is left out"
    )
    for one, other in zip(values, before, strict=True):
        assert one is None or torch.equal(one, other)


def test_in_a_compiled_function_the_cache_is_written() -> None:
    torch._dynamo.reset()

    @torch.compile(backend="aot_eager", fullgraph=True)
    def step(key: Tensor, value: Tensor, caches: list[Tensor], slots: Tensor) -> Tensor:
        write(key * 2, value, *caches, slots)
        return caches[0].sum()

    values = arguments("f32")
    native = copied(values)
    total = step(values[0], values[1], values[2:4], values[4])
    native_reshape_and_cache(native[0] * 2, *native[1:])
    torch.testing.assert_close(values[2:4], native[2:4], rtol=0, atol=0)
    torch.testing.assert_close(total, native[2].sum())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (3, torch.zeros(PAGES, KV_HEADS, PAGE, DEPTH, dtype=torch.int8), "`value_cache` is i8["),
        (4, torch.zeros(8, dtype=torch.int64), "`slot_mapping` is i64[8], must have 9 elements"),
        (5, torch.zeros(PAGES, KV_HEADS, PAGE), "`key_scale` is f32[6, 2, 16], must be None, as"),
        (2, torch.zeros(PAGES, 3, PAGE, DEPTH), "`value_cache` is f32[6, 2, 16, 24], must have"),
    ],
)
def test_bad_arguments_are_refused(place: int, value: Tensor, message: str) -> None:
    values = arguments("f32")
    values[place] = value
    with pytest.raises(ArgumentError) as caught:
        write(*values)
    assert str(caught.value).startswith(f"reshape_and_cache: {message}")
