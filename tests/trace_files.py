"""What do the files of a trace directory hold?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def events(directory: Path, kind: str | None = None, pid: int | None = None) -> list[Any]:
    path = directory / f"events-{pid or os.getpid()}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if kind in (None, row["event"])]


def bars(directory: Path, pid: int | None = None) -> list[Any]:
    """Read the Chrome trace as viewers do: the closing bracket may be missing."""
    text = (directory / f"trace-{pid or os.getpid()}.json").read_text()
    return json.loads(text if text.endswith("]\n") else text + "]")
