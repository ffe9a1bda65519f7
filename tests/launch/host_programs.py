"""Which programs must the reader read?  Kernels, torch functions, and programs of every feature."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime.aot import export
from ir_runtime.device.cpu_name import cpu_named
from ir_runtime.device.machine import code_for, usual_machine
from ir_runtime.op_reg import (
    ALL_CUSTOM_OP_REGS,
    CustomOp,
    KernelBuilder,
    KernelSelection,
    def_library,
)
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from tests.cases import CASES, OpCase

LIBRARY = def_library("test_host_programs")

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class HostCase:
    """A program and the calls to try it with.

    Attributes:
        name: also of its golden file.
        source: returns its MLIR.
        calls: arguments of each call: tensors and numbers in the program's order.
        wanted: returns the results of a call, in float64 where the arguments are.
        entry: the exported function.
        flags: compiler flags of its own.
    """

    name: str
    source: Callable[[], bytes]
    calls: tuple[Arguments, ...]
    wanted: Callable[..., Any]
    entry: str = "main"
    flags: tuple[str, ...] = ()


def x(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator).to(dtype)


def index(*values: int) -> Tensor:
    return torch.tensor(values)


def ramp(*shape: int, below: int) -> Tensor:
    count = int(torch.tensor(shape).prod())
    return (torch.arange(count) % below).reshape(shape)


def _op_of(packet: Any) -> CustomOp:
    return ALL_CUSTOM_OP_REGS[packet.default._schema.name]


def _source_of(op: CustomOp, arguments: Arguments) -> bytes:
    with code_for(usual_machine(cpu_named("x86-64-v3"))):  # that of `GOLDEN_TARGET`
        return kernel_source(op, run_select(op, arguments))


def _kernel(case: OpCase, leads: Sequence[tuple[int, ...]], dtype: torch.dtype) -> HostCase:
    calls = tuple(case.arguments(dtype, lead, seed) for seed, lead in enumerate(leads))

    def wanted(*arguments: Any) -> list[Tensor]:
        results = case.computes(*arguments)
        results = results if isinstance(results, tuple) else (results,)
        return [result for result in results if result is not None]

    suffix = "" if dtype == torch.float32 else f"_{str(dtype).removeprefix('torch.')}"
    return HostCase(
        name=f"{case.id.replace('-', '_')}{suffix}",
        source=lambda: _source_of(_op_of(case.packet), calls[0]),
        calls=calls,
        wanted=wanted,
        flags=tuple(_op_of(case.packet).compile_flags),
    )


def _function(
    name: str,
    fn: Callable[..., Any],
    *calls: Arguments,
    static: Sequence[Sequence[int]] | None = None,
) -> HostCase:
    """A torch function; each operand's dimensions in `static` are compiled in."""
    dims = static if static is not None else [()] * len(calls[0])
    source = functools.cache(functools.partial(_traced, name, fn, dims, calls[0]))
    return HostCase(name, source, calls, fn)


