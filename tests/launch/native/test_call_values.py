"""When are the arguments of a call those of an earlier one, tensors apart?"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.launch.native.calls import Calls, pair


def _adder(*values: Any) -> Calls:
    calls = Calls(("x", "y", *(f"v{i}" for i in range(len(values)))))
    assert calls.remember(*pair(), *values)
    return calls


@pytest.mark.parametrize(
    ("seen", "other"),
    [
        (1, 2), (1, True), (True, False), (True, 1), (1, 1.0), (2**62, -(2**62)),
        (0.5, 0.25), (0.0, -0.0), (0.5, "0.5"), ("a", "b"), ("", None), (None, 0),
        (torch.float32, torch.int32), (torch.strided, torch.float32), (1, 2**70),
        ([1, 2], [1, 3]), ([1, 2], [1, 2, 3]), ([1, 2], [1]), ([], None), ([1.0], [1]),
        ([True], [1]), ([None], [0]), (["a"], ["b"]), ([1], (1,)), ([0.0], [-0.0]),
    ],
)  # fmt: skip
def test_other_values_are_passed_on(seen: Any, other: Any) -> None:
    calls = _adder(seen)
    x, y = pair()
    assert torch.equal(calls.call(x, y, seen), x + y)
    assert calls.refusal(x, y, other) in ("value", "kind of argument")


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.0, 2**63 - 1, -(2**63), "é" * 100])
def test_equal_values_are_recognised_whatever_object_they_are(value: Any) -> None:
    calls = _adder(value, [value])
    x, y = pair()
    again = type(value)(value) if isinstance(value, float) else eval(repr(value))
    assert torch.equal(calls.call(x, y, again, [again]), x + y)


@pytest.mark.parametrize("value", [object(), 1j, 2**70, {"a": 1}, [[1]], b"bytes"])
def test_a_value_that_cannot_be_compared_is_not_remembered(value: Any) -> None:
    calls = Calls(("x", "y", "v"))
    assert not calls.remember(*pair(), value)
    assert calls.call.remembered == 0


def _with_defaults() -> Calls:
    calls = Calls(
        ("x", "y", "eps", "mode", "flag"),
        positional=3,
        defaults={"eps": 0.5, "mode": "fast", "flag": None},
    )
    assert calls.remember(*pair(), 0.5, "fast", None)
    return calls


def test_defaults_that_were_dropped_are_filled_in() -> None:
    calls, (x, y) = _with_defaults(), pair()
    for args, named in [
        ((), {}),
        ((0.5,), {}),
        ((), {"mode": "fast"}),
        ((), {"flag": None, "mode": "fast"}),
        ((), {"eps": 0.5}),
    ]:
        assert torch.equal(calls.call(x, y, *args, **named), x + y)
    assert calls.call.hits == 5


@pytest.mark.parametrize(
    ("args", "named"),
    [((0.25,), {}), ((), {"mode": "slow"}), ((), {"other": 1}), ((0.5, "fast"), {})],
)
def test_other_ways_of_passing_arguments_are_passed_on(args: Any, named: Any) -> None:
    calls, (x, y) = _with_defaults(), pair()
    assert calls.refusal(x, y, *args, **named) != ""
    assert calls.passed == [((x, y, *args), named) if named else (x, y, *args)]


def test_a_missing_argument_is_passed_on() -> None:
    calls = _with_defaults()
    assert calls.refusal(pair()[0]) == "number of arguments"
