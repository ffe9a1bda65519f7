"""Calls with a tuned table, compared with the same calls under the priority `native`.

The promise: no call is slower. The calls are those of `python -m benchmarks kernels`. Each is first
measured into a table for this run, as `ir.tune` does it. Then the op is called with its default
priority, which follows the table, and with the priority `native`, in turn. A case is slower only if
it takes more than 1.05 times native's time in each of five rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.kernel_cases import FEATURES, OPS, ROWS, KernelCase, call_arguments, kernel_cases
from benchmarks.kernels import DTYPES
from benchmarks.machine import measure_machine
from ir_runtime import ir
from ir_runtime.ir import IrOp
from ir_runtime.settings import current_settings, override_settings

LIMIT = 1.05
ROUNDS = 5
TURNS = 3
TURN_SECONDS = 5e-3
_SOME_ROWS = "1,64"


@dataclass(frozen=True)
class Result:
    """The times of a case.

    Attributes:
        op: name of the op.
        dtype: short name.
        rows: rows or tokens.
        features: features per row.
        chosen: what the table puts first.
        tuned_us: median time of a call with the table.
        native_us: median time of a call under the priority `native`.
        ratios: of the two, one a round.
    """

    op: str
    dtype: str
    rows: int
    features: int
    chosen: str
    tuned_us: float
    native_us: float
    ratios: tuple[float, ...]

    @property
    def is_slower(self) -> bool:
        """Whether all rounds agree that the call is slower than the limit allows."""
        return min(self.ratios) > LIMIT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    rows, features = (",".join(map(str, numbers)) for numbers in (ROWS, FEATURES))
    parser.add_argument("--ops", default=",".join(OPS), help="which, with commas between")
    parser.add_argument("--rows", help=f"default: {_SOME_ROWS}; with --full: {rows}")
    parser.add_argument("--features", help=f"default: {FEATURES[0]}; with --full: {features}")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--full", action="store_true", help="all rows and features")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether no case is slower."""
    full = arguments.full
    rows = _numbers(arguments.rows) or (ROWS if full else _numbers(_SOME_ROWS))
    features = _numbers(arguments.features) or (FEATURES if full else FEATURES[:1])
    dtypes = [DTYPES[name] for name in arguments.dtypes.split(",")]
    machine = measure_machine()
    if not arguments.json:
        print(machine, flush=True)
    results: list[Result] = []
    with torch.no_grad(), _table_of_its_own():
        for case in kernel_cases(arguments.ops.split(","), rows, features, dtypes):
            results.append(measure_case(case, arguments.rounds or ROUNDS))
            if not arguments.json:
                print(_line(results[-1]), flush=True)
    slower = [result for result in results if result.is_slower]
    if arguments.json:
        rows_of_it = [asdict(r) | {"is_slower": r.is_slower} for r in results]
        print(json.dumps({"machine": asdict(machine), "rows": rows_of_it}, indent=1))
    else:
        mark = "MISSED" if slower else "kept"
        print(f"\n{len(slower)} of {len(results)} cases are slower than {LIMIT} of native   {mark}")
    return not slower


def _numbers(text: str | None) -> tuple[int, ...]:
    return () if text is None else tuple(int(part) for part in text.split(","))


@contextmanager
def _table_of_its_own() -> Generator[None]:
    """Use an empty store for the table; the kernels of the stores in use are found below it."""
    settings = current_settings()
    below = (settings.store, *settings.base_stores)
    with (
        tempfile.TemporaryDirectory() as directory,
        override_settings(
            store=Path(directory) / "store", base_stores=below, tuned_table=None, tune="off"
        ),
    ):
        yield


def measure_case(case: KernelCase, rounds: int = ROUNDS) -> Result:
    """Measure a call into the table, then time it with the table and by native."""
    op, given = IrOp.registry[case.op], call_arguments(case)
    (measured,) = ir.tune(lambda: op(*given)).measured

    def call() -> Any:
        return op(*given)

    with op.set_priority(["native"]):
        calls = _calls_in_a_turn(call)
    call()
    ratios: list[float] = []
    times: dict[str, list[float]] = {"tuned": [], "native": []}
    for _ in range(rounds):
        mine, native = _round(op, call, calls)
        ratios.append(mine / native)
        times["tuned"].append(mine)
        times["native"].append(native)
    return Result(
        case.op,
        next(name for name, dtype in DTYPES.items() if dtype == case.dtype),
        case.rows,
        case.features,
        measured.ranking.order[0],
        statistics.median(times["tuned"]) * 1e6,
        statistics.median(times["native"]) * 1e6,
        tuple(ratios),
    )


def _calls_in_a_turn(call: Callable[[], Any]) -> int:
    call()
    return max(1, min(2000, int(TURN_SECONDS / max(_seconds(call, 1), 1e-9))))


def _round(op: IrOp, call: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Return the seconds of a call with the table and by native, the medians of some turns."""
    tuned: list[float] = []
    native: list[float] = []
    for _ in range(TURNS):
        tuned.append(_seconds(call, calls))
        with op.set_priority(["native"]):
            native.append(_seconds(call, calls))
    return statistics.median(tuned), statistics.median(native)


def _seconds(call: Callable[[], Any], calls: int) -> float:
    call()
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def _line(r: Result) -> str:
    mark = "  SLOWER" if r.is_slower else ""
    return (
        f"{r.op:17} {r.dtype:4} {r.rows:5} x {r.features:5}  {r.chosen:24} {r.tuned_us:10.1f} us   "
        f"to native {statistics.median(r.ratios):5.2f} ({min(r.ratios):.2f} to "
        f"{max(r.ratios):.2f}){mark}"
    )
