"""A program changes its arguments where they lie, and copies them only where it must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.launch.direct import native
from ir_runtime.launch.launchable import Launchable
from ir_runtime.settings import override_settings

pytestmark = pytest.mark.skipif(native.why_absent() is not None, reason="no C launcher")

ROWS, WIDTH = 16, 8


class Step(torch.nn.Module):
    """A step of decoding: one token into a buffer and two arguments, which are then read."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(rows, WIDTH))

    def forward(
        self, keys: Tensor, values: Tensor, at: Tensor, row: Tensor
    ) -> tuple[Tensor, Tensor]:
        self.cache.index_copy_(0, at, row)
        keys[at] = row * 2
        values[0:1] = row
        values.index_copy_(0, at + 1, row * 3)
        return keys[:4].sum(0) + values[1], row + 1


def step_arguments(rows: int = ROWS, at: int = 5) -> tuple[Tensor, ...]:
    row = torch.arange(1.0, WIDTH + 1).view(1, WIDTH)
    return torch.zeros(rows, WIDTH), torch.zeros(rows, WIDTH), torch.tensor([at]), row


@pytest.fixture(scope="module")
def step() -> tuple[Step, aot.Program, Launchable]:
    module = Step(ROWS)
    program = aot.export(module, step_arguments(), name="step_in_place")
    return module, program, program.launchable()


def hits(program: Launchable) -> int:
    return 0 if program._calls.fast is None else program._calls.fast.hits


def test_a_step_of_decoding_copies_nothing_and_is_served_by_the_launcher(
    step: tuple[Step, aot.Program, Launchable],
) -> None:
    module, program, launchable = step
    args, eager = step_arguments(), Step(ROWS)
    expected = [value.clone() for value in args]
    for _ in range(2):  # a miss, then a hit
        launchable(*args)
    before, versions = hits(launchable), [module.cache._version, args[0]._version]
    with count_since() as counts:
        got = launchable(*args)
    assert (counts[0].copies, hits(launchable) - before) == (0, 1)
    assert [module.cache._version, args[0]._version] == [version + 1 for version in versions]
    for one, other in zip(got, eager(*expected), strict=True):
        assert torch.equal(one, other)
    assert all(map(torch.equal, (*args, module.cache), (*expected, eager.cache)))
    assert program.explain(*args).changes == (
        "keys: where it lies",
        "values: where it lies",
        "cache: where it lies",
    ), program.explain(*args)


def test_one_token_into_a_large_cache_allocates_nothing() -> None:
    rows = 1 << 21  # 64 MiB
    module, args = Step(rows), step_arguments(rows)
    program = aot.export(module, args, name="step_in_place").launchable()
    program(*args)
    # A profiler keeps calls off the fast path; they allocate the same.
    with (
        count_since() as counts,
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen,
    ):
        program(*args)
    assert sum(max(0, event.cpu_memory_usage) for event in seen.events()) < 4096
    plan = program.explain(*args).plan
    assert plan is not None
    assert sum(plan.transients) < 4096
    assert counts[0].copies == 0
    assert int((module.cache != 0).any(1).sum()) == 1


def strided(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, -1)[..., ::2]


def misaligned(x: Tensor) -> Tensor:
    return torch.empty(x.numel() + 1, dtype=x.dtype)[1:].view(x.shape).copy_(x)


def at_an_offset(x: Tensor) -> Tensor:
    first = 64 // x.dtype.itemsize
    return torch.empty(x.numel() + first, dtype=x.dtype)[first:].view(x.shape).copy_(x)


@pytest.mark.parametrize(
    ("layout", "copies", "where"),
    [
        (at_an_offset, 0, "where it lies"),
        (strided, 4, "on a copy: strides"),
        (misaligned, 4, "on a copy: alignment"),
    ],
)
def test_arguments_are_copied_only_where_their_layout_forces_it(
    step: tuple[Step, aot.Program, Launchable],
    layout: Callable[[Tensor], Tensor],
    copies: int,
    where: str,
) -> None:
    module, program, launchable = step
    keys, values, at, row = step_arguments()
    given, eager = (layout(keys), layout(values), at, row), Step(ROWS)
    launchable(*given)
    with count_since() as counts:
        launchable(*given)
    eager(keys, values, at, row)
    assert counts[0].copies == copies  # two tensors, to a copy and back
    assert torch.equal(given[0], keys)
    assert torch.equal(given[1], values)
    assert torch.equal(module.cache, eager.cache)
    assert program.explain(*given).changes[0] == f"keys: {where}"


