"""The time of each vector function of row kernels, alone, compared with torch's own function.

One thread, f32, new results on both sides. Our op is called by its raw launcher, so that the
numbers are those of the functions; a call through `torch.ops` takes some 2.5 us more.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchmarks.measure import Row, measure_interleaved, print_rows, summarise
from benchmarks.vector_function_op import COLUMNS, register_vector_functions

__all__ = ["PEERS", "run"]

ROWS = {"64k": 32, "4M": 2048}
SECONDS = 0.002
LIMIT = 1.5


def _gate(a: Tensor, b: Tensor) -> Tensor:
    return a * torch.sigmoid(b)


PEERS: Mapping[str, Callable[..., Tensor]] = {
    "cos": torch.cos,
    "erf": torch.erf,
    "exp": torch.exp,
    "exp_down": torch.exp,
    "expm1": torch.expm1,
    "gate": _gate,
    "gate_by_two": lambda a, b: a * torch.sigmoid(b * math.log(2)),
    "log": torch.log,
    "log1p": torch.log1p,
    "normal_cdf": torch.special.ndtr,
    "rsqrt": torch.rsqrt,
    "sigmoid": torch.sigmoid,
    "sin": torch.sin,
    "softplus": torch.nn.functional.softplus,
    "tanh": torch.tanh,
}
"""Torch's function for each of ours."""

POSITIVE = {"log", "log1p", "rsqrt"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--functions`."""
    parser.add_argument("--functions", default=",".join(PEERS), help="names, with commas")


def run(arguments: argparse.Namespace) -> bool:
    """Measure each function on 64k and on 4M elements."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names = arguments.functions.split(",")
        rows = [row for name in names for row in _measure(name, arguments.rounds or 15)]
    finally:
        torch.set_num_threads(threads)
    return print_rows("ratio to torch's function", rows, as_json=arguments.json)


def _measure(name: str, rounds: int) -> list[Row]:
    op, found = register_vector_functions(f"measured_{name}", [name]), list[Row]()
    for size, rows in ROWS.items():
        x = 3 * torch.randn(rows, COLUMNS)
        x = x.abs() + 0.1 if name in POSITIVE else -x.abs() if name == "exp_down" else x
        operands = (x, x.clone()) if name.startswith("gate") else (x,)
        ours, peer = op.bind(*operands), PEERS[name]
        torch.testing.assert_close(ours(*operands), peer(*operands))
        cases = {
            "ours": lambda ours=ours, operands=operands: ours(*operands),
            "torch": lambda peer=peer, operands=operands: peer(*operands),
        }
        calls = max(1, int(SECONDS / (x.numel() * 0.5e-9)))
        times = measure_interleaved(cases, rounds=rounds, calls=calls)
        (median, spread), (other, _) = (summarise(times[side], 1e6) for side in cases)
        ratio = median / other
        found.append(Row(f"{name} {size}", median, "us", spread, ratio=ratio, limit=LIMIT))
        least, other = (min(times[side]) * 1e6 for side in cases)
        found.append(Row(f"{name} {size}, fastest calls", least, "us", 0.0, ratio=least / other))
    return found
