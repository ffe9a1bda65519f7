"""Write `docs/measured.md`, a table for each machine, from the files in `docs/measured`.

`python -m benchmarks.measured_page` writes it; a test fails if the page is older than the files.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.kernels import MEASURED
from benchmarks.machine import MeasuredMachine

__all__ = ["PAGE", "page"]

PAGE = MEASURED.with_name("measured.md")

_HEAD = """# Measured

The speed of the catalogue's kernels, calls included, on the machines that they were measured on.
Each number is the time of our call as a ratio to that of torch eager (to `torch.compile` in
brackets), a median of calls in turns in one process. `python -m benchmarks kernels --save` writes
the file of your machine into `docs/measured/`, and `python -m benchmarks.measured_page` this
page.
"""


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    for path in sorted(MEASURED.glob("*.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"\n## {path.stem}\n\n{MeasuredMachine(**report['machine'])}.\n")
        parts.append(_table(report["rows"]))
        missed = [p for p in report["promises"] if not _is_kept(p)]
        parts += [f"\nMissed: {_missed(missed)}.\n"] if missed else []
    return "\n".join(parts)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    sizes = sorted({row["rows"] for row in rows})
    lines = [
        f"| op | dtype | features | {' | '.join(f'{n} rows' for n in sizes)} |",
        "|---" * (3 + len(sizes)) + "|",
    ]
    for op, dtype, features in dict.fromkeys((r["op"], r["dtype"], r["features"]) for r in rows):
        mine = [r for r in rows if (r["op"], r["dtype"], r["features"]) == (op, dtype, features)]
        cells = [_cell([r for r in mine if r["rows"] == n]) for n in sizes]
        lines.append(f"| `{op}` | {dtype} | {features} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the mean ratio over calls with new results and into existing tensors."""
    if not rows:
        return ""
    eager = statistics.geometric_mean([r["ours_us"] / r["eager_us"] for r in rows])
    compiled = [r["ours_us"] / r["compiled_us"] for r in rows if r["compiled_us"]]
    beside = f" ({statistics.geometric_mean(compiled):.2f})" if compiled else ""
    return f"{eager:.2f}{beside}"


def _is_kept(promise: Mapping[str, Any]) -> bool:
    value, limit = promise["value"], promise["limit"]
    return value >= limit if promise["at_least"] else value <= limit


def _missed(promises: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{p['what']} {p['value']:.2f} (limit {p['limit']})" for p in promises)


if __name__ == "__main__":
    Path(PAGE).write_text(page(), encoding="utf-8")