def _traced(
    name: str, fn: Callable[..., Any], static: Sequence[Sequence[int]], call: Arguments
) -> bytes:
    """Return a program in destination-passing form that computes a torch function.

    Programs that check indices hold the op's name: it is the case's, whatever ran before.
    """
    results = fn(*call)
    results = results if isinstance(results, tuple) else (results,)
    arguments = ", ".join(f"Tensor x{i}" for i in range(len(call)))
    returns = ", ".join("Tensor" for _ in results)

    class Traced(CustomOp):
        signature = f"{name}({arguments}) -> ({returns})"

        def select(self, ksel: KernelSelection) -> None:
            for i, dims in enumerate(static):
                ksel.arg_tensor(i).specialize_dims(*dims)
            for result in results:
                ksel.return_new_tensor(result.shape, result.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            operands = [kb.arg(i) for i in range(len(call))]
            made = kb.inline_torch(fn, *operands, like=call)
            kb.yield_results(*(made if isinstance(made, list) else [made]))

    op = ALL_CUSTOM_OP_REGS[CustomOp.register(Traced, library=LIBRARY).default._schema.name]
    return _source_of(op, call)


def _layer_norm(a: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.layer_norm(a, w.shape, w, b)


OFFSETS = x(8)
WEIGHTS = x(16, 64)
TABLE = index(3, 1, 2, 7)

KERNELS = (
    *(_kernel(case, case.same_rank_leads[:3], torch.float32) for case in CASES),
    *(
        _kernel(case, case.same_rank_leads[1:2], torch.bfloat16)
        for case in CASES
        if case.id in ("gelu-tanh", "rms_norm-weighted", "mm_encoder_attn-dense")
    ),
)

FUNCTIONS = (
    _function(
        "matmul", torch.matmul, (x(5, 8), x(8, 6)), (x(1, 1), x(1, 1)), (x(70, 33), x(33, 9))
    ),
    _function(
        "batched_matmul",
        torch.bmm,
        (x(2, 4, 8), x(2, 8, 6)),
        (x(3, 4, 8), x(3, 8, 6)),
        static=[[1, 2], [1, 2]],
    ),
    _function("softmax", lambda a: torch.softmax(a, -1), (x(5, 8),), (x(70, 33),), (x(1, 1),)),
    _function(
        "layer_norm",
        _layer_norm,
        (x(5, 8), x(8), x(8)),
        (x(70, 8), x(8), x(8)),
        static=[[1], [0], [0]],
    ),
    _function(
        "attention",
        F.scaled_dot_product_attention,
        (x(2, 4, 5, 8), x(2, 4, 7, 8), x(2, 4, 7, 8)),
        (x(1, 4, 40, 8), x(1, 4, 9, 8), x(1, 4, 9, 8)),
        static=[[1, 3]] * 3,
    ),
    _function("topk", lambda a: torch.topk(a, 3)[0], (x(5, 16),), (x(70, 9),)),
    _function("sort", lambda a: torch.sort(a, -1)[0], (x(5, 16),), (x(40, 16),), static=[[1]]),
    _function("cumsum", lambda a: torch.cumsum(a, -1), (x(5, 16),), (x(40, 33),)),
    _function("argmax", lambda a: a.argmax(-1), (x(5, 8),), (x(70, 33),)),
    _function(
        "scatter",
        lambda a, i, v: a.scatter(1, i, v),
        (x(4, 8), ramp(4, 2, below=8), x(4, 2)),
        static=[[0, 1]] * 3,
    ),
    _function(
        "scatter_add",
        lambda a, i, v: a.scatter_add(1, i, v),
        (x(4, 8), ramp(4, 2, below=8), x(4, 2)),
        (x(9, 8), ramp(9, 3, below=8), x(9, 3)),
    ),
    _function(
        "index_put",
        lambda a, i, v: a.index_put((i,), v),
        (x(16, 8), index(3, 1), x(2, 8)),
        (x(64, 8), index(9, 0, 63), x(3, 8)),
        static=[[1], [], [1]],
    ),
    _function(
        "index_put_accumulate",
        lambda a, i, v: a.index_put((i,), v, True),
        (x(16, 8), index(3, 3), x(2, 8)),
        static=[[1], [], [1]],
    ),
    _function(
        "embedding",
        lambda w, i: F.embedding(i, w),
        (x(16, 8), index(3, 1)),
        (x(4, 8), index(*range(4))),
        static=[[1], []],
    ),
    _function(
        "gather",
        lambda a, i: torch.gather(a, 1, i),
        (x(5, 8), ramp(5, 3, below=8)),
        static=[[1], [1]],
    ),
    _function("index_select", lambda a: a[:, TABLE], (x(5, 8),), (x(70, 8),), static=[[1]]),
    _function(
        "concatenate", lambda a, b: torch.cat([a, b]), (x(5, 8), x(2, 8)), (x(1, 1), x(70, 1))
    ),
    _function(
        "concatenate_columns",
        lambda a, b, c: torch.cat([a, b, c], 1),
        (x(5, 16), x(5, 8), x(5, 4)),
        static=[[0, 1]] * 3,
    ),
    _function(
        "slice_update",
        lambda a, b: torch.slice_scatter(a, b, 0, 2, 4),
        (x(64, 8), x(2, 8)),
        (x(6, 8), x(2, 8)),
        static=[[1], [0, 1]],
    ),
    _function(
        "conv1d",
        lambda a, w: F.conv1d(a, w, padding=1),
        (x(2, 4, 9), x(6, 4, 3)),
        (x(3, 4, 40), x(6, 4, 3)),
        static=[[1], [0, 1, 2]],
    ),
    _function(
        "conv2d",
        lambda a, w, b: F.conv2d(a, w, b, padding=1),
        (x(2, 4, 9, 9), x(6, 4, 3, 3), x(6)),
        (x(1, 4, 5, 20), x(6, 4, 3, 3), x(6)),
        static=[[1], [0, 1, 2, 3], [0]],
    ),
    _function("max_pool2d", lambda a: F.max_pool2d(a, 2), (x(2, 4, 8, 8),), static=[[0, 1, 2, 3]]),
    _function("avg_pool2d", lambda a: F.avg_pool2d(a, 2), (x(2, 4, 8, 8),), static=[[0, 1, 2, 3]]),
    _function(
        "where",
        lambda a, b: torch.where(a > b, a, -b),
        (x(5, 8), -x(5, 8)),
        (x(70, 33), -x(70, 33)),
    ),
    _function("greater", lambda a, b: a > b, (x(5, 8), -x(5, 8))),
    _function("masked", lambda m, a: a * ~m, (x(5, 8) > 0, x(5, 8))),
    _function("pad", lambda a: F.pad(a, (1, 2)), (x(5, 16),), (x(1, 1),)),
    _function("transpose", lambda a: a.t().contiguous(), (x(5, 16),), (x(70, 33),)),
    _function("standard_deviation", lambda a: a.std(-1), (x(5, 16),), (x(70, 33),)),
    _function("two_results", lambda a: (a + 1, a.amax(-1)), (x(5, 8),), (x(70, 33),)),
    _function("identity", lambda a: a, (x(5, 8),), (x(70, 33),)),
    _function("zeros", torch.zeros_like, (x(5, 8),)),
    _function("empty_sum", lambda a: a.sum(0), (x(0, 8),), static=[[0, 1]]),
    _function(
        "closed_over", lambda a: a @ WEIGHTS.to(a.dtype), (x(5, 16),), (x(70, 16),), static=[[1]]
    ),
    _function("small_closed_over", lambda a: a + OFFSETS, (x(5, 8),), static=[[1]]),
    _function("half", lambda a: a * 2 + 1, (x(5, 8, dtype=torch.float16),)),
    _function("integers", lambda a: a * 2**33, (torch.arange(-3, 3),)),
)

SCALARS = b"""
util.func public @main(%a: tensor<?xf32>, %s: f32, %n: i64, %b: i1, %k: i32, %d: f64,
    %out: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %a, %c0 : tensor<?xf32>
  %e = tensor.empty(%m) : tensor<?xf32>
  %nf = arith.sitofp %n : i64 to f32
  %kf = arith.sitofp %k : i32 to f32
  %df = arith.truncf %d : f64 to f32
  %r = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]} ins(%a : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.mulf %x, %s : f32
    %2 = arith.addf %1, %nf : f32
    %3 = arith.addf %2, %kf : f32
    %4 = arith.addf %3, %df : f32
    %5 = arith.select %b, %4, %x : f32
    linalg.yield %5 : f32
  } -> tensor<?xf32>
  util.return %r : tensor<?xf32>
}
"""
"""Numbers of all kinds, which become constants of the dispatch."""

SLICES = b"""
util.func public @main(%a: tensor<?xf32>, %n: index, %k: i64,
    %out0: !hal.buffer_view {iree.abi.output = 0 : index},
    %out1: !hal.buffer_view {iree.abi.output = 1 : index})
    -> (tensor<?xf32>, tensor<?xf32>, i64) {
  %r = tensor.extract_slice %a[%n][%n][1] : tensor<?xf32> to tensor<?xf32>
  %cst = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %q = tensor.insert_slice %cst into %a[%n][4][1] : tensor<4xf32> into tensor<?xf32>
  %c2 = arith.constant 2 : i64
  %kk = arith.muli %k, %c2 : i64
  util.return %r, %q, %kk : tensor<?xf32>, tensor<?xf32>, i64
}
"""
"""Copies at offsets that a number gives, a constant, a transient, and a number returned."""

FOREIGN = b"""
util.func public @main(%a: tensor<?xf32>, %b: tensor<4xf32>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %m = tensor.dim %a, %c0 : tensor<?xf32>
  %mm = arith.ceildivui %m, %c2 : index
  %f = arith.constant 1.5 : f32
  %e = tensor.empty(%mm) : tensor<?xf32>
  %z = linalg.fill ins(%f : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %s = arith.addf %a, %a : tensor<?xf32>
  %t = arith.mulf %a, %a : tensor<?xf32>
  util.return %z, %s, %t, %b : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<4xf32>
}
"""
"""Results that share one allocation, and one that is an operand as it is."""


def _scaled(a: Tensor, s: float, n: int, b: bool, k: int, d: float) -> Tensor:
    return a * s + n + k + d if b else a


def _sliced(a: Tensor, n: int, k: int) -> tuple[Any, ...]:
    updated = torch.cat([a[:n], torch.tensor([1.0, 2.0, 3.0, 4.0]).to(a), a[n + 4 :]])
    return a[n : 2 * n], updated, 2 * k


def _shared(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    filled = torch.full(((a.numel() + 1) // 2,), 1.5, dtype=a.dtype)
    return filled, a + a, a * a, b


def _exported(name: str, fn: Callable[..., Any], *calls: Arguments, dynamic: bool) -> HostCase:
    """A torch program without destinations, as `ir_runtime.aot.export` makes it."""

    class Program(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Any:
            return fn(*tensors)

    def source() -> bytes:
        sizes = tuple({0: torch.export.Dim.DYNAMIC} if dynamic else None for _ in calls[0])
        return export(Program(), calls[0], dynamic_shapes=(sizes,)).mlir().encode()

    return HostCase(name, source, calls, fn)


FEATURES = (
    HostCase(
        "scalars",
        lambda: SCALARS,
        ((x(20), 1.5, -3, True, 7, 2.5), (x(3), 0.5, 9, False, 0, -1.0)),
        _scaled,
    ),
    HostCase("slices", lambda: SLICES, ((x(20), 3, 7), (x(9), 4, -1)), _sliced),
    HostCase("shared_results", lambda: FOREIGN, ((x(20), x(4)), (x(7), x(4))), _shared),
    _exported("exported_topk", lambda a: torch.topk(a, 3), (x(5, 16),), (x(70, 16),), dynamic=True),
    _exported("exported_matmul", torch.matmul, (x(4, 8), x(8, 6)), dynamic=False),
    _exported(
        "exported_attention",
        F.scaled_dot_product_attention,
        (x(2, 4, 5, 8), x(2, 4, 7, 8), x(2, 4, 7, 8)),
        dynamic=True,
    ),
)

HOST_CASES = {case.name: case for case in (*KERNELS, *FUNCTIONS, *FEATURES)}
