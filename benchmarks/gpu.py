"""The speed of row ops on a GPU, and the cost of a launch.

Each op is compared with torch, `torch.compile` and a Triton kernel, in one process, by CUDA events;
bytes a second are compared with a measured copy. `--device cpu` runs the same, to try the script:
its times are the CPU's. `--replay` compares all launches with IREE's, without a GPU and without
times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_cases import DTYPES, LAUNCH_ROWS, WIDTHS, GpuCase, gpu_cases
from benchmarks.gpu_first_call import LIMIT_MS, first_calls
from benchmarks.triton_rows import triton_kernel

ROUND_US = 400.0
"""About how long each side runs in a round."""

COPY_BYTES = {"cuda": 1 << 29, "cpu": 1 << 24}
LEAST_SHARE = 0.8
"""Of a copy's bytes a second, at the large end."""


@dataclass(frozen=True)
class Result:
    """Median times of a call in microseconds; None for a side that was not measured.

    Attributes:
        name: the op and its variant.
        dtype: of the tensors.
        rows: number of rows.
        width: the last size of the result.
        ours_us: the op.
        eager_us: torch.
        compiled_us: `torch.compile` of native.
        triton_us: a Triton kernel.
        bytes: what a call reads and writes at least.
        copy_share: the op's bytes a second, divided by those of a copy.
    """

    name: str
    dtype: str
    rows: int
    width: int
    ours_us: float
    eager_us: float
    compiled_us: float | None
    triton_us: float | None
    bytes: int
    copy_share: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--ops", default="", help="names of ops; default: all")
    parser.add_argument("--sizes", default="1,64,4096,65536", help="numbers of rows")
    parser.add_argument("--widths", help="default: 4096,11008; of --replay: all")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--seconds", type=float, default=200, help="begin no case after these")
    parser.add_argument("--output", type=Path, help="write JSON here, too")
    parser.add_argument("--replay", action="store_true", help="compare launches, without a GPU")
    parser.add_argument("--plot", type=Path, help="draw bytes a second into a PNG file")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; tells if all promises are kept, which there are only for a GPU.

    A case that was left out for lack of time keeps none.
    """
    if arguments.replay:
        from benchmarks.gpu_replay import run_replay

        return run_replay(arguments, _chosen(arguments))
    device, rounds = arguments.device, arguments.rounds or 9
    if device == "cuda" and not torch.cuda.is_available():
        print("torch finds no GPU; --device cpu runs the script without one")
        return False
    began = time.monotonic()
    with torch.no_grad():
        copy = copied_bytes_a_us(device, rounds)
        launches = launch_costs(device, rounds)
        results: list[Result] = []
        left_out: list[str] = []
        for case in _chosen(arguments):
            for rows in map(int, arguments.sizes.split(",")):
                if time.monotonic() - began > arguments.seconds:
                    left_out.append(f"{case.name} {case.dtype} {rows}x{case.width}")
                    continue
                compiled = not arguments.no_compile
                results.append(measure(case, rows, device, copy, rounds, compiled=compiled))
                if not arguments.json:
                    print(_line(results[-1]), flush=True)
    first, trouble = _first_calls(device)
    report = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "copy_gb_a_s": copy / 1e3,
        "launch_us": launches,
        "first_call_ms": first,
        "first_call_failed": trouble,
        "results": [asdict(result) for result in results],
        "left_out": left_out,
    }
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=1), "utf-8")
    if arguments.plot:
        draw(results, copy, arguments.plot)
    print(json.dumps(report, indent=1) if arguments.json else _summary(report))
    kept = all(is_kept for _, is_kept in promises(results, launches, first)) and not left_out
    return device == "cpu" or kept


def _first_calls(device: str) -> tuple[dict[str, float], str | None]:
    """Return the times of first calls, and why there are none."""
    try:
        return first_calls(device), None
    except RuntimeError as error:  # what was measured before is not lost
        return {}, str(error)


def _chosen(arguments: argparse.Namespace) -> list[GpuCase]:
    every = WIDTHS if arguments.replay else (4096, 11008)
    widths = [int(w) for w in arguments.widths.split(",")] if arguments.widths else every
    names = [name for name in arguments.ops.split(",") if name]
    dtypes = [DTYPES[name] for name in arguments.dtypes.split(",")]
    return [
        case
        for case in gpu_cases()
        if case.width in widths and case.dtype in dtypes and (not names or case.name in names)
    ]


def microseconds(call: Callable[[], Any], device: str, rounds: int) -> float:
    """Return the median time of a call, by CUDA events or by the clock."""
    for _ in range(3):
        call()
    once = max(_timed(call, device, 3), 0.5)
    calls = max(1, min(1000, int(ROUND_US / once)))
    return statistics.median(_timed(call, device, calls) for _ in range(rounds))


def _timed(call: Callable[[], Any], device: str, calls: int) -> float:
    if device == "cpu":
        began = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - began) * 1e6 / calls
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(calls):
        call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e3 / calls


def copied_bytes_a_us(device: str, rounds: int) -> float:
    """Return the bytes that a copy reads and writes in a microsecond."""
    size = COPY_BYTES[device]
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / microseconds(lambda: target.copy_(source), device, rounds)


def launch_costs(device: str, rounds: int, calls: int = 500) -> dict[str, float]:
    """Return the host's time for a launch of some small calls, in microseconds."""
    case = GpuCase("rms_norm", 64, torch.float32)
    given = case.arguments(LAUNCH_ROWS, device)
    x = given[0]
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: case.kernel(*given),
        "torch.add": lambda: torch.add(x, x),
    }
    triton = triton_kernel("rms_norm") if device == "cuda" else None
    if triton is not None:
        sides["triton"] = lambda: triton(*given)
    found = {}
    for name, call in sides.items():
        times = []
        for _ in range(rounds + 1):
            began = time.perf_counter()
            for _ in range(calls):
                call()
            times.append((time.perf_counter() - began) * 1e6 / calls)
            if device == "cuda":
                torch.cuda.synchronize()
        found[name] = statistics.median(times[1:])
    return found


