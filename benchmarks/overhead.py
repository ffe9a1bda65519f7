"""The overhead of a call, measured on an add of 4x8 f32 with grad mode on.

The promises: a compiled kernel, called eagerly through `torch.ops` with its backward registered,
takes at most half the time of a `torch.library.custom_op` that only returns `torch.empty_like(x)`;
the registered backward is at most 0.7 us of this. Its raw launcher takes at most twice as long as
`torch.add`. A `Launchable` of the same add, and one with three results, take at most 1.2 times the
empty `custom_op`. The
choice of a provider of an IR op adds at most 1 us, without torch's dispatcher 0.7 us. Tracing is
off and no device is current, as usual.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.dispatch import dispatch_rows
from benchmarks.measure import Row, measure_interleaved, print_rows, summarise
from ir_runtime import CustomOp, KernelBuilder, KernelSelection, Launchable
from ir_runtime.counters import count_since
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, def_library
from ir_runtime.op_reg.call.call_table import make_call_functions
from ir_runtime.settings import override_settings

LIBRARY = def_library("ir_benchmarks")
PEER = "empty torch.library.custom_op"
TORCH = "torch.add"
LIMIT = 0.5
RAW_LIMIT = 2.0
BACKWARD_LIMIT_US = 0.7
OURS, BARE = "ir_runtime op (direct)", "the same without an autograd kernel"
RAW = "its raw launcher"
PROGRAM_LIMIT, OF_PROGRAM = 1.2, "Launchable (direct)"
OF_SEVERAL = "Launchable of three results (direct)"
THREADS, CALLS = (2, 8), 500


@CustomOp.register(library=LIBRARY)
class Add(CustomOp):
    """Add two tensors of one shape."""

    signature = "add(Tensor x, Tensor y) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        """Accept any sizes."""
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1).require_shape(x)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Add."""
        from iree.compiler.dialects import arith

        kb.yield_results(arith.addf(kb.arg_value(0), kb.arg_value(1)))

    def setup_context(self, ctx: Any, inputs: Any, output: Any) -> None:
        """Save nothing."""

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Pass the gradient on."""
        return gradients[0], gradients[0]


ADD = ALL_CUSTOM_OP_REGS["ir_benchmarks::add"]


def _unused(*_: Any) -> Any:
    raise AssertionError("a call without a gradient went the long way")


def _empty_impl(x: Tensor, y: Tensor) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("ir_benchmarks::empty", mutates_args=())
def _empty_custom_op(x: Tensor, y: Tensor) -> Tensor:
    return torch.empty_like(x)


_empty_custom_op.register_fake(lambda x, y: torch.empty_like(x))
LIBRARY.define("empty_impl(Tensor x, Tensor y) -> Tensor")
LIBRARY.impl("empty_impl", _empty_impl, "CPU")

# The kernel of `add` without a backward: torch knows only a function for the CPU.
LIBRARY.define("bare(Tensor x, Tensor y) -> Tensor")
_BARE = make_call_functions(ADD, _unused, _unused, told=ADD.calls.fast is not None).call
if ADD.calls.fast is not None:
    _BARE = ADD.calls.fast.entrance("bare", _BARE, keyset=False, out=False)
LIBRARY.impl("bare", _BARE, "CPU")

PROGRAM = """
func.func @main(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %r = arith.addf %x, %y : tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
"""

SEVERAL = """
func.func @main(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %r = arith.addf %x, %y : tensor<?x8xf32>
  %s = arith.subf %x, %y : tensor<?x8xf32>
  %t = arith.mulf %x, %x : tensor<?x8xf32>
  return %r, %s, %t : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
"""


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promises are kept."""
    rounds = arguments.rounds or 31
    x, y = torch.randn(4, 8), torch.randn(4, 8)
    ours = torch.ops.ir_benchmarks.add.default
    if not torch.equal(ours(x, y), x + y):
        raise SystemExit("the kernel is wrong, so its time means nothing")
    rows = _direct_rows(x, y, rounds)
    with override_settings(launch="vm"):
        rows += _vm_rows("local-sync", x, y, rounds)
    with override_settings(launch="vm", task_min_bytes=0):
        rows += _vm_rows("local-task", x, y, max(3, rounds // 4))
    rows += _thread_rows(x, y, max(3, rounds // 4))
    rows += dispatch_rows(x, y, rounds)
    title = f"A call, add of 4x8 f32, {torch.get_num_threads()} threads; ratio to {PEER}"
    return print_rows(title, rows, as_json=arguments.json)


def _direct_rows(x: Tensor, y: Tensor, rounds: int) -> list[Row]:
    """Time calls with default settings, and their alternatives."""
    if ADD.explain(x, y).executor != "direct":
        raise SystemExit(f"not launched directly:\n{ADD.explain(x, y)}")
    ours, ours_out = torch.ops.ir_benchmarks.add.default, torch.ops.ir_benchmarks.add.out
    out = torch.empty(4, 8)
    compiled = torch.compile(lambda a, b: a + b)
    launchable = Launchable.jit_compile(PROGRAM, name="benchmark_add")
    if launchable.explain(x, y).executor != "direct":
        raise SystemExit(f"not launched directly:\n{launchable.explain(x, y)}")
    several = Launchable.jit_compile(SEVERAL, name="benchmark_several")
    empty_impl = torch.ops.ir_benchmarks.empty_impl.default
    empty_op = torch.ops.ir_benchmarks.empty.default
    bare = torch.ops.ir_benchmarks.bare.default
    raw = ADD.bind(x, y)
    cases = {
        TORCH: lambda: torch.add(x, y),
        "empty Python Library.impl": lambda: empty_impl(x, y),
        PEER: lambda: empty_op(x, y),
        "torch.compile of x + y": lambda: compiled(x, y),
        OURS: lambda: ours(x, y),
        BARE: lambda: bare(x, y),
        RAW: lambda: raw(x, y),
        "ir_runtime op, out=": lambda: ours_out(x, y, out=out),
        OF_PROGRAM: lambda: launchable(x, y),
        OF_SEVERAL: lambda: several(x, y),
    }
    times = _timed(cases, rounds)
    rows = _rows(times, {OURS: LIMIT, OF_PROGRAM: PROGRAM_LIMIT, OF_SEVERAL: PROGRAM_LIMIT})
    of_add = summarise(times[RAW], 1.0)[0] / summarise(times[TORCH], 1.0)[0]
    rows.append(Row(f"{RAW}, to torch.add", of_add, "", 0.0, of_add, RAW_LIMIT))
    pairs = zip(times[OURS], times[BARE], strict=True)
    added, spread = summarise([with_it - without for with_it, without in pairs], 1e6)
    rows.append(Row("its registered backward adds", added, "us", spread, None, BACKWARD_LIMIT_US))
    return rows


def _vm_rows(uri: str, x: Tensor, y: Tensor, rounds: int) -> list[Row]:
    """Time the same call through IREE's VM."""
    found = ADD.explain(x, y)
    if (found.executor, found.place) != ("vm", uri):
        raise SystemExit(f"not launched in the VM on {uri}:\n{found}")
    ours, empty_op = torch.ops.ir_benchmarks.add.default, torch.ops.ir_benchmarks.empty.default
    launchable = Launchable.jit_compile(PROGRAM, name="benchmark_add")
    cases = {
        PEER: lambda: empty_op(x, y),
        f"ir_runtime op (vm, {uri})": lambda: ours(x, y),
        f"Launchable (vm, {uri})": lambda: launchable(x, y),
    }
    return _rows(_timed(cases, rounds))[1:]


def _thread_rows(x: Tensor, y: Tensor, rounds: int) -> list[Row]:
    """Time calls from several threads at once: the time of all threads, divided by all calls."""
    ours, empty_op = torch.ops.ir_benchmarks.add.default, torch.ops.ir_benchmarks.empty.default
    rows: list[Row] = []
    for count in THREADS:
        with ThreadPoolExecutor(count) as pool:
            cases = {
                PEER: lambda pool=pool, count=count: _from_threads(pool, count, empty_op, x, y),
                OURS: lambda pool=pool, count=count: _from_threads(pool, count, ours, x, y),
            }
            times = measure_interleaved(cases, rounds=rounds, calls=3)
        scaled = {name: [s / (count * CALLS) for s in times[name]] for name in cases}
        row = _rows(scaled)[1]
        rows.append(replace(row, name=f"{row.name}, {count} threads calling"))
    return rows


def _from_threads(
    pool: ThreadPoolExecutor, count: int, op: Callable[..., Any], x: Tensor, y: Tensor
) -> None:
    def calls() -> None:
        for _ in range(CALLS):
            op(x, y)

    for done in [pool.submit(calls) for _ in range(count)]:
        done.result()


def _timed(cases: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    with count_since() as hot:
        times = measure_interleaved(cases, rounds=rounds)
    if hot[0].selects > 1 or hot[0].compiles > 1 or hot[0].copies:
        raise SystemExit(f"not the hit path: {hot[0]}")
    return times


def _rows(times: dict[str, list[float]], limits: dict[str, float] | None = None) -> list[Row]:
    peer = summarise(times[PEER], 1e6)[0]
    rows: list[Row] = []
    for name, samples in times.items():
        value, spread = summarise(samples, 1e6)
        rows.append(Row(name, value, "us", spread, value / peer, (limits or {}).get(name)))
    return rows
