"""Clone elimination on random graphs: nothing becomes wrong, few clones are left for nothing."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

from ir_runtime.passes.inplace.clone_elimination import CloneElimination
from tests.passes.captured_graph import run
from tests.passes.inplace.random_graph import (
    clones_of,
    effect_of,
    is_same_effect,
    most_removable,
    random_graph,
    random_inputs,
)

ALL = range(400)
QUICK = (*range(40), 40, 237)
"""In two of them a second run could remove a clone: rightly, and wrongly."""


def check(seeds: Sequence[int]) -> None:
    args = random_inputs()
    removed = removable = 0
    for seed in seeds:
        before = random_graph(seed)
        after = copy.deepcopy(before)
        record = run(CloneElimination(), after)
        assert is_same_effect(effect_of(before, args), effect_of(after, args)), f"seed {seed}"
        assert run(CloneElimination(), after).counts["removed"] == 0, f"seed {seed}: not at once"
        most = most_removable(before, args)
        assert record.counts["removed"] <= most, f"seed {seed}"
        removed += record.counts["removed"]
        removable += most
        assert len(clones_of(after)) == len(clones_of(before)) - record.counts["removed"]
    assert removable > 1.5 * len(seeds)
    assert removed >= 0.9 * removable, f"{removed} of {removable}"


def test_random_graphs():
    check(QUICK)


@pytest.mark.full
def test_many_random_graphs():
    check(ALL)
