"""Operators that move elements in all dtypes, with fixed and with open sizes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.aot.operators.battery import assert_as_recorded, each_group


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dynamic", [False, True])
@each_group("shapes")
def test_shapes_are_right_or_refused(names: Sequence[str], dynamic: bool) -> None:
    assert_as_recorded(names, (), dynamic=dynamic)
