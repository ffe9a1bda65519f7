"""Are queries rotated and keys kept in one launch, as by the two ops that it takes the place of?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.op_reg import explain
from kernels_mlir.attention.layers import Attention
from kernels_mlir.attention.paged_cache import PagedCache
from kernels_mlir.inplace.rotary_reshape_and_cache import native_rotary_reshape_and_cache
from tests.decoder.arguments import DEPTH, HEADS, KV_HEADS, PAGE, normal

PAGES, POSITIONS, ROTARY_DIM = 6, 50, 16
KINDS = {
    "f32": (torch.float32, torch.int64, True),
    "int8": (torch.int8, torch.int32, False),
}
each_kind = pytest.mark.parametrize("kind", KINDS)
step = torch.ops.ir_inplace.rotary_reshape_and_cache


def arguments(kind: str, tokens: int = 9) -> tuple[list[Tensor], dict[str, Any]]:
    dtype, index, is_neox = KINDS[kind]
    query, *others = (
        normal(tokens, heads, DEPTH, seed=seed)
        for seed, heads in enumerate((HEADS, KV_HEADS, KV_HEADS))
    )
    angles = normal(POSITIONS, ROTARY_DIM, seed=3)
    shape = (PAGES, KV_HEADS, PAGE, DEPTH)
    caches = [(normal(*shape, seed=seed) * 9).to(dtype) for seed in (4, 5)]
    generator = torch.Generator().manual_seed(6)
    positions = torch.randint(POSITIONS, (tokens,), generator=generator).to(index)
    slots = torch.randperm(PAGES * PAGE, generator=generator)[:tokens].to(index)
    slots[4:5] = -1
    options: dict[str, Any] = {"is_neox_style": is_neox}
    if dtype == torch.int8:
        options |= {name: torch.rand(shape[:3]) for name in ("key_scale", "value_scale")}
    return [positions, query, *others, angles, *caches, slots], options


def copied(values: list[Tensor], options: dict[str, Any]) -> tuple[list[Tensor], dict[str, Any]]:
    kept = {n: v.clone() if isinstance(v, Tensor) else v for n, v in options.items()}
    return [v.clone() for v in values], kept


@each_kind
@pytest.mark.parametrize("tokens", [0, 1, 9])
def test_it_computes_what_native_does_and_copies_nothing(kind: str, tokens: int) -> None:
    values, options = arguments(kind, tokens)
    others, their_options = copied(values, options)
    places = [t.data_ptr() for t in values[5:7]]
    with count_since() as counted:
        turned = step(*values, **options)
    assert counted[0].copies == 0
    assert places == [t.data_ptr() for t in values[5:7]]
    expected = native_rotary_reshape_and_cache(*others, **their_options)
    torch.testing.assert_close(turned, expected, rtol=1e-6, atol=1e-6)
    found = [*values, *options.values()]
    for ours, native in zip(found, [*others, *their_options.values()], strict=True):
        torch.testing.assert_close(ours, native, rtol=1e-6, atol=1e-6)
    report = explain(step, *values, *options.values())
    assert report.executor == "direct"
    assert str(report).count("where it lies") == len(options) + 1


@each_kind
@pytest.mark.parametrize(("place", "index"), [(0, POSITIONS), (0, -1), (7, PAGES * PAGE), (7, -2)])
def test_a_bad_index_is_refused_and_nothing_is_written(kind: str, place: int, index: int) -> None:
    values, options = arguments(kind)
    values[place][3] = index
    before, _ = copied(values, options)
    name = {0: "positions", 7: "slot_mapping"}[place]
    with pytest.raises(IndexOutOfRangeError, match=f"^{step.__name__}: `{name}` has {index}, must"):
        step(*values, **options)
    assert all(map(torch.equal, values, before))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, torch.zeros(8, dtype=torch.int64), "`positions` is i64[8], must have 9 elements"),
        (1, torch.zeros(8, HEADS, DEPTH), "`key` is f32[9, 2, 24], must have the tokens"),
        (4, torch.zeros(POSITIONS, 26), "`cos_sin_cache` is f32[50, 26], must have at least one"),
        (4, torch.zeros(POSITIONS, 3), "`cos_sin_cache` is f32[50, 3], must have at least one"),
        (6, torch.zeros(PAGES, 3, PAGE, DEPTH), "`value_cache` is f32[6, 3, 16, 24], must have"),
    ],
)
def test_bad_arguments_are_refused(place: int, value: Tensor, message: str) -> None:
    values, options = arguments("f32")
    values[place] = value
    with pytest.raises(ArgumentError) as caught:
        step(*values, **options)
    assert str(caught.value).startswith(f"rotary_reshape_and_cache: {message}")


def test_the_layer_rotates_a_step_of_single_tokens_in_that_launch() -> None:
    class Names(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            called.append(func.name())
            return func(*args, **(kwargs or {}))

    called: list[str] = []
    cache = PagedCache(1, 4, KV_HEADS, DEPTH, page=PAGE, dtype=torch.float32)
    attention = Attention(HEADS, DEPTH, num_kv_heads=KV_HEADS)
    query, key, value = (normal(2, heads, DEPTH) for heads in (HEADS, KV_HEADS, KV_HEADS))
    angles, pages = normal(POSITIONS, DEPTH, seed=1), cache.layers[0]
    with torch.no_grad(), Names():
        step_of_two = cache.step({"a": 1, "b": 1})
        attention(query, key, value, pages, step_of_two, cos_sin_cache=angles)
    written = [name for name in called if name.startswith("ir_inplace")]
    assert written == ["ir_inplace::rotary_reshape_and_cache"]
    torch.testing.assert_close(cache.layers[0].value[step_of_two.table[:, 0].long(), :, 0], value)