@pytest.mark.parametrize("layout", [at_an_offset, strided])
@pytest.mark.parametrize("at", [ROWS - 1, ROWS])
def test_an_illegal_index_changes_nothing(
    step: tuple[Step, aot.Program, Launchable], layout: Callable[[Tensor], Tensor], at: int
) -> None:
    module, _, launchable = step
    keys, values, place, row = step_arguments()
    good = (layout(keys + 3), layout(values + 4), place, row)
    for _ in range(2):
        launchable(*good)
    before = [value.clone() for value in (*good[:2], module.cache)]
    for _ in range(2):
        # The last row is legal for the first write, not for the one at the next row.
        with pytest.raises(IndexOutOfRangeError):
            launchable(*good[:2], torch.tensor([at]), row)
        assert all(map(torch.equal, (*good[:2], module.cache), before))


def test_arguments_that_cannot_be_changed_are_refused_after_hits_too(
    step: tuple[Step, aot.Program, Launchable],
) -> None:
    module, _, launchable = step
    keys, values, at, row = step_arguments()
    for _ in range(2):
        launchable(keys, values, at, row)
    with torch.inference_mode():
        inference = torch.zeros(ROWS, WIDTH)
    refused = {
        "requires a gradient": (keys.clone().requires_grad_(), values, at, row),
        "is an inference tensor": (keys, inference, at, row),
        "shares memory with argument 1": (keys, keys, at, row),
        "shares memory with argument 4": (module.cache, values, at, row),
        "elements that share memory": (keys[:1].expand(ROWS, WIDTH), values, at, row),
    }
    for words, args in refused.items():
        before = [value.clone() for value in (*args, module.cache)]
        with pytest.raises(ArgumentError, match=words):
            launchable(*args)
        assert all(map(torch.equal, (*args, module.cache), before))


def change_oddly(
    returned: Tensor, old: Tensor, one: Tensor, other: Tensor, flipped: Tensor, x: Tensor
) -> tuple[Tensor, ...]:
    """Change arguments whose old or new contents are also results, or contents of others."""
    before = old.clone()
    old.add_(x)
    returned[0:1] = x[0:1]
    swapped = one.clone()
    one.copy_(other)
    other.copy_(swapped)
    flipped.copy_(flipped.flip(0) + x)
    return returned, returned[1:3], before


def test_contents_that_are_needed_elsewhere_are_copied() -> None:
    args = tuple(torch.randn(ROWS, WIDTH) for _ in range(6))
    program = aot.export(change_oddly, args, name="change_oddly")
    for launch in ("auto", "vm"):
        with override_settings(launch=launch):
            expected = [value.clone() for value in args]
            for _ in range(2):
                got = program(*args)
                for one, two in zip(got, change_oddly(*expected), strict=True):
                    torch.testing.assert_close(one, two)
                for one, two in zip(args, expected, strict=True):
                    torch.testing.assert_close(one, two)
            memories = {value.untyped_storage().data_ptr() for value in (*got, *args)}
            assert len(memories) == len(got) + len(args)
    assert program.explain(*args).changes == (
        "returned: where it lies",
        "old: computed aside and copied: its old contents are a result, too",
        "one: computed aside and copied: its old contents are a result, too",
        "other: computed aside and copied: its old contents are a result, too",
        "flipped: computed aside and copied: it is read after its first element is written",
    )


def change_kinds(truth: Tensor, bytes_: Tensor, nothing: Tensor, number: Tensor) -> Tensor:
    """Change arguments of other dtypes, one without elements and one without dimensions."""
    truth.logical_and_(bytes_ > 3)
    bytes_.add_(200)
    nothing.add_(1)
    number.add_(1)
    return bytes_.sum()


def test_arguments_of_any_dtype_and_size_are_changed() -> None:
    def fresh() -> tuple[Any, ...]:
        numbers = torch.arange(100, dtype=torch.uint8)
        return numbers % 2 == 0, numbers, torch.empty(0, 3), torch.tensor(1.5)

    program = aot.export(change_kinds, fresh(), name="change_kinds")
    given, expected = fresh(), fresh()
    for _ in range(3):
        assert torch.equal(program(*given), change_kinds(*expected))
        assert all(map(torch.equal, given, expected))
