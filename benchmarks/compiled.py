"""The speed of fused parts of a compiled graph, beside plain `torch.compile` of the same code.

Each part is a function of a few ops. Our side compiles it with its fusion, so that one row kernel
computes it; the peer compiles the ops' torch functions. A graph has the part several times, and
before each an op that does nothing: parts of a model are apart, too, and Inductor makes one kernel
of what is not. As in a model, each part has weights of its own, its activations were used just
before, and its results are read by what follows and then freed. What a graph of the ops between
the parts alone takes with as many tensors is subtracted: the call, its guards, and the ops. Both
sides have static shapes and no gradients. The promises: the geometric mean of the ratios of all
parts, dtypes and sizes is at most 0.7; a node of ours adds at most 4 us to its kernel's time. The
node that is measured is a norm of one short row, and its kernel's own time, some 0.5 us, is counted
with it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import torch

import kernels_mlir  # noqa: F401 - promises the ops
from benchmarks.measure import keep_freed_memory
from benchmarks.rows import DTYPES, measure_in_turn
from ir_runtime.ir import IrOp
from ir_runtime.passes import fusion
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from ir_runtime.passes.record.run_record import PassRecord

LIMIT = 0.7
NODE_LIMIT_US = 4.0
F8 = torch.float8_e4m3fn
HEAD = 128
LIBRARY = torch.library.Library("ir_benchmarks", "FRAGMENT")
LIBRARY.define("wait(Tensor[] before, Tensor(a!)[] after) -> ()")
LIBRARY.impl("wait", lambda before, after: None, "CPU")
LEAST_US = 0.1
"""What a part takes at least; a difference below it is noise."""
MOST_FEW_ROWS = 64
"""Rows up to which a graph has a part as often as a model has layers: its call costs more."""


@dataclass(frozen=True)
class Part:
    """A part of a model.

    Attributes:
        by: the fusion that makes one kernel of it.
        function: takes the ops by name, then the inputs.
        inputs: makes the inputs: rows, features, dtype.
    """

    by: Any
    function: Callable[..., Any]
    inputs: Callable[[int, int, torch.dtype], tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """The median times of one part, in microseconds."""

    part: str
    dtype: str
    rows: int
    features: int
    fused_us: float
    compiled_us: float

    @property
    def ratio(self) -> float:
        """Our time divided by that of the peer."""
        return self.fused_us / self.compiled_us


def _rows(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(*shape).to(dtype)


def _one(rows: int, features: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return _rows(rows, features, dtype=dtype), _rows(features, dtype=dtype)


def _two(rows: int, features: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return _rows(rows, features, dtype=dtype), *_one(rows, features, dtype)


def _scaled(rows: int, features: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return *_one(rows, features, dtype), torch.full((1,), 0.01)


def _gated(rows: int, features: int, dtype: torch.dtype) -> tuple[Any, ...]:
    return (_rows(rows, 2 * features, dtype=dtype),)


def _heads(rows: int, features: int, dtype: torch.dtype) -> tuple[Any, ...]:
    angles = torch.arange(2048)[:, None] / 10000.0 ** (torch.arange(HEAD // 2) / (HEAD // 2))
    cache = torch.cat((angles.cos(), angles.sin()), -1).to(dtype)
    query, key = (_rows(rows, n, dtype=dtype) for n in (features, features // 4))
    weights = (_rows(HEAD, dtype=dtype) for _ in range(2))
    return torch.arange(rows), query, key, *weights, cache


def _norm_static(o: Any, x: Any, w: Any, scale: Any) -> Any:
    return o.static_quant_fp8(o.rms_norm(x, w, 1e-6, None), scale, F8)


def _add_norm_token(o: Any, x: Any, r: Any, w: Any) -> Any:
    y, total = o.fused_add_rms_norm(x, r, w, 1e-6, None)
    return *o.dynamic_quant_fp8(y, F8, "token", None), total


def _norm_group(o: Any, x: Any, w: Any) -> Any:
    return o.dynamic_group_quant_fp8(o.rms_norm(x, w, 1e-6, None), F8, 128, False)


def _gate_token(o: Any, x: Any) -> Any:
    return o.dynamic_quant_fp8(o.silu_and_mul(x), F8, "token", None)


def _qk_norm_rope(o: Any, positions: Any, q: Any, k: Any, qw: Any, kw: Any, cache: Any) -> Any:
    q, k = o.qk_norm(q, k, qw, kw, 1e-6)
    return o.rotary_embedding(positions, q, k, HEAD, HEAD, cache, True)


def _add_norm(o: Any, x: Any, r: Any, w: Any) -> Any:
    total = x + r
    return o.gemma_rms_norm(total, w, 1e-6), total


def _norm_scale(o: Any, x: Any, w: Any) -> Any:
    return (o.rms_norm(x, None, 1e-6, None) * w).to(torch.float32)


def _neighbours(o: Any, x: Any, r: Any, w: Any) -> Any:
    y = o.rms_norm(x + r, w + 1, 1e-6, None)
    return torch.sigmoid(y) * r, y


PARTS = {
    "norm + static quant": Part(fusion.NormQuantFusion(), _norm_static, _scaled),
    "add + norm + token quant": Part(fusion.NormQuantFusion(), _add_norm_token, _two),
    "norm + group quant": Part(fusion.NormQuantFusion(), _norm_group, _one),
    "silu gate + token quant": Part(fusion.ActivationQuantFusion(), _gate_token, _gated),
    "qk norm + rope": Part(fusion.QkNormRopeFusion(), _qk_norm_rope, _heads),
    "residual + gemma norm": Part(fusion.AddNormFusion(), _add_norm, _two),
    "norm + scale + cast": Part(fusion.NormScaleFusion(), _norm_scale, _one),
    "norm and neighbours": Part(fusion.RowNeighbourFusion(), _neighbours, _two),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--parts", default="", help="words of their names, with commas between")
    parser.add_argument("--sizes", default="1,8,512,2048", help="numbers of rows")
    parser.add_argument("--features", default="4096")
    parser.add_argument(
        "--repeat", type=int, help="how often a graph has the part; default: 32, 8 for many rows"
    )
    parser.add_argument("--dtypes", default=",".join(DTYPES))


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promise is kept."""
    words = arguments.parts.split(",")
    keep_freed_memory()
    cases: list[Case] = []
    sizes = [
        (name, dtype, int(features), int(rows))
        for name in PARTS
        if any(word in name for word in words)
        for dtype in arguments.dtypes.split(",")
        for features in arguments.features.split(",")
        for rows in arguments.sizes.split(",")
    ]
    with torch.no_grad():
        for name, dtype, features, rows in sizes:
            part, repeat = PARTS[name], arguments.repeat or (32 if rows <= MOST_FEW_ROWS else 8)
            values = _values(part, rows, features, DTYPES[dtype], repeat)
            sides = _sides(part, values, repeat)
            times = measure_in_turn(sides, values, arguments.rounds or 15)
            fused_us, compiled_us = (
                max((t or 0.0) - (times[2] or 0.0), LEAST_US * repeat) / repeat for t in times[:2]
            )
            cases.append(Case(name, dtype, rows, features, fused_us, compiled_us))
            if not arguments.json:
                print(_line(cases[-1]), flush=True)
    mean = math.exp(statistics.fmean(math.log(case.ratio) for case in cases))
    node_us = _node_us(arguments.rounds or 15)
    kept = mean <= LIMIT and node_us <= NODE_LIMIT_US
    if arguments.json:
        rows_ = [asdict(case) | {"ratio": case.ratio} for case in cases]
        found = {"mean": mean, "limit": LIMIT, "node_us": node_us, "node_limit_us": NODE_LIMIT_US}
        print(json.dumps({**found, "kept": kept, "rows": rows_}, indent=1))
        return kept
    low, high = min(c.ratio for c in cases), max(c.ratio for c in cases)
    said = ["MISSED", "kept"]
    mine, node = said[mean <= LIMIT], said[node_us <= NODE_LIMIT_US]
    print(f"fused to torch.compile: {mean:.2f} ({low:.2f} to {high:.2f}), limit {LIMIT}   {mine}")
    print(f"a node with its kernel: {node_us:.2f} us, limit {NODE_LIMIT_US:g}   {node}")
    return kept


