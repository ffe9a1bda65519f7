"""Products with weights in 16, 8 and 4 bits: one row, some rows and many, beside torch's own.

Each call takes another copy of its weight, so that it is read from memory, as in a model whose
layers follow each other. A rate is the bytes of the weight, with scales, per second, and then
the same as a part of the bytes that a large copy of torch reads and writes per second.

The promises: with one row of bf16, 8 bits take at most 0.6 of the time of `linear` with a packed
weight in bf16, and 4 bits at most 0.42.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn

import kernels_mlir
from benchmarks.machine import MeasuredMachine, measure_machine
from benchmarks.measure import measure_interleaved, summarise
from ir_runtime import ir
from kernels_mlir.matmul.quantized_weight import (
    QuantizedWeight,
    quantize_weight_int4,
    quantize_weight_int8,
)

__all__ = ["add_arguments", "run"]

SHAPES = ((4096, 4096), (11008, 4096))
"""Input and output features."""
ROWS = (1, 16, 128)
LIMITS = {"w8": 0.6, "w4, groups of 128": 0.42}
"""Of one row, to `linear` in bf16."""
PEER = "linear bf16"
CACHES = 2
"""All copies of a weight together are so many times the last cache."""

Call = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """What was measured of one way to multiply.

    Attributes:
        shape: input and output features.
        rows: rows of `x`.
        name: the way.
        us: the median time of a call.
        ratio: to the time of `linear` in bf16.
        gigabytes_per_s: bytes of the weight per second.
        of_copy: that, as a part of the bytes that a copy moves per second.
        limit: what is promised of `ratio`; None for nothing.
    """

    shape: str
    rows: int
    name: str
    us: float
    ratio: float
    gigabytes_per_s: float
    of_copy: float
    limit: float | None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept, or there is none."""
        return self.limit is None or self.ratio <= self.limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of shapes and rows."""
    parser.add_argument("--small", action="store_true", help="only 1 and 16 rows of 256 -> 512")


def run(arguments: argparse.Namespace) -> bool:
    """Measure all ways for each shape and number of rows."""
    machine = measure_machine()
    shapes, rows = (((256, 512),), (1, 16)) if arguments.small else (SHAPES, ROWS)
    lines: list[Line] = []
    for k, n in shapes:
        lines += _measure_shape(k, n, rows, machine, arguments.rounds or 21)
    kept = all(line.kept for line in lines)
    if arguments.json:
        rows_of = [asdict(line) for line in lines]
        print(json.dumps({"machine": str(machine), "kept": kept, "rows": rows_of}, indent=1))
    else:
        _print(machine, lines)
    return kept


def _print(machine: MeasuredMachine, lines: Sequence[Line]) -> None:
    print(machine)
    print(f"{'features':>14} {'rows':>5}  {'':26} {'us':>8} {'ratio':>6} {'GB/s':>6} {'copy':>5}")
    for line in lines:
        mark = "" if line.limit is None else f" {line.limit:g} {'kept' if line.kept else 'MISSED'}"
        print(
            f"{line.shape:>14} {line.rows:5}  {line.name:26} {line.us:8.0f} {line.ratio:6.2f} "
            f"{line.gigabytes_per_s:6.1f} {line.of_copy:5.2f}{mark}"
        )


def _measure_shape(
    k: int, n: int, rows: Sequence[int], machine: MeasuredMachine, rounds: int
) -> list[Line]:
    torch.manual_seed(0)
    weight = torch.randn(n, k) / k**0.5
    makers = _ways(weight, machine.l3_bytes)
    lines: list[Line] = []
    for count in rows:
        x = torch.randn(count, k, dtype=torch.bfloat16)
        cases = {name: (make(x), bytes_) for name, (make, bytes_) in makers.items()}
        with torch.no_grad():
            times = measure_interleaved(
                {name: call for name, (call, _) in cases.items()},
                rounds=rounds,
                calls=max(2, 64 // count),
            )
        medians = {name: summarise(samples, 1.0)[0] for name, samples in times.items()}
        for name, seconds in medians.items():
            rate = cases[name][1] / seconds / 1e9
            limit = LIMITS.get(name) if count == 1 and n * k >= 1 << 24 else None
            lines.append(
                Line(
                    f"{k} -> {n}",
                    count,
                    name,
                    seconds * 1e6,
                    seconds / medians[PEER],
                    rate,
                    rate / machine.copy_gigabytes_per_s,
                    limit,
                )
            )
    return lines


Make = Callable[[Tensor], Call]


def _ways(weight: Tensor, cache_bytes: int) -> dict[str, tuple[Make, int]]:
    """Return by name a maker of the call for rows, and the bytes of its weight."""
    half = weight.bfloat16()
    copies = max(2, -(-CACHES * cache_bytes // half.nbytes))
    packed = [nn.Parameter(half.clone(), requires_grad=False) for _ in range(copies)]
    for kept in packed:
        ir.ops.linear(torch.zeros(1, weight.shape[1], dtype=half.dtype), kept, None)  # packs it
    found: dict[str, tuple[Make, int]] = {
        PEER: (_in_turn(ir.ops.linear, [(w, None) for w in packed]), half.nbytes),
        "torch, linear bf16": (
            _in_turn(nn.functional.linear, [(w.detach(),) for w in packed]),
            half.nbytes,
        ),
    }
    quantised = {
        "w8": quantize_weight_int8(weight),
        "w8, groups of 128": quantize_weight_int8(weight, 128),
        "w4, groups of 128": quantize_weight_int4(weight, 128),
        "w4, groups of 32": quantize_weight_int4(weight, 32),
        "w4, groups of 128, zeros": quantize_weight_int4(weight, 128, symmetric=False),
    }
    for name, made in quantised.items():
        found[name] = (_of_weight(made, cache_bytes), made.nbytes)
    return found | _of_torch(weight, cache_bytes)


def _in_turn(op: Callable[..., object], weights: Sequence[tuple[Any, ...]]) -> Make:
    def make(x: Tensor) -> Call:
        turns = cycle(weights)
        return lambda: op(x, *next(turns))

    return make


def _copied(tensors: tuple[Any, ...], cache_bytes: int) -> list[tuple[Any, ...]]:
    total = sum(t.nbytes for t in tensors if isinstance(t, Tensor))
    count = max(2, -(-CACHES * cache_bytes // total))
    return [tuple(t.clone() if isinstance(t, Tensor) else t for t in tensors) for _ in range(count)]


def _of_weight(made: QuantizedWeight, cache_bytes: int) -> Make:
    op = kernels_mlir.linear_w8 if made.bits == 8 else kernels_mlir.linear_w4
    zero = () if made.bits == 8 else (made.zero,)
    rest = (made.weight, made.scale, *zero, None, None, made.out_features, "none")
    return _in_turn(op, _copied(rest, cache_bytes))


def _say_absent(name: str, error: Exception) -> None:
    """Say on stderr which line is missing, and why."""
    print(f"not measured: {name}: {str(error).splitlines()[0]}", file=sys.stderr)


def _of_torch(weight: Tensor, cache_bytes: int) -> dict[str, tuple[Make, int]]:
    """Return torch's own products with integers, as far as this torch runs them."""
    n, _ = weight.shape
    scale = weight.abs().amax(1) / 127
    int8 = ((weight / scale[:, None]).round().to(torch.int8), scale.bfloat16())
    found: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "torch, _weight_int8pack_mm": (torch.ops.aten._weight_int8pack_mm.default, int8)
    }
    try:
        numbers = torch.randint(0, 16, weight.shape, dtype=torch.int32)
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu.default(numbers, 1)
        scales = torch.rand(weight.shape[1] // 128, n, 2).bfloat16()
        product = torch.ops.aten._weight_int4pack_mm_for_cpu.default
    except (RuntimeError, AttributeError) as error:
        _say_absent("torch, _weight_int4pack_mm", error)
    else:
        found["torch, _weight_int4pack_mm"] = (product, (packed, 128, scales))
    kept: dict[str, tuple[Make, int]] = {}
    for name, (op, rest) in found.items():
        try:
            op(torch.zeros(1, weight.shape[1], dtype=torch.bfloat16), *rest)
        except RuntimeError as error:  # also NotImplementedError
            _say_absent(name, error)
            continue
        total = sum(t.nbytes for t in rest if isinstance(t, Tensor))
        kept[name] = (_in_turn(op, _copied(rest, cache_bytes)), total)
    return kept
