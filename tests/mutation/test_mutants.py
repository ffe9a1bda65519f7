"""The table of mutants fits the package as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_applies_and_its_guards_exist(mutant) -> None:
    text = (ROOT / mutant.path).read_text("utf-8")
    compile(mutant.applied(text), mutant.path, "exec")
    assert [guard for guard in mutant.guards if not (ROOT / "tests" / guard).exists()] == []
