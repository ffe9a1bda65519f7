"""Arguments that an op changes are written where they lie, and are right wherever they lie."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from ir_runtime.counters import count_since
from ir_runtime.errors import IndexOutOfRangeError
from ir_runtime.launch.direct import native
from ir_runtime.op_reg import CustomOp, explain
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.settings import override_settings
from tests.op_reg.in_place_ops import (
    WIDTH,
    add_flipped,
    add_row_at,
    put_at,
    put_into_each,
    put_into_each_by_torch,
    rows_of,
    scale_and_add,
)
from tests.op_reg.ops import LIBRARY, op_of

needs_launcher = pytest.mark.skipif(native.why_absent() is not None, reason="no C launcher")


def cache_of(rows: int = 16) -> Tensor:
    return torch.randn(rows, WIDTH)


def places(*rows: int) -> Tensor:
    return torch.tensor(rows)


CALLS: dict[str, Callable[[], tuple[Any, tuple[Any, ...]]]] = {
    "scatter": lambda: (put_at, (cache_of(), places(3, 1), rows_of(2))),
    "tied dispatch": lambda: (add_row_at, (3, cache_of(), torch.randn(WIDTH))),
    "pointwise": lambda: (scale_and_add, (cache_of(), cache_of())),
    "several": lambda: (
        put_into_each,
        ([cache_of(), cache_of(5)], torch.randn(3), places(3, 1), rows_of(2)),
    ),
    "list, None": lambda: (put_into_each, ([cache_of()], None, places(3, 1), rows_of(2))),
}


@needs_launcher
@pytest.mark.parametrize("name", CALLS)
def test_call_copies_nothing_and_is_served_by_the_launcher(name: str) -> None:
    packet, args = CALLS[name]()
    packet(*args)
    fast = op_of(packet).calls.fast
    before = fast.hits
    with count_since() as counts:
        packet(*args)
    assert (counts[0].copies, counts[0].selects) == (0, 0)
    assert fast.hits == before + 1
    plan = explain(packet, *args).plan
    assert plan is not None
    assert not plan.staged
    assert all(change.endswith("where it lies") for change in explain(packet, *args).changes)


@needs_launcher
@pytest.mark.parametrize("call", [put_at, add_row_at], ids=["scatter", "tied dispatch"])
def test_one_row_into_a_large_cache_allocates_nothing(call: Any) -> None:
    cache = torch.zeros(1 << 20, WIDTH)
    row = torch.ones(1, WIDTH)
    args = (cache, places(77), row) if call is put_at else (77, cache, row[0])
    call(*args)
    # A profiler keeps calls off the fast path, and does so for both measurements alike.
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call(*args)
    assert sum(max(0, event.cpu_memory_usage) for event in seen.events()) < 4096
    assert sum(explain(call, *args).plan.transients) < 4096
    assert torch.equal(cache[77], row[0] * (1 if call is put_at else 2))
    assert int((cache != 0).any(1).sum()) == 1


def test_result_that_is_the_argument_is_returned_by_the_launcher() -> None:
    cache = cache_of()
    for _ in range(3):
        assert put_at(cache, places(1), rows_of(1)) is cache


def test_each_call_counts_as_one_change() -> None:
    cache, base = cache_of(), torch.randn(17, WIDTH)
    for x in (cache, base[1:], cache[:, :].t().contiguous().t()):
        for _ in range(3):
            before = x._version
            put_at(x, places(1), rows_of(1))
            assert x._version == before + 1


def test_change_of_a_saved_tensor_is_an_error_of_autograd() -> None:
    weight, cache = torch.randn(WIDTH, requires_grad=True), cache_of()
    put_at(cache, places(1), rows_of(1))
    loss = (weight * cache).sum()
    put_at(cache, places(1), rows_of(1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_inference_tensor_is_changed_in_inference_mode_only() -> None:
    with torch.inference_mode():
        cache = cache_of()
        for _ in range(2):
            put_at(cache, places(1), torch.ones(1, WIDTH))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="inference tensor"):
            put_at(cache, places(2), torch.full((1, WIDTH), 9.0))
    assert torch.equal(cache[1], torch.ones(WIDTH))
    assert not torch.equal(cache[2], torch.full((WIDTH,), 9.0))


@pytest.mark.parametrize("threads", [1, 2])
def test_illegal_index_changes_none_of_several(threads: int) -> None:
    caches, scale = [cache_of(4096), cache_of(4096)], torch.randn(1 << 16)
    args = (caches, scale, torch.arange(4096), rows_of(4096))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        put_into_each(*args)
        put_into_each(*args)
        old = [caches[0].clone(), caches[1].clone(), scale.clone()]
        with pytest.raises(IndexOutOfRangeError):
            put_into_each(caches, scale, torch.arange(4096) + 1, rows_of(4096))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, [*caches, scale], old))


def test_copy_is_counted_and_explained() -> None:
    x, y = cache_of(), cache_of()
    base = torch.randn(40 * WIDTH)
    misaligned, strided = base[1 : 1 + 8 * WIDTH].view(8, WIDTH), torch.randn(WIDTH, 16).t()
    overlapping = base[: 8 * WIDTH].view(8, WIDTH), base[WIDTH * 2 : WIDTH * 10].view(8, WIDTH)
    cases = [
        (scale_and_add, (x, y), 0, "where it lies"),
        (add_flipped, (x, y), 1, "computed aside and copied: it is read after its first element"),
        (scale_and_add, (misaligned, y[:8]), 2, "on a copy: alignment"),
        (scale_and_add, (strided, x), 2, "on a copy: strides"),
        (scale_and_add, overlapping, 2, "on a copy: it overlaps another argument"),
        (scale_and_add, (x, x), 2, "on a copy: it overlaps another argument"),
    ]
    for packet, args, copies, says in cases:
        for _ in range(2):
            with count_since() as counts:
                packet(*args)
            assert counts[0].copies == copies, says
        (change,) = explain(packet, *args).changes
        assert change.startswith(f"x: {says}")
    with override_settings(launch="vm"), count_since() as counts:
        scale_and_add(x, y)
        assert explain(scale_and_add, x, y).changes[0].startswith("x: computed aside and copied")
    assert counts[0].copies == 1


# --- drawn by chance ---


def draw_layout(rng: random.Random, rows: int, pool: Tensor, *, expand: bool = False) -> Tensor:
    """Return a `[rows, WIDTH]` tensor in one of many layouts, often in the memory of `pool`."""
    size = rows * WIDTH
    kind = rng.choice(("new", "pool", "pool", "strided", "transposed", "columns", "expanded"))
    if kind == "pool":  # starts anywhere: it may be misaligned, and overlap another one
        start = rng.choice((0, 16, 32, rng.randrange(64)))
        return pool[start : start + size].view(rows, WIDTH)
    if kind == "strided":
        return torch.randn(2 * rows, WIDTH)[::2]
    if kind == "transposed":
        return torch.randn(WIDTH, rows).t()
    if kind == "columns":
        return torch.randn(rows, 2 * WIDTH)[:, WIDTH:]
    if kind == "expanded" and expand:
        return torch.randn(1, WIDTH).expand(rows, WIDTH)
    return torch.randn(rows, WIDTH)


def draw_call(rng: random.Random) -> tuple[Any, list[Any], Callable[..., Any]]:
    """Return an op, its arguments, and what torch computes: results, then new contents."""
    pool = torch.randn(64 + 24 * WIDTH)
    rows = rng.choice((1, 3, 16, 17))
    x = draw_layout(rng, rows, pool)
    same = rng.random() < 0.1
    kind = rng.choice(("scatter", "tied", "pointwise", "late", "several"))
    if kind in ("pointwise", "late"):
        y = x if same else draw_layout(rng, rows, pool, expand=True)
        if kind == "pointwise":
            return scale_and_add, [x, y], lambda x, y: ((), [x * 2 + y])
        return add_flipped, [x, y], lambda x, y: ((), [x.flip(0, 1) + y])
    if kind == "tied":
        at, row = rng.randrange(rows), x[-1] if same else torch.randn(WIDTH)
        index = torch.tensor([at])
        return (
            add_row_at,
            [at, x, row],
            lambda _, x, row: ((), [x.index_add(0, index, row[None])]),
        )
    count = rng.randrange(rows + 1) if kind == "scatter" else 1
    index = torch.tensor(rng.sample(range(rows), count), dtype=torch.int64)
    new = x[:count] if same else draw_layout(rng, count, pool, expand=True)
    if kind == "scatter":
        return (
            put_at,
            [x, index, new],
            lambda x, index, new: ((), [x.index_put((index,), new)]),
        )
    other = x if rng.random() < 0.1 else draw_layout(rng, rows, pool)
    scale = None if rng.random() < 0.4 else pool[: rng.randrange(1, 9)]

    def several(caches: Any, scale: Any, index: Tensor, new: Tensor) -> Any:
        old, news, scaled = put_into_each_by_torch(caches, scale, index, new)
        return (old,), [*news, *([] if scaled is None else [scaled])]

    return put_into_each, [[x, other], scale, index, new], several


def changed_by(packet: Any, args: list[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for i in op_of(packet).mutated_args:
        found += args[i] if isinstance(args[i], list) else [args[i]]
    return [tensor for tensor in found if tensor is not None]


def copied(value: Any) -> Any:
    if isinstance(value, list):
        return [each.clone() for each in value]
    return value.clone() if isinstance(value, Tensor) else value


def memory_of(args: list[Any]) -> list[Tensor]:
    tensors = [t for a in args for t in (a if isinstance(a, list) else [a]) if torch.is_tensor(t)]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}
    return [torch.tensor([], dtype=torch.uint8).set_(s).clone() for s in storages.values()]


SEEDS = (0, 1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 20)))


@pytest.mark.parametrize("launch", ["auto", pytest.param("vm", marks=pytest.mark.full)])
@pytest.mark.parametrize("seed", SEEDS)
def test_arguments_of_any_layout_are_changed_as_torch_does(seed: int, launch: str) -> None:
    """All reads come before all writes, and nothing else in the memory of an argument changes."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    with override_settings(launch=launch):
        for _ in range(100):
            packet, args, by_torch = draw_call(rng)
            results, contents = by_torch(*(copied(a) for a in args))
            before = memory_of(args)
            found = packet(*args)
            memory = memory_of(args)
            # The same writes again, into the memory as it was before, by torch.
            twins = replay(args, before)
            for target, new in zip(changed_by(packet, twins), contents, strict=True):
                target.copy_(new)
            for one, other in zip(memory, memory_of(twins), strict=True):
                assert torch.equal(one, other), packet
            for result in results:
                torch.testing.assert_close(found, result)


def replay(args: list[Any], before: list[Tensor]) -> list[Any]:
    """Return arguments of the same layouts, in copies of the memory."""
    copies: dict[int, Tensor] = {}
    blocks = iter(before)

    def twin(tensor: Tensor) -> Tensor:
        block = tensor.untyped_storage().data_ptr()
        if block not in copies:
            copies[block] = next(blocks).view(tensor.dtype)
        return copies[block].as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    return [
        [twin(t) for t in a] if isinstance(a, list) else twin(a) if torch.is_tensor(a) else a
        for a in args
    ]


class _PutWide(type(op_of(put_at))):
    """Rows so long that torch writes them on several threads."""

    signature = "put_wide_@UNIQUE@(Tensor(a!) cache, Tensor places, Tensor rows) -> Tensor(a!)"


def test_trace_of_a_write_is_not_refused_where_torch_writes_equal_indices_in_any_order() -> None:
    packet: Any = CustomOp.register(_PutWide, library=LIBRARY)
    args = (torch.zeros(8, 4096), places(1, 2), torch.ones(2, 4096))
    for _ in range(5):
        assert b"scatter" in kernel_source(op_of(packet), run_select(op_of(packet), args))