def _values(part: Part, rows: int, features: int, dtype: torch.dtype, repeat: int) -> list[Any]:
    """Return the inputs of all parts in turn: weights of their own, and the same activations."""
    first, *others = (part.inputs(rows, features, dtype) for _ in range(repeat))
    for own in others:
        first += tuple(
            shared if shared.shape[0] == rows and shared.ndim > 1 else tensor
            for shared, tensor in zip(first, own, strict=False)
        )
    return list(first)


def _node_us(rounds: int) -> float:
    """Return what a lowered op adds to the time of a compiled graph, its kernel included."""
    x, weight, most = torch.randn(1, 64), torch.ones(64), 33
    norm = IrOp.registry["rms_norm"]

    def chain(count: int) -> Callable[..., Any]:
        def normed(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            for _ in range(count):
                x = norm.torch_op(x, weight, 1e-6, None)
            return x

        options = {"post_grad_custom_post_pass": IrLowering()}
        return torch.compile(normed, options=options, dynamic=False, fullgraph=True)

    with torch.no_grad(), norm.set_priority(["iree", "native"]):
        torch.compiler.reset()
        sides = [chain(1), chain(most)]
        for side in sides:
            for _ in range(3):
                side(x, weight)
        one, all_ = (t or 0.0 for t in measure_in_turn(sides, [x, weight], rounds))
    return (all_ - one) / (most - 1)


def _sides(part: Part, values: Sequence[Any], repeat: int) -> list[Callable[..., Any]]:
    """Return both compiled functions, and one without parts.

    Each has run twice, and one kernel computes our part.
    """
    torch.compiler.reset()
    names = [n for n in IrOp.registry.names() if n in part.function.__code__.co_names]
    ops = SimpleNamespace(**{n: IrOp.registry[n].torch_op for n in names})
    natives = SimpleNamespace(**{n: IrOp.registry[n].native for n in names})
    matched: list[int] = []

    def fuse(graph: torch.fx.Graph) -> None:
        record = PassRecord(part.by.name)
        part.by.run(graph, record)
        matched.append(record.matched_count)

    count = len(values) // repeat
    results = len(_flat(part.function(natives, *values[:count])))

    def repeated(ops: Any) -> Callable[..., Any]:
        def run_all(*tensors: Any) -> list[Any]:
            found: list[Any] = []
            for at in range(0, len(tensors), count):
                own = tensors[at : at + count]
                torch.ops.ir_benchmarks.wait(found, own)
                if ops is None:  # the ops between the parts take as many tensors
                    found = list((own * results)[:results])
                else:
                    found = list(_flat(part.function(ops, *own)))
            return found

        return run_all

    fixed = {"dynamic": False, "fullgraph": True}
    sides = [
        torch.compile(repeated(ops), options={"post_grad_custom_post_pass": fuse}, **fixed),
        torch.compile(repeated(natives), **fixed),
        torch.compile(repeated(None), **fixed),
    ]
    found = [side(*values) for side in sides for _ in range(2)]
    assert matched == [repeat], f"a part is not one kernel: {matched}"
    for mine, peer in zip(found[0], found[2], strict=True):
        torch.testing.assert_close(mine.float(), peer.float(), atol=0.05, rtol=0.13)
    return sides


def _flat(results: Any) -> Sequence[torch.Tensor]:
    return results if isinstance(results, list | tuple) else [results]


def _line(case: Case) -> str:
    which = f"{case.part:26} {case.dtype:4} {case.rows:5} x {case.features:<6}"
    times = f"{case.fused_us:9.1f} {case.compiled_us:9.1f}"
    return f"{which} {times} us: fused, torch.compile; {case.ratio:.2f}"
