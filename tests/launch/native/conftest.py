"""Where the launcher was not built, its tests cannot even be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ir_runtime.launch.direct.native import why_absent

if TYPE_CHECKING:
    from tests.launch.native.calls import Calls

collect_ignore_glob = [] if why_absent() is None else ["test_*.py"]


@pytest.fixture
def calls() -> Calls:
    """Make a call that has seen an add of 4x8 f32."""
    from tests.launch.native.calls import Calls, pair

    calls = Calls()
    assert calls.remember(*pair())
    return calls
