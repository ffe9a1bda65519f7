"""Where are the programs kept that the reader must read as before?"""

from __future__ import annotations

import json
from pathlib import Path

from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.host_program.program_json import load_program

GOLDEN = Path(__file__).parent / "golden"


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
    return load_program(json.loads((GOLDEN / f"{name}.json").read_text("utf-8")))
