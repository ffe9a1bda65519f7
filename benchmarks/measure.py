"""The timing of calls: medians of interleaved rounds, so that a disturbance affects all sides."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

__all__ = ["Row", "json_of_process", "keep_freed_memory", "measure_interleaved", "print_rows"]


@dataclass(frozen=True)
class Row:
    """One line of a result table.

    Attributes:
        name: the measured call.
        value: the median, in `unit`.
        unit: such as `us`.
        spread: the interquartile range, in `unit`.
        ratio: `value` divided by that of the peer in the table's title, None if there is none.
        limit: upper limit of `ratio`, or of `value` without a ratio; None without a promise.
    """

    name: str
    value: float
    unit: str
    spread: float
    ratio: float | None = None
    limit: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept, None if there is none."""
        if self.limit is None:
            return None
        return (self.value if self.ratio is None else self.ratio) <= self.limit


def json_of_process(
    program: str, environment: Mapping[str, str], *arguments: str
) -> dict[str, float]:
    """Run a Python program in a new process, and return the JSON of its last line.

    Args:
        program: the code.
        environment: variables besides those of this process.
        arguments: what the program finds in `sys.argv`.

    Raises:
        RuntimeError: the process failed; the message is what it said.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, as the allocators of serving engines do.

    Else each large result is mapped anew, and its page faults take longer than most row kernels.
    """
    most_maps, trim_threshold = -4, -1
    libc = ctypes.CDLL(None)
    libc.mallopt(most_maps, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)


def measure_interleaved(
    cases: Mapping[str, Callable[[], object]], *, rounds: int = 31, calls: int = 2000
) -> dict[str, list[float]]:
    """Return, for each case, the seconds per call in each round.

    Args:
        cases: functions without arguments; each is called `calls` times per round, in turn.
        rounds: number of rounds.
        calls: calls per round.
    """
    for run in cases.values():
        for _ in range(max(10, calls // 20)):
            run()
    times: dict[str, list[float]] = {name: [] for name in cases}
    gc.disable()
    try:
        for _ in range(rounds):
            for name, run in cases.items():
                started = time.perf_counter()
                for _ in range(calls):
                    run()
                times[name].append((time.perf_counter() - started) / calls)
    finally:
        gc.enable()
    return times


def summarise(samples: Sequence[float], scale: float) -> tuple[float, float]:
    """Return median and interquartile range, scaled."""
    quarters = statistics.quantiles(samples, n=4) if len(samples) > 1 else [0.0, 0.0, 0.0]
    return statistics.median(samples) * scale, (quarters[2] - quarters[0]) * scale


def print_rows(title: str, rows: Sequence[Row], *, as_json: bool) -> bool:
    """Print a table, or JSON; returns whether all promises are kept."""
    kept = all(row.kept is not False for row in rows)
    if as_json:
        print(
            json.dumps({"title": title, "kept": kept, "rows": [asdict(r) for r in rows]}, indent=1)
        )
        return kept
    print(title)
    width = max(len(row.name) for row in rows)
    print(f"  {'':{width}}   median  spread  unit   ratio  limit")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        limit = "" if row.limit is None else f"{row.limit:g}"
        mark = {None: "", True: "kept", False: "MISSED"}[row.kept]
        print(
            f"  {row.name:{width}} {row.value:8.2f} {row.spread:7.2f}  {row.unit:4} "
            f"{ratio:>7} {limit:>6}  {mark}"
        )
    return kept
