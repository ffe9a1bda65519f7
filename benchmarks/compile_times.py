"""The time that our passes add to a compile, beside plain `torch.compile` of the same model.

Both sides compile MiniLM in this process and in turns, each time with empty caches of torch. Only
CPU time counts, of this process and of the C++ compiler that it starts: the wall time of a compile
says little beside other work. Our kernels are in the store after the first round.

The promise: all passes of the default list, with the digests that stand for them in the keys of
caches, take at most 10 % of what plain `torch.compile` takes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

import ir_runtime
from benchmarks.measure import Row, print_rows
from benchmarks.model_sides import make_model

LIMIT = 0.10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--model", default="minilm", help="one of `benchmarks.model_sides`")
    parser.add_argument("--layers", type=int, default=0, help="of the model; 0 for all")


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promise is kept."""
    model = make_model(arguments.model, arguments.layers, torch.float32)
    ids = torch.randint(0, 1000, (2, 16), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    makers = {"plain": torch.compile, "ours": ir_runtime.compile}
    times: dict[str, list[float]] = {"plain": [], "ours": [], "passes": []}
    for _ in range(arguments.rounds or 3):
        for name, make in makers.items():
            with _passes_timed() as spent:
                times[name].append(_compile(make, model, inputs))
            if name == "ours":
                times["passes"].append(sum(spent))
                assert spent, "no pass ran: a cache had the graph"
    plain, ours, passes = (statistics.median(times[n]) for n in ("plain", "ours", "passes"))
    first = times["passes"][0], times["plain"][0]

    def row(name: str, seconds: float, ratio: float, limit: float | None = None) -> Row:
        return Row(name, 1e3 * seconds, "ms", 0.0, ratio, limit)

    rows = [
        row("torch.compile", plain, 1.0),
        row("ir_runtime.compile, stored kernels", ours, ours / plain),
        row("all passes and their keys", passes, passes / plain, LIMIT),
        row("the same, first compile of the process", first[0], first[0] / first[1], LIMIT),
    ]
    title = f"CPU time of a compile of {arguments.model}"
    return print_rows(title, rows, as_json=arguments.json)


def _compile(make: Callable[..., Any], model: torch.nn.Module, inputs: dict[str, Any]) -> float:
    """Compile a model with empty caches, and return the CPU time in seconds."""
    from torch._inductor import config
    from torch._inductor.utils import fresh_cache

    torch._dynamo.reset()
    # With one thread the C++ compiler is a child of this process, whose time is counted.
    with fresh_cache(), config.patch(compile_threads=1), torch.no_grad():
        started = _cpu_seconds()
        make(model)(**inputs)
        return _cpu_seconds() - started


def _cpu_seconds() -> float:
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@contextmanager
def _passes_timed() -> Generator[list[float]]:
    """Yield a list that gets the CPU seconds of each run of our passes, and of their digests."""
    from ir_runtime.passes.hook_passes import HookPasses

    spent: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def run_timed(*args: Any) -> Any:
            started = time.thread_time()
            try:
                return function(*args)
            finally:
                spent.append(time.thread_time() - started)

        return run_timed

    with ExitStack() as patches:
        for name in ("__call__", "uuid"):
            function = timed(getattr(HookPasses, name))
            patches.enter_context(mock.patch.object(HookPasses, name, function))
        yield spent
