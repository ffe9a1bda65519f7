"""Run the battery: `python -m tests.aot.operators.record OUT SIZE [GROUP]`.

It writes a row for each verdict; `table` puts those that are right or refused into the record.
`BATTERY_DTYPES=f64,i64` runs some dtypes only, at dynamic sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

RECORD = Path(__file__).parent / "record.json"


def _child(names: list[str], path: Path, size: int) -> None:
    from ir_runtime.dtypes import short_name
    from tests.aot.operators import CASES, samples_of, verdicts

    groups = [names[i : i + size] for i in range(0, len(names), size)]
    with path.open("a") as out:
        for group in groups:
            out.write(json.dumps({"begin": group}) + "\n")
            out.flush()
            samples = [s for n in group for s in samples_of(CASES[n])]
            if kinds := os.environ.get("BATTERY_DTYPES"):
                samples = [s for s in samples if short_name(s.dtype) in kinds.split(",")]
            for dynamic in ((True,) if kinds else (False, True)) if samples else ():
                if not kinds and dynamic and all(s.case.static for s in samples):
                    continue
                start = time.monotonic()
                for (name, dtype), verdict in verdicts(samples, dynamic=dynamic).items():
                    row = {"name": name, "dtype": dtype, "dynamic": dynamic, "verdict": verdict}
                    out.write(json.dumps(row) + "\n")
                    if verdict:
                        print(name, dtype, "dynamic" if dynamic else "static", verdict, flush=True)
                print("#", *group, f"{time.monotonic() - start:.1f} s", flush=True)
            out.write(json.dumps({"end": group}) + "\n")
            out.flush()


def _parent(names: list[str], path: Path, size: int) -> None:
    """Run children until all is done; one that dies is charged to the group that it was in."""
    while names:
        command = [
            sys.executable,
            "-m",
            "tests.aot.operators.record",
            "--child",
            str(path),
            str(size),
        ]
        child = subprocess.run([*command, *names], check=False)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        ended = {n for row in rows if "end" in row for n in row["end"]}
        begun = next((row["begin"] for row in reversed(rows) if "begin" in row), [])
        left = [n for n in names if n not in ended]
        if child.returncode == 0 or not left:
            return
        died = [n for n in begun if n in left]
        if len(died) > 1:
            _parent(died, path, 1)
        else:
            with path.open("a") as out:
                row = {"name": died[0], "dtype": "", "dynamic": False, "verdict": "crash"}
                out.write(json.dumps(row) + "\n")
            print(died[0], "CRASH", child.returncode, flush=True)
        names = [n for n in left if n not in died]


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--child"]:
        _child(arguments[3:], Path(arguments[1]), int(arguments[2]))
        return
    from tests.aot.operators import CASES

    path = Path(arguments[0])
    size = int(arguments[1])
    if arguments[2:3] == ["--file"]:
        _parent(Path(arguments[3]).read_text().split("\n"), path, size)
        return
    names = [
        n
        for n in CASES
        if not arguments[2:] or n in arguments[2:] or CASES[n].group in arguments[2:]
    ]
    _parent(names, path, size)


if __name__ == "__main__":
    main()
