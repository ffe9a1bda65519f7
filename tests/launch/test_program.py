"""Is every host function read for what it does, or refused with a reason?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ir_runtime.launch.host_program import HostProgram
from ir_runtime.launch.program import read_program
from tests.launch.hal_phase import hal_text
from tests.launch.host_programs import HOST_CASES, HostCase

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = os.environ.get("IR_RUNTIME_TEST_REGENERATE") == "1"
"""Set the variable to 1 to write the golden files anew, after a look at what changed."""


def format_program(program: HostProgram) -> str:
    """Return the stored form with one entry a line, for people to compare."""
    lines: list[str] = []
    for key, entry in program.to_json().items():
        if isinstance(entry, list) and entry and isinstance(entry[0], list | dict):
            inner = ",\n".join(f"  {json.dumps(part)}" for part in entry)
            lines.append(f'"{key}": [\n{inner}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(entry)}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def golden_program(name: str) -> HostProgram:
    return HostProgram.from_json(json.loads((GOLDEN / f"{name}.json").read_text("utf-8")))


@pytest.mark.parametrize("case", HOST_CASES.values(), ids=HOST_CASES)
def test_reads_as_before(case: HostCase, store: object) -> None:
    """A change here means that kernels stored before launch differently from new ones."""
    program = read_program(hal_text(case.source()), case.entry)
    path = GOLDEN / f"{case.name}.json"
    if REGENERATE:
        path.write_text(format_program(program), "utf-8")
    assert format_program(program) == path.read_text("utf-8")
    assert golden_program(case.name) == program
