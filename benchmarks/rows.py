"""The speed of row kernels, compared with hand-written kernels, `torch.compile` and eager.

All sides are called in turn, in one process, and their medians compared. `torch.compile` gets
static shapes and the whole function, without gradients.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.row_functions import ROW_FUNCTIONS, RowFunction
from ir_runtime import rows
from ir_runtime.op_reg import def_library

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
LIBRARY = def_library("ir_row_benchmarks")
TURN_NS = 300_000
"""About how long each side runs in a turn."""


@dataclass(frozen=True)
class Result:
    """The median times of a case, in microseconds; None for a side that was not measured."""

    function: str
    dtype: str
    rows: int
    features: int
    row_kernel_us: float
    by_hand_us: float | None
    compiled_us: float | None
    eager_us: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--functions", default=",".join(ROW_FUNCTIONS))
    parser.add_argument("--sizes", default="1,64,512", help="numbers of rows")
    parser.add_argument("--features", default="80,1000,4096")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; nothing is promised."""
    results: list[Result] = []
    with torch.no_grad():
        for name in arguments.functions.split(","):
            found = ROW_FUNCTIONS[name]
            kernel = rows.row_kernel(found.function, name=f"{name}_@UNIQUE@", library=LIBRARY)
            for dtype in arguments.dtypes.split(","):
                for features in map(int, arguments.features.split(",")):
                    for size in map(int, arguments.sizes.split(",")):
                        tensors = _tensors(found, size, features, DTYPES[dtype])
                        sides = _sides(found, kernel, tensors, compiled=not arguments.no_compile)
                        times = measure_in_turn(sides, tensors, arguments.rounds or 15)
                        results.append(Result(name, dtype, size, features, *times))
                        if not arguments.json:
                            print(_line(results[-1]), flush=True)
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        _print_means(results)
    return True


def _tensors(
    found: RowFunction, size: int, features: int, dtype: torch.dtype
) -> tuple[torch.Tensor, ...]:
    x = torch.randn(size, found.widening * features).to(dtype)
    return x, *(torch.randn(features).to(dtype) for _ in range(found.shared))


def _sides(
    found: RowFunction, kernel: Any, tensors: Sequence[torch.Tensor], *, compiled: bool
) -> list[Callable[..., Any] | None]:
    sides: list[Callable[..., Any] | None] = [kernel.default, found.by_hand, None, found.function]
    if compiled:
        torch.compiler.reset()
        sides[2] = torch.compile(found.function, dynamic=False, fullgraph=True)
    for side in sides:
        if side is not None:
            side(*tensors)
            side(*tensors)
    return sides


def measure_in_turn(
    sides: Sequence[Callable[..., Any] | None], tensors: Sequence[torch.Tensor], rounds: int
) -> list[float | None]:
    """Return the median time of each side, all called in turn."""
    times: list[list[float]] = [[] for _ in sides]
    calls = [1 if side is None else _calls(side, tensors) for side in sides]
    for _ in range(rounds):
        for side, count, own in zip(sides, calls, times, strict=True):
            if side is None:
                continue
            side(*tensors)  # the side before has left other data in the caches, and memory unmapped
            started_ns = time.perf_counter_ns()
            for _ in range(count):
                side(*tensors)
            own.append((time.perf_counter_ns() - started_ns) / count / 1e3)
    return [statistics.median(own) if own else None for own in times]


def _calls(side: Callable[..., Any], tensors: Sequence[torch.Tensor]) -> int:
    started_ns = time.perf_counter_ns()
    for _ in range(5):
        side(*tensors)
    return max(5 * TURN_NS // (time.perf_counter_ns() - started_ns), 1)


def _line(result: Result) -> str:
    case = f"{result.function:14} {result.dtype:4} {result.rows:5} x {result.features:<6}"
    times = (result.row_kernel_us, result.by_hand_us, result.compiled_us, result.eager_us)
    shown = (f"{'-' if t is None else f'{t:.1f}':>9}" for t in times)
    return f"{case} {' '.join(shown)} us: row kernel, by hand, torch.compile, eager"


def _print_means(results: Sequence[Result]) -> None:
    for peer in ("by_hand_us", "compiled_us", "eager_us"):
        ratios = [
            result.row_kernel_us / time_us
            for result in results
            if (time_us := getattr(result, peer)) is not None
        ]
        if ratios:
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            name = peer.removesuffix("_us").replace("_", " ")
            print(f"to {name}: {mean:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
