"""Print the table of operators into docs/export.md: `python -m tests.aot.operators.table [ROWS]`.

The table comes from `verdicts.json`; files of rows that `record` wrote are first put into it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from ir_runtime.dtypes import short_name
from ir_runtime.op_reg.trace.legal import rewritten_operators
from tests.aot.operators import CASES, is_settled

__all__ = ["DOCUMENT", "VERDICTS", "document", "load_verdicts"]

VERDICTS = Path(__file__).parent / "verdicts.json"
DOCUMENT = Path(__file__).parents[3] / "docs" / "export.md"
_BEGIN, _END = "<!-- operators: begin -->", "<!-- operators: end -->"

Verdicts = dict[str, dict[str, str]]
"""By case and dtype: "" for right, else what was seen."""


def load_verdicts() -> Verdicts:
    return json.loads(VERDICTS.read_text("utf-8"))


def _merge(files: Iterable[str]) -> None:
    known = load_verdicts() if VERDICTS.exists() else {}
    for file in files:
        fresh: Verdicts = {}
        for line in Path(file).read_text("utf-8").splitlines():
            row = json.loads(line)
            if "name" in row:
                of_case = fresh.setdefault(row["name"], {})
                of_case[row["dtype"]] = of_case.get(row["dtype"], "") or row["verdict"]
        for name, of_case in fresh.items():
            known[name] = {**known.get(name, {}), **of_case}
    known = {
        name: {k: v for k, v in known[name].items() if k in map(short_name, CASES[name].dtypes)}
        for name in sorted(known.keys() & CASES.keys())
    }
    wrong = [
        f"{name} {kind}: {verdict}"
        for name, of_case in known.items()
        for kind, verdict in of_case.items()
        if not is_settled(verdict)
    ]
    if wrong:
        raise SystemExit("\n".join(["not recorded, must be right or refused:", *wrong]))
    VERDICTS.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def document(verdicts: Verdicts) -> str:
    """Return docs/export.md with the table of these verdicts."""
    text = DOCUMENT.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{_table(verdicts)}\n{_END}{after}"


def _table(verdicts: Verdicts) -> str:
    rows = ["Tried at dynamic sizes; a refused operator may work at static sizes.", ""]
    rows += ["| operator | in a program | tried in |", "|---|---|---|"]
    for name in sorted(CASES.keys() & verdicts.keys()):
        outcome, dtypes = _outcome(name, verdicts[name])
        rows.append(f"| `{name}` | {outcome} | {dtypes} |")
    left = len(CASES.keys() - verdicts.keys())
    return "\n".join([*rows, "", f"Not recorded yet: {left} cases."] if left else rows)


def _outcome(name: str, found: dict[str, str]) -> tuple[str, str]:
    right = [kind for kind, verdict in found.items() if not verdict]
    refused = {k: v for k, v in found.items() if v.startswith("refused")}
    rewritten = name.split(" ", maxsplit=1)[0] in rewritten_operators()
    parts: list[str] = []
    if right:
        parts.append("works, rewritten" if rewritten else "works")
    if refused:
        kinds = "" if not right else " in " + ", ".join(refused)
        parts.append(f"refused{kinds}: {_reason(next(iter(refused.values())))}")
    return "; ".join(parts), ", ".join(k for k in found if k)


def _reason(verdict: str) -> str:
    said = verdict.partition(": ")[2].partition(": ")[2] or verdict
    return said.partition(", must")[0].replace("|", "/")


if __name__ == "__main__":
    _merge(sys.argv[1:])
    DOCUMENT.write_text(document(load_verdicts()), "utf-8")
