"""The speed of the catalogue's row kernels, compared with `torch.compile` and eager.

Each op whose kernel is made from its native: the provider `iree` through the op object, native
compiled with static shapes, and native. The promises, over all cases: the geometric mean of the
times is at most 0.35 of either peer's, and no case is slower than 1.1 times the better one, or
2.5 us more where that takes less than 10 us.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

import kernels_mlir  # noqa: F401 - promises the ops
from benchmarks.rows import DTYPES, measure_in_turn
from ir_runtime.errors import IrRuntimeError
from ir_runtime.ir import IrOp

MOST_OF_MEAN = 0.35
MOST_OF_BETTER = 1.1
SHORT_US, MORE_US = 10.0, 2.5


@dataclass(frozen=True)
class Case:
    """The median times of a case, in microseconds; None for a side that was not measured."""

    op: str
    dtype: str
    rows: int
    features: int
    row_kernel_us: float
    compiled_us: float | None
    eager_us: float

    @property
    def better_us(self) -> float:
        """The time of the better peer."""
        return min(t for t in (self.compiled_us, self.eager_us) if t is not None)

    @property
    def is_slow(self) -> bool:
        """Whether it breaks the promise for a single case."""
        better = self.better_us
        most = MOST_OF_BETTER * better if better >= SHORT_US else better + MORE_US
        return self.row_kernel_us > most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--ops", default="", help="names, with commas; default: all")
    parser.add_argument("--sizes", default="1,64,2048", help="numbers of rows")
    parser.add_argument("--features", default="1024,4096", help="such as 64,80,1000,4096,11008")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print."""
    cases: list[Case] = []
    names = arguments.ops.split(",") if arguments.ops else list(IrOp.registry)
    sizes = [
        (name, dtype, features, rows)
        for name in names
        for dtype in arguments.dtypes.split(",")
        for features in map(int, arguments.features.split(","))
        for rows in map(int, arguments.sizes.split(","))
    ]
    with torch.no_grad():
        for name, dtype, features, rows in sizes:
            op = IrOp.registry[name]
            values = _values(op, dtype, rows, features)
            if values is None:
                continue
            with op.set_priority(["iree", "native"]):
                sides = _sides(op, values, compiled=not arguments.no_compile)
                times = measure_in_turn(sides, values, arguments.rounds or 11)
            cases.append(Case(name, dtype, rows, features, *times))
            if not arguments.json:
                print(_line(cases[-1]), flush=True)
    if arguments.json:
        print(json.dumps([asdict(case) for case in cases], indent=1))
        return True
    return _print_means(cases)


def _values(op: Any, dtype: str, rows: int, features: int) -> tuple[Any, ...] | None:
    """Return the arguments of a case; None if the op has none, or no row kernel takes them."""
    try:
        values = op.generate_inputs(num_tokens=rows, hidden_size=features, dtype=DTYPES[dtype])
        with op.set_priority(["iree", "native"]):
            said = str(op.explain(*values))
    except (IrRuntimeError, TypeError, ValueError, AssertionError):
        return None
    return values if "chosen: a row kernel" in said else None


def _sides(op: Any, values: Sequence[Any], *, compiled: bool) -> list[Callable[..., Any] | None]:
    sides: list[Callable[..., Any] | None] = [op, None, op.native]
    if compiled:
        torch.compiler.reset()
        sides[1] = torch.compile(op.native, dynamic=False, fullgraph=True)
    for side in sides:
        if side is not None:
            side(*values)
            side(*values)
    return sides


def _line(case: Case) -> str:
    times = (case.row_kernel_us, case.compiled_us, case.eager_us)
    shown = (f"{'-' if t is None else f'{t:.1f}':>9}" for t in times)
    which = f"{case.op:28} {case.dtype:4} {case.rows:5} x {case.features:<6}"
    ratio = case.row_kernel_us / case.better_us
    slow = "  SLOW" if case.is_slow else ""
    return f"{which} {' '.join(shown)} us: row kernel, torch.compile, eager; {ratio:.2f}{slow}"


def _print_means(cases: Sequence[Case]) -> bool:
    kept = not any(case.is_slow for case in cases)
    for peer in ("compiled_us", "eager_us"):
        ratios = [c.row_kernel_us / t for c in cases if (t := getattr(c, peer)) is not None]
        if not ratios:
            continue
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        kept &= mean <= MOST_OF_MEAN
        said = "kept" if mean <= MOST_OF_MEAN else "MISSED"
        name = peer.removesuffix("_us")
        print(
            f"to {name}: {mean:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), limit 0.35   {said}"
        )
    slow = sum(case.is_slow for case in cases)
    print(f"{slow} of {len(cases)} cases are slower than 1.1 of the better peer")
    return kept
