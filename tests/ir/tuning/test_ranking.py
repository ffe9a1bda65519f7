"""The order of measured times: noise changes nothing, a clear win does."""

from __future__ import annotations

import pytest

from ir_runtime.ir.tuning.ranking import Ranking, provider_of, rank, variants_of


@pytest.mark.parametrize(
    ("present", "order"),
    [(None, ("b", "a", "c")), ("a", ("a", "b", "c")), ("c", ("b", "a", "c"))],
)
def test_the_choice_in_use_wins_within_the_margin(present, order):
    times = {"a": [100.0] * 5, "b": [97.0] * 5, "c": [300.0] * 5}
    assert rank(times, present) == order


def test_one_lost_round_of_five_is_forgiven_and_two_are_not():
    lost_once = {"a": [100.0] * 5, "b": [50.0, 50.0, 120.0, 50.0, 50.0]}
    assert rank(lost_once, "a") == ("b", "a")
    lost_twice = {"a": [100.0] * 5, "b": [50.0, 120.0, 120.0, 50.0, 50.0]}
    assert rank(lost_twice, "a") == ("a", "b")


def test_all_of_few_rounds_must_be_won():
    assert rank({"a": [100.0] * 3, "b": [50.0, 50.0, 120.0]}, "a") == ("a", "b")


def test_two_runs_that_differ_by_noise_choose_the_same():
    first = {"a": [100.0, 104.0, 98.0, 101.0, 103.0], "b": [96.0, 101.0, 99.0, 97.0, 102.0]}
    second = {"a": first["b"], "b": first["a"]}
    assert rank(first, "a")[0] == rank(second, rank(first, "a")[0])[0] == "a"


def test_forms_of_a_kernel():
    ranking = Ranking(("iree:tile=wide,un=4", "native", "iree:tile=small,un=4"), {})
    assert ranking.providers == ("iree", "native")
    assert ranking.variants("iree") == {"tile": "wide", "un": "4"}
    assert ranking.variants("native") == {}
    assert (provider_of("iree:a=b"), variants_of("iree")) == ("iree", {})
