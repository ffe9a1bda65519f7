"""The cost of choosing a provider: one function, as a plain op and as a provider.

With the wrap on, the peer is an op registered by `Library.impl`; with it off, the peer is the
function itself. The priority has one provider, or three: then the first or the last one takes the
call, and those before it refuse its dtype; or a tuned table puts the last one first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measure import Row, measure_interleaved, summarise
from ir_runtime import ir
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.op_reg import def_library
from ir_runtime.settings import override_settings

__all__ = ["dispatch_rows"]

WRAPPED_LIMIT_US, UNWRAPPED_LIMIT_US = 1.0, 0.7
PLAIN, DIRECT = "the same as a plain Library.impl op", "the provider called"

LIBRARY = def_library("ir_benchmarks")
LIBRARY.define("provided(Tensor x, Tensor y) -> Tensor")


def _provider(x: Tensor, y: Tensor) -> Tensor:
    return torch.add(x, y)


LIBRARY.impl("provided", _provider, "CompositeExplicitAutograd")


@ir.register_op(name="benchmark_add")
def benchmark_add(x: Tensor, y: Tensor) -> Tensor:
    """Add two tensors."""
    return x + y


benchmark_add.register_impl("plain")(_provider)
for name in ("wide", "wider"):
    benchmark_add.register_impl(name, constraints=[ir.dtypes("x", torch.float64)])(_provider)
benchmark_add.register_impl("narrow", constraints=[ir.dtypes("x", torch.float32)])(_provider)

PRIORITIES: dict[str, Sequence[str]] = {
    "1 in the priority": ["plain"],
    "the first of 3": ["narrow", "wide", "plain"],
    "the last of 3": ["wide", "wider", "plain"],
    "a tuned table's first": ["auto", "narrow", "wide", "plain"],
}
WAYS = (
    ("wrap on", True, benchmark_add, WRAPPED_LIMIT_US),
    ("its torch op", True, benchmark_add.torch_op, WRAPPED_LIMIT_US),
    ("wrap off", False, benchmark_add, UNWRAPPED_LIMIT_US),
)
"""How it is called: eager calls with the wrap on may go past torch's dispatcher, too."""
RANKING = ir.Ranking(("plain", "narrow"), {"plain": 1.0, "narrow": 2.0})
TAKEN_BY = ("plain", "narrow")


def dispatch_rows(x: Tensor, y: Tensor, rounds: int) -> list[Row]:
    """Time calls of the op and calls of its provider."""
    with (
        tempfile.TemporaryDirectory() as directory,
        override_settings(store=Path(directory) / "store"),
    ):
        tables.record(benchmark_add, (x, y), RANKING)
        return _dispatch_rows(x, y, rounds)


def _dispatch_rows(x: Tensor, y: Tensor, rounds: int) -> list[Row]:
    plain = torch.ops.ir_benchmarks.provided.default
    rows: list[Row] = []
    for which, priority in PRIORITIES.items():
        benchmark_add.set_default(priority)
        for way, on, call, limit in WAYS:
            peer, other = (PLAIN, plain) if on else (DIRECT, _provider)
            title = f"IR op, {way}, {which}"
            with ir.enable_torch_wrap(on):
                if benchmark_add.dispatch(x, y).provider not in TAKEN_BY:
                    raise SystemExit(
                        f"not the provider that is timed: {benchmark_add.explain(x, y)}"
                    )
                times = measure_interleaved(
                    {
                        peer: lambda call=other: call(x, y),
                        title: lambda call=call: call(x, y),
                    },
                    rounds=rounds,
                )
            pairs = zip(times[title], times[peer], strict=True)
            added, spread = summarise([mine - other for mine, other in pairs], 1e6)
            value, own_spread = summarise(times[title], 1e6)
            rows.append(Row(title, value, "us", own_spread))
            rows.append(Row(f"to {peer} it adds", added, "us", spread, None, limit))
    benchmark_add.clear_default()
    return rows
