"""Print the table of models into docs/export.md: `python -m tests.aot.model_table [MODEL ...]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import torch

__all__ = ["read_table", "write_table"]

_DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"
_BEGIN, _END = "<!-- models: begin -->", "<!-- models: end -->"
_COLUMNS = [
    (dtype, dynamic) for dynamic in (False, True) for dtype in (torch.float32, torch.bfloat16)
]
_HEAD = """\
| model | f32, static | bf16, static | f32, dynamic | bf16, dynamic |
|---|---|---|---|---|"""

Table = Mapping[str, str]
"""By model, its cells as they stand in the page."""


def read_table() -> Table:
    """Return what the page says."""
    _, _, rest = _DOCUMENT.read_text("utf-8").partition(_BEGIN)
    rows = rest.partition(_END)[0].strip().split("\n")[2:]
    cells = [row.strip("| ").split(" | ", 1) for row in rows]
    return {name.strip("`"): row for name, row in cells}


def write_table(table: Table) -> None:
    """Put a table into the page."""
    text = _DOCUMENT.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    rows = "\n".join(f"| `{name}` | {row} |" for name, row in table.items())
    after = rest.partition(_END)[2]
    _DOCUMENT.write_text(f"{before}{_BEGIN}\n{_HEAD}\n{rows}\n{_END}{after}", "utf-8")


def _measure(name: str) -> str:
    from tests.aot.models import deviations_of

    cells: list[str] = []
    for dtype, dynamic in _COLUMNS:
        found = deviations_of(name, dtype, dynamic=dynamic)
        worst = max(found, key=lambda deviation: deviation.ours / deviation.torchs)
        cells.append(f"{worst.ours / worst.torchs:.2f} ({worst.ours:.1e})")
        print(name, dtype, "dynamic" if dynamic else "static", cells[-1], flush=True)
    return " | ".join(cells)


def _main() -> None:
    from tests.aot.models import MODELS

    known = read_table()
    asked = sys.argv[1:] or list(MODELS)
    fresh = {name: _measure(name) for name in asked}
    write_table(
        {name: fresh.get(name) or known[name] for name in MODELS if name in {*fresh, *known}}
    )


if __name__ == "__main__":
    _main()
