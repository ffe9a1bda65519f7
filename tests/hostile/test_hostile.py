"""Hostile calls: no crash, no wrong result, no message of the compiler; some here, more in full."""

from __future__ import annotations

import pytest

from tests.hostile.run import run_calls


@pytest.mark.parametrize("count", [100, pytest.param(5000, marks=pytest.mark.full)])
@pytest.mark.timeout(3600)
def test_each_call_is_right_or_refused_in_plain_words(count: int) -> None:
    bad = [outcome for outcome in run_calls(count, seed=1) if not outcome.good]
    assert bad == []
