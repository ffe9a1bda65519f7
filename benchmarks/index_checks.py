"""The cost of index checks: the same kernel with and without them, in turns."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Row, measure_interleaved, print_rows, summarise
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library
from ir_runtime.op_reg.trace import lower_program as lower_torch

__all__ = ["run"]

LIMIT = 1.05
LIBRARY = def_library("ir_benchmarks")


def _embedding(ids: Tensor, table: Tensor) -> Tensor:
    return torch.nn.functional.embedding(ids, table)


def _gather(index: Tensor, x: Tensor) -> Tensor:
    return x.gather(0, index)


def run(arguments: argparse.Namespace) -> bool:
    """Measure an embedding of 4096 x 1024 and a gather of a million elements."""
    cases: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
        "embedding of 4096 x 1024": (
            _embedding,
            (torch.randint(0, 32000, (4096,)), torch.rand(32000, 1024)),
        ),
        "gather of 1 M elements": (
            _gather,
            (torch.randint(0, 1 << 20, (1 << 20,)), torch.rand(1 << 20)),
        ),
    }
    rows: list[Row] = []
    for name, (fn, tensors) in cases.items():
        rows += _rows(name, fn, tensors, arguments.rounds or 101)
    return print_rows("ratio to the kernel without checks", rows, as_json=arguments.json)


def _rows(
    name: str, fn: Callable[..., Tensor], tensors: Sequence[Tensor], rounds: int
) -> list[Row]:
    checked = _op(f"{fn.__name__}_checked", fn, tensors)
    with _without_checks():
        bare = _op(f"{fn.__name__}_bare", fn, tensors)
    assert torch.equal(checked(*tensors), bare(*tensors)), "they compute different things"
    times = measure_interleaved(
        {"checked": lambda: checked(*tensors), "bare": lambda: bare(*tensors)},
        rounds=rounds,
        calls=1,
    )
    (median, spread), (peer, peer_spread) = (
        summarise(times[which], 1e3) for which in ("checked", "bare")
    )
    least = min(times["checked"]) / min(times["bare"])
    return [
        Row(f"{name}, without checks", peer, "ms", peer_spread),
        Row(name, median, "ms", spread, ratio=median / peer, limit=LIMIT),
        Row(f"{name}, fastest calls", min(times["checked"]) * 1e3, "ms", 0.0, ratio=least),
    ]


def _op(name: str, fn: Callable[..., Tensor], tensors: Sequence[Tensor]) -> Any:
    """Register `fn` as an op of two tensors, and compile its kernel."""

    class Traced(CustomOp):
        signature = f"{name}(Tensor index, Tensor x) -> Tensor"

        def select(self, ksel: KernelSelection) -> None:
            index, x = (ksel.arg_tensor(i) for i in range(2))
            x.specialize_dims(*range(1, x.t.ndim))
            shape = [*index.t.shape, *x.t.shape[1:]]
            result = ksel.return_new_tensor(shape, x.t.dtype)
            result.specialize_dims(*range(1, x.t.ndim))

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(kb.inline_torch(fn, kb.arg_value(0), kb.arg_value(1)))

    packet: Any = CustomOp.register(Traced, library=LIBRARY)
    packet(*tensors)
    return packet.default


@contextmanager
def _without_checks() -> Generator[None]:
    real = lower_torch.check_indices
    lower_torch.check_indices = lambda *_: None
    try:
        yield
    finally:
        lower_torch.check_indices = real
