"""Which choices of a provider are remembered for plain calls, and when they are forgotten."""

from __future__ import annotations

import logging
import threading

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError, MismatchError, PriorityError
from ir_runtime.ir.log import logger
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.launch.direct import native
from ir_runtime.settings import override_settings

pytestmark = pytest.mark.skipif(native.why_absent() is not None, reason="no C launcher is built")

X = torch.arange(8.0).reshape(2, 4)


@pytest.fixture
def op():
    @ir.register_op
    def remembered(x: Tensor, by: int = 1) -> Tensor:
        return x + by

    return remembered


def provider(op, name: str, seen: list[str], **options):
    def function(x: Tensor, by: int = 1) -> Tensor:
        seen.append(name)
        return x + by

    return op.register_impl(name, **options)(function)


@pytest.fixture
def seen() -> list[str]:
    return []


def used(op, seen: list[str], *args, times: int = 3) -> str:
    """Return the provider that computes a call, the same one each time."""
    seen.clear()
    for _ in range(times):
        assert torch.equal(op(*args), args[0] + (*args, 1)[1])
    (only,) = set(seen)
    return only


@pytest.fixture(params=[True, False], ids=["wrapped", "direct"])
def wrap(request):
    with ir.enable_torch_wrap(request.param):
        yield


def hits(op) -> int:
    return op.priority.current().plain.__self__.hits


@pytest.mark.usefixtures("wrap")
def test_a_list_is_asked_once_for_dtypes_and_ranks(op, seen):
    provider(op, "wide", seen, constraints=[ir.dtypes("x", torch.float64)])
    provider(op, "flat", seen, constraints=[ir.rank("x", 1)])
    provider(op, "rest", seen)
    with op.set_priority(["wide", "flat", "rest"]):
        for _ in range(2):
            assert used(op, seen, X) == used(op, seen, X[:1], 7) == "rest"
            assert used(op, seen, X[0]) == "flat"
            assert used(op, seen, X.double()) == "wide"
        assert hits(op) >= 20
        with op.set_priority(["rest"]):
            assert used(op, seen, X[0]) == "rest"
        assert used(op, seen, X[0]) == "flat"


def opaque(x: Tensor, by: int = 1) -> bool:
    return bool((x > 0).all())


VALUES = ir.Constraint("x", "positive", lambda x: bool((x > 0).all()), lambda _: "not positive")


@pytest.mark.usefixtures("wrap", "store")
@pytest.mark.parametrize("how", [{"supports_args": opaque}, {"constraints": [VALUES]}])
@pytest.mark.parametrize("tuned", [False, True])
def test_what_may_read_values_is_asked_in_each_call(op, seen, how, tuned):
    provider(op, "positive", seen, **how)
    provider(op, "rest", seen)
    op.set_default(["auto", "positive", "rest"])
    if tuned:
        tables.record(op, (X, 1), ir.Ranking(("positive", "rest"), {"positive": 1.0, "rest": 2.0}))
    for _ in range(2):
        assert used(op, seen, X + 1) == "positive"
        assert used(op, seen, X - 1) == "rest"


@pytest.mark.usefixtures("wrap", "store")
def test_a_table_is_asked_once_for_sizes_strides_and_numbers(op, seen):
    provider(op, "even", seen, constraints=[ir.divisible("x", 0, 2)])
    provider(op, "rest", seen)
    op.set_default(["auto", "rest", "even"])
    tables.record(op, (X, 1), ir.Ranking(("even", "rest"), {"even": 1.0, "rest": 2.0}))
    for x in (X, X.t().contiguous().t(), torch.ones(2, 8)[:, ::2]):
        before = hits(op)
        assert used(op, seen, x, times=4) == "even"
        assert hits(op) - before >= 3
    assert used(op, seen, X[:1]) == "rest"
    assert used(op, seen, X, 2) == "rest"  # of another class


@pytest.mark.usefixtures("wrap", "store")
def test_a_table_that_changes_during_a_call_is_asked_in_the_next(op, seen):
    """Another thread may tune while a first call is compiled."""

    def rank(first: str, second: str) -> None:
        tables.record(op, (X, 1), ir.Ranking((first, second), {first: 1.0, second: 2.0}))

    def slow(x: Tensor, by: int = 1) -> Tensor:
        seen.append("slow")
        rank("other", "slow")
        return x + by

    op.register_impl("slow")(slow)
    provider(op, "other", seen, constraints=[ir.divisible("x", 0, 2)])
    op.set_default(["auto", "slow", "other"])
    rank("slow", "other")
    assert [used(op, seen, X, times=1) for _ in range(3)] == ["slow", "other", "other"]


def test_a_change_of_a_provider_is_seen(op, seen):
    narrow = provider(op, "narrow", seen, constraints=[ir.dtypes("x", torch.float32)])
    provider(op, "rest", seen)
    op.set_default(["narrow", "rest"])
    assert used(op, seen, X) == "narrow"

    def refuse(x: Tensor, by: int) -> None:
        raise ArgumentError("not now")

    op.register_value_check(refuse)
    with pytest.raises(ArgumentError, match="not now"):
        op(X)
    op.check.values = None
    narrow.check_again()
    assert used(op, seen, X) == "narrow"
    with override_settings(check="shadow"):
        narrow.traced = narrow.functional = lambda x, by: x
        with pytest.raises(MismatchError):
            op(X)


@pytest.mark.usefixtures("wrap")
def test_threads_keep_their_own_lists(op, seen):
    for name in ("one", "other"):
        provider(op, name, seen, constraints=[ir.dtypes("x", torch.float32)])
    op.set_default(["one", "native"])
    found: list[str] = []

    def run() -> None:
        with op.set_priority(["other", "native"]):
            for _ in range(3):
                op(X)
        found.append(seen[-1])

    assert used(op, seen, X) == "one"
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == ["other"]
    assert used(op, seen, X) == "one"


@pytest.mark.usefixtures("wrap")
def test_skipped_providers_are_logged_in_each_call(op, seen, caplog):
    provider(op, "wide", seen, constraints=[ir.dtypes("x", torch.float64)])
    provider(op, "rest", seen)
    op.set_default(["wide", "rest"])
    assert used(op, seen, X) == "rest"
    with caplog.at_level(logging.DEBUG, logger.name):
        used(op, seen, X)
    assert caplog.text.count("provider wide skipped") == 3
    caplog.clear()
    used(op, seen, X)
    assert "skipped" not in caplog.text


def test_strict_mode_is_asked_in_each_call(op, seen):
    provider(op, "wide", seen, constraints=[ir.dtypes("x", torch.float64)])
    op.set_default(["wide"])
    for _ in range(3):
        op(X)
    with ir.strict_priority(), pytest.raises(PriorityError):
        op(X)
