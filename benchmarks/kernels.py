"""The speed of kernels, calls included, compared with torch eager and `torch.compile`.

Each call is timed in turn with its peers: once all sides allocate their results, once all sides
write into existing tensors. `torch.compile` gets static shapes and the whole function, without
gradients. The promises are in the table at the end. Without options it takes some 2 minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.kernel_cases import FEATURES, OPS, ROWS, KernelCase, kernel_cases
from benchmarks.machine import measure_machine
from ir_runtime.counters import count_since
from ir_runtime.device.machine import this_machine

ROW_OPS = ("layer_norm", "rms_norm", "gelu", "silu_and_mul", "softmax", "rotary_embedding")
STREAMING = ("rms_norm", "silu_and_mul", "layer_norm")
MEASURED = Path(__file__).parent.parent / "docs" / "measured"
"""The results of machines, one file each; `docs/measured.md` is written from them."""

_SOME_ROWS = "1,64,2048"
_ATTENTION_TOKENS = 16
"""For shorter sequences nothing is promised."""
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Result:
    """The times of a case.

    Attributes:
        op: name of the op.
        dtype: short name.
        rows: rows or tokens.
        features: features per row.
        kept: whether results went into existing tensors.
        ours_us: median time of our call.
        eager_us: median time of torch's call.
        compiled_us: median time of `torch.compile`; None if it was not measured.
        gigabytes_per_s: memory throughput of our call.
        of_copy: ratio of this throughput to that of a copy.
    """

    op: str
    dtype: str
    rows: int
    features: int
    kept: bool
    ours_us: float
    eager_us: float
    compiled_us: float | None
    gigabytes_per_s: float
    of_copy: float

    @property
    def best_us(self) -> float:
        """The time of the faster peer."""
        peers = (self.eager_us, self.compiled_us or math.inf)
        return min(peers)


@dataclass(frozen=True)
class Promise:
    """A number with a limit, and its description."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--ops", default=",".join(OPS), help="which, with commas between")
    parser.add_argument("--rows", help=f"default: {_SOME_ROWS}; with --full: {_text(ROWS)}")
    parser.add_argument(
        "--features", help=f"default: {FEATURES[0]}; with --full: {_text(FEATURES)}"
    )
    parser.add_argument("--full", action="store_true", help="all rows and features, for an hour")
    parser.add_argument("--save", action="store_true", help="write docs/measured/<machine>.json")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--plot", type=Path, help="draw the ratios into this PNG file")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promises are kept."""
    ops, dtypes = arguments.ops.split(","), arguments.dtypes.split(",")
    rows = _numbers(arguments.rows or (_text(ROWS) if arguments.full else _SOME_ROWS))
    every = FEATURES if arguments.full else FEATURES[:1]
    features = _numbers(arguments.features or _text(every))
    rounds = arguments.rounds or 15
    machine = measure_machine()
    if not arguments.json:
        print(machine, flush=True)
    results: list[Result] = []
    copies: dict[int, float] = {}
    with torch.no_grad():
        for case in kernel_cases(ops, rows, features, [DTYPES[name] for name in dtypes]):
            for kept in (False, True):
                result = _measure(case, copies, rounds, kept=kept, compile=not arguments.no_compile)
                if result is not None:
                    results.append(result)
                    if not arguments.json:
                        print(_line(result), flush=True)
    promises = find_promises(results)
    if arguments.plot:
        from benchmarks.plot import draw_ratios

        draw_ratios(results, arguments.plot)
    report = {
        "machine": asdict(machine),
        "rows": [asdict(result) for result in results],
        "promises": [asdict(promise) for promise in promises],
    }
    if arguments.save:
        MEASURED.mkdir(exist_ok=True)
        path = MEASURED / f"{machine.kind}.json"
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        _print_promises(promises)
    return all(promise.kept for promise in promises)


def _text(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _measure(
    case: KernelCase,
    copies: dict[int, float],
    rounds: int,
    *,
    kept: bool,
    compile: bool,  # noqa: A002 - torch's word
) -> Result | None:
    sides = _sides(case, kept=kept, compile=compile)
    if sides is None:
        return None
    _refuse_if_wrong(case, sides)
    times = _interleaved(sides, rounds)
    seconds = {name: statistics.median(samples) for name, samples in times.items()}
    speed = case.moved_bytes / seconds["ours"]
    compiled = seconds.get("compiled")
    return Result(
        case.op,
        next(name for name, dtype in DTYPES.items() if dtype == case.dtype),
        case.rows,
        case.features,
        kept,
        seconds["ours"] * 1e6,
        seconds["eager"] * 1e6,
        None if compiled is None else compiled * 1e6,
        speed / 1e9,
        speed / _copy_speed(case.moved_bytes, copies),
    )


def _sides(
    case: KernelCase,
    *,
    kept: bool,
    compile: bool,  # noqa: A002
) -> dict[str, Callable[[], Any]] | None:
    arguments = case.arguments
    if not kept:
        ours, eager = case.ours, case.eager
    elif case.ours_into is None or case.eager_into is None:
        return None
    else:
        ours, eager = case.ours_into, case.eager_into
        outs = [torch.empty_like(case.eager(*arguments)) for _ in range(3)]
    sides: dict[str, Callable[[], Any]] = {}
    functions = {"ours": ours, "eager": eager}
    if compile:
        torch._dynamo.reset()
        functions["compiled"] = torch.compile(
            _copying(case.eager) if kept else case.eager, dynamic=False, fullgraph=True
        )
    for i, (name, function) in enumerate(functions.items()):
        given = (outs[i], *arguments) if kept else arguments
        sides[name] = lambda function=function, given=given: function(*given)
    return sides


def _copying(function: Callable[..., Any]) -> Callable[..., Any]:
    def into(out: torch.Tensor, *arguments: Any) -> torch.Tensor:
        return out.copy_(function(*arguments))

    return into


def _refuse_if_wrong(case: KernelCase, sides: Mapping[str, Callable[[], Any]]) -> None:
    """Refuse to time a wrong result, or a call that compiles or copies."""
    ours, eager = sides["ours"](), sides["eager"]()
    pairs = zip(ours, eager, strict=True) if isinstance(ours, tuple) else [(ours, eager)]
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2 if case.rows else 0)
    with count_since() as counts:
        sides["ours"]()
    if counts[0].selects or counts[0].compiles or counts[0].copies:
        raise SystemExit(f"{case.op}: not the hit path: {counts[0]}")