def measure(
    case: GpuCase, rows: int, device: str, copy: float, rounds: int, *, compiled: bool
) -> Result:
    """Measure all sides of a case."""
    given = case.arguments(rows, device)
    ours = microseconds(lambda: case.kernel(*given), device, rounds)
    eager = microseconds(lambda: case.eager(*given), device, rounds)
    compiled_us = triton_us = None
    if compiled:
        torch._dynamo.reset()
        graph = torch.compile(case.native, dynamic=False)
        compiled_us = microseconds(lambda: graph(*given), device, rounds)
    triton = triton_kernel(case.name) if device == "cuda" else None
    if triton is not None:
        triton_us = microseconds(lambda: triton(*given), device, rounds)
    moved = case.moved_bytes(rows)
    (dtype,) = [name for name, found in DTYPES.items() if found == case.dtype]
    share = moved / ours / copy
    return Result(
        case.name, dtype, rows, case.width, ours, eager, compiled_us, triton_us, moved, share
    )


def promises(
    results: list[Result], launches: dict[str, float], first: dict[str, float]
) -> list[tuple[str, bool]]:
    """Return each promise in words, and if it is kept.

    Args:
        results: of all cases.
        launches: the host's time for a launch, in microseconds, by side.
        first: the time of a first call, in milliseconds; empty if it failed.
    """
    found = [("a launch: at most 2 torch.add", launches["ours"] <= 2 * launches["torch.add"])]
    if "triton" in launches:
        limit = 1.2 * launches["triton"]
        found.append(("a launch: at most 1.2 of Triton's", launches["ours"] <= limit))
    if not first:
        found.append(("first call: works", False))
    for name, ms in first.items():
        found.append((f"first call, {name}: at most {LIMIT_MS:.0f} ms", ms <= LIMIT_MS))
    largest = max((r.rows for r in results), default=0)
    for r in results:
        label = f"{r.name} {r.dtype} {r.rows}x{r.width}"
        if r.rows == largest:
            found.append((f"{label}: {LEAST_SHARE} of a copy", r.copy_share >= LEAST_SHARE))
        if r.compiled_us is not None:
            found.append((f"{label}: at most torch.compile", r.ours_us <= r.compiled_us))
    return found


def _line(r: Result) -> str:
    peers = {"eager": r.eager_us, "compiled": r.compiled_us, "triton": r.triton_us}
    sides = "  ".join(f"{name} {us:9.1f}" for name, us in peers.items() if us is not None)
    return (
        f"{r.name:18} {r.dtype:4} {r.rows:6} x {r.width:5}  ours {r.ours_us:9.1f} us  {sides}  "
        f"{r.copy_share:5.0%} of a copy"
    )


def _summary(report: dict[str, Any]) -> str:
    costs = ", ".join(f"{name} {us:.2f} us" for name, us in report["launch_us"].items())
    head = f"{report['device']}: a copy moves {report['copy_gb_a_s']:.0f} GB/s; a launch: {costs}"
    first = report["first_call_ms"]
    times = (f"{name} {ms:.0f} ms" for name, ms in first.items())
    told = report["first_call_failed"] or "; ".join(times)
    results = [Result(**result) for result in report["results"]]
    made = [] if report["device"] == "cpu" else promises(results, report["launch_us"], first)
    broken = [text for text, kept in made if not kept]
    late = [f"not measured for lack of time: {name}" for name in report["left_out"]]
    head = f"{head}\na first call: {told}"
    return "\n".join([head, *(f"not kept: {text}" for text in broken), *late])


def draw(results: list[Result], copy: float, path: Path) -> None:
    """Draw bytes a second over the number of rows, a line for each op and width."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    dtypes = list(dict.fromkeys(r.dtype for r in results))
    figure, grid = plt.subplots(1, len(dtypes), figsize=(5 * len(dtypes), 4), squeeze=False)
    for axes, dtype in zip(grid[0], dtypes, strict=True):
        mine = [r for r in results if r.dtype == dtype]
        for key in dict.fromkeys((r.name, r.width) for r in mine):
            line = [r for r in mine if (r.name, r.width) == key]
            speeds = [r.bytes / r.ours_us / 1e3 for r in line]
            axes.plot(
                [r.rows for r in line], speeds, "o-", markersize=3, label=f"{key[0]} {key[1]}"
            )
        axes.axhline(copy / 1e3, color="black", linewidth=0.8, label="copy")
        axes.set(xscale="log", xlabel="rows", ylabel="GB/s", title=dtype)
        axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
