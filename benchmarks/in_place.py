"""The cost of an argument that an op changes: one row of a large cache, and a small update.

The promises: one token written into a cache of 256 MiB takes at most three times as long as torch's
own `index_copy_`, and allocates nothing, whether the kernel is traced from a torch function or
written as MLIR, or is an exported program whose buffer is the cache.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.measure import Row, measure_interleaved, print_rows, summarise
from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.op_reg import (
    CustomOp,
    KernelBuilder,
    KernelSelection,
    MlirTemplate,
    def_library,
    explain,
)

__all__ = ["run"]

LIMIT = 3.0
SMALL_BYTES = 8192
COLUMNS, ROWS, FEW_ROWS = 1024, 1 << 16, 64
LIBRARY = def_library("ir_benchmarks")

WRITE_ROW = MlirTemplate(
    "write_row",
    """
!cache = tensor<?x1024xf32>
!row = tensor<1x1024xf32>
util.func private @write_row(%cache: !cache, %row: !row, %at: i64) -> !cache {
  %i = arith.index_cast %at : i64 to index
  %0 = tensor.insert_slice %row into %cache[%i, 0] [1, 1024] [1, 1] : !row into !cache
  util.return %0 : !cache
}
""",
)


@CustomOp.register(library=LIBRARY)
class PutRows(CustomOp):
    """Write rows at indices, traced from torch; the indices are checked."""

    signature = "put_rows(Tensor(a!) cache, Tensor places, Tensor rows) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        """Accept any number of rows."""
        ksel.arg_tensor(0, inplace_tied=True).specialize_dims(1)
        ksel.arg_tensor(1)
        ksel.arg_tensor(2).specialize_dims(1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Trace `index_put`."""

        def put(cache: Tensor, places: Tensor, rows: Tensor) -> Tensor:
            return cache.index_put((places,), rows)

        kb.yield_results(kb.inline_torch(put, *(kb.arg_value(i) for i in range(3))))


@CustomOp.register(library=LIBRARY)
class WriteRow(CustomOp):
    """Write one row, as MLIR; the op checks its number."""

    signature = "write_row(Tensor(a!) cache, int at, Tensor row) -> ()"

    def check(self, cache: Tensor, at: int, row: Tensor) -> None:
        """Refuse a row that the cache does not have."""
        del row
        if not 0 <= at < cache.shape[0]:
            raise IndexError(f"row {at} of {cache.shape[0]}")

    def select(self, ksel: KernelSelection) -> None:
        """Accept caches of 1024 columns."""
        ksel.arg_tensor(0, inplace_tied=True).specialize_dims(1)
        ksel.arg_int(1)
        ksel.arg_tensor(2).specialize_all_dims()

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Insert a slice."""
        cache, at, row = (kb.arg_value(i) for i in range(3))
        kb.yield_results(kb.inline_mlir(WRITE_ROW, {}, cache, row, at))


class Cache(torch.nn.Module):
    """A buffer that a call writes a row into; exported, it is a program."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(rows, COLUMNS))

    def forward(self, places: Tensor, row: Tensor) -> Tensor:
        """Write the row, and return another one."""
        self.cache.index_copy_(0, places, row)
        return row * 2


PROMISED = ("traced", "MLIR", "program")


def run(arguments: argparse.Namespace) -> bool:
    """Measure both updates beside those of torch."""
    rounds = arguments.rounds or 31
    kept = _measure("one row into 256 MiB, ratio to index_copy_", ROWS, rounds, arguments)
    return (
        _measure("one row into 256 KiB, ratio to index_copy_", FEW_ROWS, rounds, arguments) and kept
    )


def _measure(title: str, rows: int, rounds: int, arguments: argparse.Namespace) -> bool:
    cache, row = torch.zeros(rows, COLUMNS), torch.rand(1, COLUMNS)
    places = torch.tensor([rows // 2])
    put, write = torch.ops.ir_benchmarks.put_rows, torch.ops.ir_benchmarks.write_row
    at = rows // 2
    program = aot.export(Cache(rows), (places, row), name="cache_step").launchable()
    cases: dict[str, Callable[[], object]] = {
        "index_copy_": lambda: cache.index_copy_(0, places, row),
        "index_put_": lambda: cache.index_put_((places,), row),
        "traced": lambda: put(cache, places, row),
        "MLIR": lambda: write(cache, at, row),
        "program": lambda: program(places, row),
    }
    times = measure_interleaved(cases, rounds=rounds, calls=500)
    table = _timed(times, LIMIT if rows == ROWS else None)
    transients = {
        "traced": sum(_plan(explain(put, cache, places, row)).transients),
        "MLIR": sum(_plan(explain(write, cache, at, row)).transients),
        "program": sum(_plan(program.explain(places, row)).transients),
    }
    for name in PROMISED:
        made = _allocated(cases[name])
        table.append(Row(f"{name}, allocated", made, "B", 0.0, limit=0.0))
        table.append(Row(f"{name}, kept as scratch", transients[name], "B", 0.0))
    return print_rows(title, table, as_json=arguments.json)


def _timed(times: Mapping[str, list[float]], limit: float | None) -> list[Row]:
    peer = summarise(times["index_copy_"], 1e6)[0]
    table: list[Row] = []
    for name, samples in times.items():
        median, spread = summarise(samples, 1e6)
        promised = limit if name in PROMISED else None
        table.append(Row(name, median, "us", spread, ratio=median / peer, limit=promised))
    return table


def _plan(explained: Any) -> Any:
    assert explained.plan is not None, explained
    return explained.plan


def _allocated(call: Callable[[], object]) -> float:
    """Return how many bytes of large tensors a call allocates; the profiler sees each.

    Not counted are the index report, which is a tensor of 32 bytes when a call runs in Python, as
    it does under a profiler, and the row that the program returns.
    """
    with (
        count_since() as counts,
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen,
    ):
        call()
    assert counts[0].copies == 0, "an argument was copied"
    sizes = [event.cpu_memory_usage for event in seen.events()]
    return float(sum(size for size in sizes if size > SMALL_BYTES))
