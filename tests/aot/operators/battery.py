"""The battery's two halves: some operators in the usual dtypes, all of them in all dtypes.

All of them take an hour on one core; each family of operators is a test file of its own, so that
several processes share them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ir_runtime.dtypes import short_name
from tests.aot.operators import CASES, is_settled, samples_of, verdicts
from tests.aot.operators.table import load_verdicts

__all__ = ["assert_as_recorded", "each_group", "groups_of"]

_SIZE = 6


def groups_of(names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return operators in groups that are compiled together, by the first name of each."""
    return {names[i]: names[i : i + _SIZE] for i in range(0, len(names), _SIZE)}


def each_group(family: str) -> pytest.MarkDecorator:
    """Parametrize a test over the groups of a family, named as the file of its cases."""
    names = sorted(name for name, case in CASES.items() if case.group == family)
    return pytest.mark.parametrize("names", groups_of(names).values(), ids=lambda group: group[0])


def assert_as_recorded(names: Sequence[str], kinds: Sequence[str], *, dynamic: bool) -> None:
    """Fail for what is neither right nor refused, or is refused though recorded as right.

    Args:
        names: of the operators' cases.
        kinds: short names of the dtypes; none for all.
        dynamic: whether the sizes are open.
    """
    samples = [s for name in names for s in samples_of(CASES[name])]
    chosen = [s for s in samples if short_name(s.dtype) in kinds] if kinds else samples
    found = verdicts(chosen, dynamic=dynamic) if chosen else {}
    recorded = load_verdicts()
    wrong = {
        (name, kind): verdict
        for (name, kind), verdict in found.items()
        if not is_settled(verdict) or (verdict and recorded.get(name, {}).get(kind) == "")
    }
    assert not wrong