def _interleaved(sides: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Time the sides in turn, each for some milliseconds at a time."""
    calls = {}
    for name, call in sides.items():
        for _ in range(3):
            call()
        started = time.perf_counter()
        call()
        took = time.perf_counter() - started
        calls[name] = max(1, min(2000, int(3e-3 / max(took, 1e-9))))
    longest = max((time_of(sides[name]) for name in sides), default=0.0)
    rounds = max(3, min(rounds, int(6.0 / max(longest, 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            started = time.perf_counter()
            for _ in range(calls[name]):
                call()
            times[name].append((time.perf_counter() - started) / calls[name])
    return times


def time_of(call: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _copy_speed(moved_bytes: int, copies: dict[int, float]) -> float:
    """Measure the speed of a torch copy of the same number of bytes, half read, half written."""
    if moved_bytes not in copies:
        source = torch.ones(max(1, moved_bytes // 8))
        target = torch.empty_like(source)
        samples = _interleaved({"copy": lambda: target.copy_(source)}, 15)["copy"]
        copies[moved_bytes] = 8 * source.numel() / statistics.median(samples)
    return copies[moved_bytes]


def find_promises(results: Sequence[Result]) -> list[Promise]:
    """Compare the results with the promises; those without a measurement are left out."""
    promises: list[Promise] = []
    for op in ROW_OPS:
        mine = [r for r in results if r.op == op]
        if mine:
            promises += _row_promises(op, mine)
    beyond = 2 * this_machine().l3_bytes
    for op in STREAMING:
        speeds = [r.of_copy for r in results if r.op == op and r.kept and _moved(r) > beyond]
        if speeds:
            what = f"{op}: of a copy's bytes per second, beyond cache"
            promises.append(Promise(what, min(speeds), 0.75, at_least=True))
    products = [r.ours_us / r.best_us for r in results if r.op == "linear"]
    if products:
        promises.append(Promise("linear: slowest case to the better peer", max(products), 1.05))
    long = [r for r in results if r.op == "mm_encoder_attn" and r.rows >= _ATTENTION_TOKENS]
    if long:
        worst = max(r.ours_us / r.eager_us for r in long)
        promises.append(Promise("mm_encoder_attn: slowest case to eager", worst, 1.0))
    return promises


def _row_promises(op: str, results: Sequence[Result]) -> list[Promise]:
    promises = [
        Promise(
            f"{op}: geometric mean to eager",
            statistics.geometric_mean([r.ours_us / r.eager_us for r in results]),
            0.6,
        ),
        Promise(
            f"{op}: slowest case to the better peer",
            max(r.ours_us / r.best_us for r in results),
            1.1,
        ),
    ]
    compiled = [r.ours_us / r.compiled_us for r in results if r.compiled_us is not None]
    if compiled:
        mean = statistics.geometric_mean(compiled)
        promises.append(Promise(f"{op}: geometric mean to torch.compile", mean, 0.7))
    return promises


def _moved(result: Result) -> float:
    return result.gigabytes_per_s * 1e3 * result.ours_us


def _line(r: Result) -> str:
    compiled = "" if r.compiled_us is None else f"{r.compiled_us:10.1f}"
    ratio = "" if r.compiled_us is None else f"{r.ours_us / r.compiled_us:7.2f}"
    return (
        f"{r.op:17} {r.dtype:4} {r.rows:5} x {r.features:5} {'kept' if r.kept else 'new':4} "
        f"{r.ours_us:10.1f} {r.eager_us:10.1f} {compiled:>10} us   to eager "
        f"{r.ours_us / r.eager_us:5.2f} to compile {ratio:>5}   "
        f"{r.gigabytes_per_s:6.1f} GB/s, {r.of_copy:.2f} of a copy"
    )


def _print_promises(promises: Sequence[Promise]) -> None:
    print("\npromises")
    for promise in promises:
        sign = ">=" if promise.at_least else "<="
        mark = "kept" if promise.kept else "MISSED"
        print(f"  {promise.what:58} {promise.value:6.2f} {sign} {promise.limit:<5} {mark}")
