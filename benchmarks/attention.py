"""Attention in bfloat16 beside torch's own: each form that this CPU has, on one thread.

The times are processor time of this process, medians of calls in turns, so that other work on the
machine does little to their ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch.nn import functional

from benchmarks.measure import Row, print_rows
from ir_runtime.device.machine import Machine, code_for, this_machine
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import bind_call
from kernels_mlir.attention.form import form_for

BF16 = torch.bfloat16
HEADS = ((12, 64), (16, 128))
"""Heads and their channels."""
TOKENS = (1, 3, 16, 64, 256, 1024, 2048)
PROMISED_TOKENS = 16
BATCH_NS = 300_000
"""Short calls are repeated for so long, as clocks are slow."""

Call = Callable[[], object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the numbers of tokens."""
    parser.add_argument("--tokens", type=int, nargs="*", default=TOKENS, help="lengths to measure")


def run(arguments: argparse.Namespace) -> bool:
    """Measure all; tells whether the form that calls get is at most as slow as torch's."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [
            row
            for heads, depth in HEADS
            for tokens in arguments.tokens
            for row in _measure(heads, depth, tokens, arguments.rounds or 15)
        ]
    finally:
        torch.set_num_threads(threads)
    title = "mm_encoder_attn in bf16, one thread, processor time; ratio to torch's SDPA"
    return print_rows(title, rows, as_json=arguments.json)


def _machines() -> list[Machine]:
    """Return this machine, and it without AMX and without products of bf16: one for each form."""
    own = this_machine()
    found = {form_for(BF16, own).name: own}
    for hidden in ("+amx", ("+amx", "+avx512bf16")):
        left = tuple(feature for feature in own.cpu.features if not feature.startswith(hidden))
        machine = replace(own, cpu=replace(own.cpu, features=left))
        found.setdefault(form_for(BF16, machine).name, machine)
    return list(found.values())


def _measure(heads: int, depth: int, tokens: int, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, tokens, heads, depth).to(BF16) for _ in range(3))
    by_head = [t.transpose(1, 2) for t in (query, key, value)]
    calls: dict[str, Call] = {"torch": lambda: functional.scaled_dot_product_attention(*by_head)}
    operands = (query, key, value, None, None)
    for machine in _machines():
        with code_for(machine):
            bound = bind_call(ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"], operands)
        calls[form_for(BF16, machine).name] = lambda bound=bound: bound.run(operands)
    chosen = form_for(BF16).name
    times = _times(calls, rounds)
    peer = statistics.median(times["torch"])
    rows: list[Row] = []
    for name, samples in times.items():
        quarters = statistics.quantiles(samples, n=4)
        median = statistics.median(samples)
        limit = 1.0 if name == chosen and tokens >= PROMISED_TOKENS else None
        shown = f"{heads} x {depth}, {tokens} tokens, {name}"
        rows.append(Row(shown, median, "us", quarters[2] - quarters[0], median / peer, limit))
    return rows


def _times(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return microseconds of a call in each round, by the clock of this process."""
    repeats: dict[str, int] = {}
    for name, call in calls.items():
        call()
        started = time.process_time_ns()
        call()
        repeats[name] = 1 + BATCH_NS // max(1, time.process_time_ns() - started)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time_ns()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.process_time_ns() - started) / repeats[name] / 1e3)
    return times
