"""Which calls a `Choice` serves, and which function computes them."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
import torch
from torch.autograd import forward_ad

from ir_runtime.launch.direct.native._launcher import Choice

REFUSED = object()


class Own(torch.Tensor):
    """A subclass."""


class DeclinedError(Exception):
    """What a function raises that does not take a call."""


def choice(kinds: str = "tt-", levels: dict[int, bool] | None = None, **options: Any) -> Choice:
    return Choice(
        lambda *_: "otherwise",
        kinds=kinds,
        not_plain=REFUSED,
        not_taken=DeclinedError,
        levels={10: False} if levels is None else levels,
        set_devices=options.pop("set_devices", []),
        **options,
    )


def call(*sizes: int, by: Any = 1) -> tuple[Any, ...]:
    return torch.ones(*(sizes or (4, 8))), torch.ones(3), by


def taught(details: str = "aaa", **options: Any) -> Choice:
    made = choice()
    assert made.remember(call(), details, lambda *_: "chosen", **options)
    return made


def test_plain_calls_are_served() -> None:
    made, (x, y, _) = choice("to-"), call()
    weight = torch.nn.Parameter(torch.ones(3))
    sparse = torch.ones(3).to_sparse()
    for tensors in ((x, y), (x, None), (x.half()[::2], y), (x, sparse), (torch.ones([1] * 7), y)):
        assert made.plain(*tensors, 1) == made.keyed(*tensors, 1) == "otherwise"
    assert made.plain(x, torch.nn.Parameter(y, requires_grad=False), [x]) == "otherwise"
    assert made.below(x, weight, 1) == "otherwise"
    with torch.no_grad():
        assert made.plain(x, weight, 1) == "otherwise"
    with torch.inference_mode():
        assert made.plain(torch.ones(2), y, 1) == "otherwise"


@pytest.mark.parametrize("knows", [True, False])
def test_all_other_calls_are_refused(knows: bool) -> None:
    made, (x, y, _) = taught() if knows else choice(), call()
    others = (None, 1.0, [x], x.to("meta"), x.as_subclass(Own), torch.ones(3, requires_grad=True))
    for other in others:
        assert made.plain(x, other, 1) is REFUSED, other
        assert made.plain(other, x, 1) is REFUSED, other
    assert made.plain(x, y) is made.plain(x, y, 1, 1) is REFUSED
    assert made.below(x, x.to("meta"), 1) is REFUSED
    grown = (x * 2).requires_grad_()
    assert made.plain(grown.relu(), y, 1) is made.keyed(x, grown, 1) is REFUSED
    with forward_ad.dual_level():
        assert made.plain(x, y, 1) is REFUSED
    seen: list[Any] = []

    def row(each: torch.Tensor) -> torch.Tensor:
        seen.extend((made.plain(each, y, 1), made.plain(x, y, 1)))
        return each

    torch.vmap(row)(torch.ones(2, 3))
    assert seen == [REFUSED, REFUSED]


def test_what_counts_of_an_argument() -> None:
    every, kinds = taught("aaa"), taught("knn")
    for at, in_every, in_kinds in (
        (call(), "chosen", "chosen"),
        (call(5, 8), "otherwise", "chosen"),
        (call(4), "otherwise", "otherwise"),
        (call(by=2), "otherwise", "chosen"),
        (call(by=1.0), "otherwise", "chosen"),
        (call(by=[torch.ones(2), 3]), "otherwise", "chosen"),
        ((torch.ones(8, 4).T, torch.ones(3), 1), "otherwise", "chosen"),
        ((torch.ones(4, 8).bfloat16(), torch.ones(3), 1), "otherwise", "otherwise"),
        ((torch.ones(4, 8), torch.ones(2).half(), 1), "otherwise", "chosen"),
    ):
        assert (every.plain(*at), kinds.plain(*at)) == (in_every, in_kinds), at
    strided = torch.ones(8, 4).T, torch.ones(6)[::2], 1
    assert every.remember(strided, "aaa", lambda *_: "strided")
    for _ in range(2):  # whichever came last
        assert every.below(*strided) == "strided"
        assert every.below(*call()) == "chosen"


@pytest.mark.parametrize("rank", [0, 5, 6, 9])
def test_sizes_and_strides_of_any_rank(rank: int) -> None:
    made = choice("t")
    whole = torch.zeros([2] * rank)
    assert made.remember((whole,), "a", lambda *_: "whole")
    assert made.plain(torch.ones([2] * rank)) == "whole"
    if rank:
        assert made.plain(whole.transpose(0, -1).contiguous().transpose(0, -1)) == "otherwise"
        assert made.plain(torch.ones([*[2] * (rank - 1), 3])) == "otherwise"


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.int64, torch.bool, torch.bfloat16, torch.complex64, torch.float8_e4m3fn],
)
def test_dtypes_are_told_apart(dtype: torch.dtype) -> None:
    made = choice("t")
    made.remember((torch.empty(2, dtype=dtype),), "k", lambda *_: dtype)
    for other in (torch.uint8, torch.int8, torch.float16, torch.bool, torch.int64, dtype):
        wanted = dtype if other is dtype else "otherwise"
        assert made.plain(torch.empty(2, dtype=other)) == wanted


def test_a_tensor_in_place_of_a_number_is_not_remembered() -> None:
    made = choice()
    assert not made.remember(call(by=torch.ones(())), "aaa", lambda *_: "chosen")
    assert not made.remember((torch.ones(2).to("meta"), torch.ones(2), 1), "aaa", lambda *_: 1)
    assert made.remembered == 0
    assert taught().plain(*call(by=torch.ones(()))) == "otherwise"


def test_skipped_functions_are_logged_by_otherwise() -> None:
    levels: dict[int, bool] = {}
    made = choice(levels=levels)
    made.remember(call(), "aaa", lambda *_: "chosen", skips=True)
    assert made.plain(*call()) == "otherwise"
    levels[10] = False
    assert made.plain(*call()) == "chosen"
    levels[10] = True
    assert made.plain(*call()) == "otherwise"


def test_a_function_may_decline() -> None:
    def decline(*_: Any) -> Any:
        raise DeclinedError

    made = choice()
    made.remember(call(), "aaa", decline, declines=True)
    assert (made.plain(*call()), made.remembered) == ("otherwise", 0)
    made.remember(call(), "aaa", decline)
    with pytest.raises(DeclinedError):
        made.plain(*call())


def test_what_is_remembered_holds_without_devices_and_for_a_number_of_threads() -> None:
    devices: list[Any] = []
    made = choice(set_devices=devices)
    made.remember(call(), "aaa", lambda *_: "chosen")
    devices.append("a device")
    assert made.plain(*call()) == "otherwise"
    devices.clear()
    before = made.threads = torch.get_num_threads()
    try:
        assert made.plain(*call()) == "chosen"
        torch.set_num_threads(before + 1)
        assert made.plain(*call()) == "otherwise"
    finally:
        torch.set_num_threads(before)
    made.asks_again = 3
    assert [made.plain(*call()) for _ in range(4)] == ["chosen", "chosen", "otherwise", "chosen"]
    assert made.hits == 4
    made.remember(call(), "aaa", lambda *_: "chosen again")  # as `otherwise` does
    assert (made.plain(*call()), made.remembered) == ("chosen again", 1)
    made.clear()
    assert made.plain(*call()) == "otherwise"


def test_the_oldest_call_goes_first() -> None:
    made = choice("t", capacity=2)
    for n in (1, 2, 3):
        made.remember((torch.ones(n),), "a", lambda *_, n=n: n)
    assert [made.plain(torch.ones(n)) for n in (1, 2, 3, 2)] == ["otherwise", 2, 3, 2]


def test_wrong_uses_are_refused() -> None:
    made = choice()
    for given in ((call(), "aa"), (call()[:2], "aaa"), (call(), "axa")):
        with pytest.raises(ValueError, match="remember: "):
            made.remember(*given, lambda *_: 1)
    with pytest.raises(ValueError, match="must be a function"):
        made.remember(call(), "aaa", 1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="at least 1"):
        made.clear(0)
    with pytest.raises(ValueError, match="at most 64"):
        choice("t" * 65)


def test_hits_leave_nothing_behind() -> None:
    made, given = taught(), call()
    made.plain(*given)
    gc.collect()
    counts = [sys.getrefcount(o) for o in (*given[:2], made, REFUSED)]
    for _ in range(1000):
        made.plain(*given)
        made.plain(*given[:2], 2)
        made.plain(given[0], None, 1)
    assert [sys.getrefcount(o) for o in (*given[:2], made, REFUSED)] == counts
