"""The speed of whole models: prompts and steps of decoding, beside eager and `torch.compile`.

The weights are random (`minilm`: real). All sides of a case share them, run in one process and take
turns; each number is a median. A decoding step reads all weights once, so its bytes per second are
shown beside those of a copy. Promises, to the better of eager and `torch.compile` of the untouched
model: bf16 decoding at most 0.8, prompts at most 0.9; f32 at most 0.95; decoding of one sequence
with int8 at most 0.6 and with int4 at most 0.42 of the fastest side with bf16, and both at most 1.1
of llama.cpp, per bit of a weight, where it is installed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks import llama_cpp
from benchmarks.machine import measure_machine
from benchmarks.model_sides import (
    DTYPES,
    MODELS,
    Case,
    Side,
    logits_of,
    make_model,
    make_sides,
    peak_bytes,
    read_bytes,
)
from benchmarks.models_plot import draw_models

LIMITS = {("decode", "bf16"): 0.8, ("prefill", "bf16"): 0.9, ("encode", "bf16"): 0.9}
F32_LIMIT = 0.95
ROUNDED_LIMITS = {"int8": 0.6, "int4": 0.42}
LLAMA_CPP_LIMIT = 1.1
OUR_BITS = {"int8": 8.0, "int4": 4.25}
"""Bits of a weight with its scales, about."""
PEERS = ("eager", "compile")


@dataclass
class Result:
    """The measurements of a case.

    Attributes:
        case: the case.
        layers: of the model that was measured, and of the whole one.
        times_ms: by side, the time of each call.
        first_s: by side, the first call: compiling, packing.
        peak_gb: by side, the most memory of the process while the side was made and first called.
        read_gb: what a call reads.
        optimize_s: the time of `optimize`, with the making of the copy.
        replaced: by kind, how many places of our model are replaced.
        error: the largest difference of logits to eager, as a part of the largest logit.
    """

    case: Case
    layers: tuple[int, int]
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    first_s: dict[str, float] = field(default_factory=dict)
    peak_gb: float = 0.0
    read_gb: float = 0.0
    optimize_s: float = 0.0
    replaced: dict[str, int] = field(default_factory=dict)
    error: float = 0.0

    def median(self, side: str) -> float:
        """Return the median time of a side."""
        return statistics.median(self.times_ms[side])

    @property
    def ours(self) -> str:
        """The faster one of our sides."""
        return min((n for n in ("ours", "ours compiled") if n in self.times_ms), key=self.median)

    @property
    def peer(self) -> str:
        """The fastest side that we are compared with."""
        names = (*PEERS, "ours bf16")
        return min((n for n in names if n in self.times_ms), key=self.median)

    @property
    def ratio(self) -> float:
        """Our time divided by that of the peer."""
        return self.median(self.ours) / self.median(self.peer)

    @property
    def to_llama_cpp(self) -> float | None:
        """Our time divided by that of llama.cpp, at equal bits a weight; None without promise."""
        if (
            self.limit is None
            or self.case.dtype not in OUR_BITS
            or "llama.cpp" not in self.times_ms
        ):
            return None
        bits = llama_cpp.BITS[self.case.dtype] / OUR_BITS[self.case.dtype]
        return bits * self.median(self.ours) / self.median("llama.cpp")

    @property
    def limit(self) -> float | None:
        """The promise, None if there is none."""
        case = self.case
        if case.dtype in ROUNDED_LIMITS:
            promised = case.phase == "decode" and case.batch == 1
            return ROUNDED_LIMITS[case.dtype] if promised else None
        return F32_LIMIT if case.dtype == "f32" else LIMITS[case.phase, case.dtype]

    @property
    def kept(self) -> bool:
        """Whether the promises are kept."""
        if self.to_llama_cpp is not None and self.to_llama_cpp > LLAMA_CPP_LIMIT:
            return False
        return self.limit is None or self.ratio <= self.limit

    def quantile(self, side: str, part: float) -> float:
        """Return a quantile of a side's times."""
        times = sorted(self.times_ms[side])
        return times[min(len(times) - 1, int(part * len(times)))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--full", action="store_true", help="all cases, all layers that fit")
    parser.add_argument("--models", default="", help=f"of {','.join(MODELS)}")
    parser.add_argument("--dtypes", default="", help=f"of {','.join(DTYPES)}")
    parser.add_argument("--phases", default="", help="of prefill,decode,encode")
    parser.add_argument("--layers", type=int, help="layers of each model (default: 2, or all)")
    parser.add_argument("--seconds", type=float, help="of timing for a case (default: 6, or 40)")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--plot", type=Path, help="a PNG file to draw the ratios into")


def cases(*, full: bool) -> list[Case]:
    """Return the cases: a few that end in ten minutes, or all."""
    if not full:
        return [
            *(Case("llama-1b", "decode", 1, 128, dtype) for dtype in ("bf16", "int8", "int4")),
            Case("llama-1b", "prefill", 1, 128, "bf16"),
            Case("qwen3-0.6b", "decode", 1, 128, "f32"),
            Case("minilm", "encode", 8, 128, "f32"),
        ]
    decoders = [
        Case(model, phase, batch, tokens, dtype)
        for model in ("llama-1b", "qwen3-0.6b")
        for dtype in DTYPES
        for phase, batch, tokens in (
            ("decode", 1, 128),
            ("decode", 8, 128),
            ("decode", 1, 2048),
            ("decode", 8, 2048),
            ("prefill", 1, 128),
            ("prefill", 8, 128),
            ("prefill", 1, 1024),
        )
    ]
    encoders = [
        Case(model, "encode", batch, tokens, dtype)
        for model, tokens in (("minilm", 128), ("vit-b", 197))
        for dtype in ("f32", "bf16")
        for batch in (1, 8)
    ]
    return [*decoders, *encoders]


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promises are kept."""
    machine = measure_machine()
    wanted = [
        case
        for case in cases(full=arguments.full)
        if case.model in (arguments.models or case.model).split(",")
        and case.dtype in (arguments.dtypes or case.dtype).split(",")
        and case.phase in (arguments.phases or case.phase).split(",")
    ]
    if not arguments.json:
        lacks = llama_cpp.missing()
        print(
            f"{machine}\n" + (f"not measured: llama.cpp, for it install {lacks}" if lacks else "")
        )
    results: list[Result] = []
    for case in wanted:
        results.append(_measure(case, arguments))
        if not arguments.json:
            print(_lines(results[-1], machine.copy_gigabytes_per_s), flush=True)
    if arguments.plot is not None:
        draw_models(results, arguments.plot, machine.model)
    kept = all(result.kept for result in results)
    if arguments.json:
        rows = [asdict(r) | {"ratio": r.ratio, "limit": r.limit, "kept": r.kept} for r in results]
        print(json.dumps({"machine": asdict(machine), "kept": kept, "rows": rows}, indent=1))
    return kept


def _measure(case: Case, arguments: argparse.Namespace) -> Result:
    whole = MODELS[case.model][1]
    few = 2 if case.phase != "encode" else whole
    layers = arguments.layers or (_fitting(case, whole) if arguments.full else few)
    if case.tokens == 1024:
        layers = min(layers, 4)
    model = make_model(case.model, layers, DTYPES[case.dtype])
    names = ["eager", *([] if arguments.no_compile else ["compile"]), "ours"]
    if (arguments.full or case.phase == "decode") and not arguments.no_compile:
        names.append("ours compiled")
    if case.dtype in ROUNDED_LIMITS:
        names += ["ours bf16", "torch rounded"]
    if case.phase != "encode" and not llama_cpp.missing():
        names.append("llama.cpp")
    torch.compiler.reset()
    peak_bytes(reset=True)
    began = time.perf_counter()
    sides = make_sides(case, model, names)
    result = Result(case, (layers, whole), optimize_s=time.perf_counter() - began)
    result.read_gb = read_bytes(case, model) / 1e9
    report = next(side.report for side in sides if side.name == "ours")
    result.replaced = dict(report.counts()) if report is not None else {}
    with torch.inference_mode():  # not before: weights that are made in it are not packed
        _warm(sides, result)
        result.peak_gb = peak_bytes() / 1e9
        _time(sides, result, arguments)
    gc.collect()
    return result


def _fitting(case: Case, whole: int) -> int:
    """Return how many layers fit: the weights, a packed copy, a rounded one, and caches."""
    config: Any = make_model(case.model, 1, torch.bfloat16)
    layer = sum(p.numel() for name, p in config.named_parameters() if "layers." in name)
    element = 4 if case.dtype == "f32" else 2
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    (free,) = (int(s.split()[1]) << 10 for s in text.splitlines() if s.startswith("MemAvailable"))
    embedding = sum(p.numel() for p in config.parameters()) - layer
    left = 0.7 * free - 4 * element * embedding
    return max(1, min(whole, int(left / (4 * element * max(layer, 1)))))


def _warm(sides: Sequence[Side], result: Result) -> None:
    """Call each side twice, and compare with eager."""
    first: dict[str, torch.Tensor] = {}
    for side in sides:
        began = time.perf_counter()
        first[side.name] = logits_of(side.call())
        result.first_s[side.name] = time.perf_counter() - began
        side.after()
        side.call()
        side.after()
    exact, ours = first["eager"], first["ours"]
    result.error = float((ours - exact).abs().max() / exact.abs().max())


def _time(sides: Sequence[Side], result: Result, arguments: argparse.Namespace) -> None:
    """Time the sides in turns, for some seconds and at least for three rounds."""
    seconds = arguments.seconds or (40.0 if arguments.full else 6.0)
    result.times_ms = {side.name: [] for side in sides}
    began, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - began < seconds:
        for side in sides:
            started = time.perf_counter()
            side.call()
            result.times_ms[side.name].append(1e3 * (time.perf_counter() - started))
            side.after()
        rounds += 1
        if rounds == arguments.rounds:
            break


def _lines(result: Result, copy_speed: float) -> str:
    case, (layers, whole) = result.case, result.layers
    said = "" if result.limit is None else f", limit {result.limit:g}"
    mark = "" if result.limit is None else ("   kept" if result.kept else "   MISSED")
    lines = [
        f"{case.name}, {layers} of {whole} layers: {result.ratio:.2f} of {result.peer}{said}{mark}",
        (
            f"  optimize {result.optimize_s:.1f} s, replaced {result.replaced}; "
            f"peak {result.peak_gb:.1f} GB; error {result.error:.1e}"
        ),
    ]
    if result.to_llama_cpp is not None:
        lines.append(f"  {result.to_llama_cpp:.2f} of llama.cpp per bit, limit {LLAMA_CPP_LIMIT}")
    for name in result.times_ms:
        median = result.median(name)
        quantiles = [result.quantile(name, part) for part in (0.5, 0.9, 0.99)]
        shown = " / ".join(f"{value:.1f}" for value in quantiles)
        speed = result.read_gb / median * 1e3
        rounded = case.dtype in ROUNDED_LIMITS and not name.startswith("ours")
        other = rounded or name in ("ours bf16", "torch rounded", "llama.cpp")
        part = "" if other else f", reads {speed:.1f} GB/s"
        part += f" ({speed / copy_speed:.0%} of a copy)" if part else ""
        lines.append(
            f"  {name:13} {shown} ms (p50 / p90 / p99), {case.new_tokens / median * 1e3:.0f} "
            f"tokens/s, first {result.first_s[name]:.1f} s{part}"
        )
    return "\n".join(lines)
