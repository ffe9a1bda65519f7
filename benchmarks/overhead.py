"""What does a call cost, whatever it computes?  An add of 4x8 f32, grad mode on.

The promises: a compiled kernel, called eagerly through `torch.ops` with its backward registered,
takes at most 1.3 times a `torch.library.custom_op` that only returns `torch.empty_like(x)`; of that
the registered backward takes at most 0.7 us. Tracing is off and no device is current, as usual.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Row, measure_interleaved, print_rows, summarise
from ir_runtime import CustomOp, KernelBuilder, KernelSelection, Launchable
from ir_runtime.counters import count_since
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, def_library
from ir_runtime.op_reg.call import make_call_functions

LIBRARY = def_library("ir_benchmarks")
PEER = "empty torch.library.custom_op"
LIMIT = 1.3
BACKWARD_LIMIT_US = 0.7
OURS, BARE = "ir_runtime op (vm, local-sync)", "the same without an autograd kernel"


@CustomOp.register(library=LIBRARY)
class Add(CustomOp):
    """Add two tensors of one shape."""

    signature = "add(Tensor x, Tensor y) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        """Take any sizes."""
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1).require_shape(x)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Add."""
        from iree.compiler.dialects import arith

        kb.yield_results(arith.addf(kb.arg_value(0), kb.arg_value(1)))

    def setup_context(self, ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing to keep."""

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Pass the gradient on."""
        return gradients[0], gradients[0]


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

# The kernel of `add` as torch sees it without a backward: nothing but a function for the CPU.
LIBRARY.define("bare(Tensor x, Tensor y) -> Tensor")
LIBRARY.impl(
    "bare",
    make_call_functions(ALL_CUSTOM_OP_REGS["ir_benchmarks::add"], _unused, _unused).call,
    "CPU",
)

PROGRAM = """
func.func @main(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %r = arith.addf %x, %y : tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
"""


def run(*, as_json: bool = False, rounds: int = 31) -> bool:
    """Measure and print; returns whether the promise is kept."""
    x, y = torch.randn(4, 8), torch.randn(4, 8)
    ours = torch.ops.ir_benchmarks.add.default
    ours_out = torch.ops.ir_benchmarks.add.out
    out = torch.empty(4, 8)
    with count_since() as counts:
        if not torch.equal(ours(x, y), x + y):
            raise SystemExit("the kernel is wrong, so its time means nothing")
    compiled = torch.compile(lambda a, b: a + b)
    launchable = Launchable.jit_compile(PROGRAM, name="benchmark_add")
    empty_impl = torch.ops.ir_benchmarks.empty_impl.default
    empty_op = torch.ops.ir_benchmarks.empty.default
    bare = torch.ops.ir_benchmarks.bare.default
    cases = {
        "torch.add": lambda: torch.add(x, y),
        "empty Python Library.impl": lambda: empty_impl(x, y),
        PEER: lambda: empty_op(x, y),
        "torch.compile of x + y": lambda: compiled(x, y),
        OURS: lambda: ours(x, y),
        BARE: lambda: bare(x, y),
        "ir_runtime op, out=": lambda: ours_out(x, y, out=out),
        "Launchable (vm, local-sync)": lambda: launchable(x, y),
    }
    with count_since() as hot:
        times = measure_interleaved(cases, rounds=rounds)
    if hot[0].selects or hot[0].compiles > 1 or hot[0].copies:
        raise SystemExit(f"not the hit path: {hot[0]}")
    peer = summarise(times[PEER], 1e6)[0]
    rows = []
    for name, samples in times.items():
        value, spread = summarise(samples, 1e6)
        limit = LIMIT if name == OURS else None
        rows.append(Row(name, value, "us", spread, value / peer, limit))
    pairs = zip(times[OURS], times[BARE], strict=True)
    added, spread = summarise([with_it - without for with_it, without in pairs], 1e6)
    rows.append(Row("its registered backward adds", added, "us", spread, None, BACKWARD_LIMIT_US))
    del counts
    title = f"A call, add of 4x8 f32, {torch.get_num_threads()} threads; ratio to {PEER}"
    return print_rows(title, rows, as_json=as_json)
