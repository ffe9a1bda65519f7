"""The speed of each provider of each op, compared with native in turn, on the same arguments.

The time is that of the provider alone, without copies of arguments; the cost of choosing it is in a
separate column. A provider with other results than native is refused.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir import IrOp, IrOpImpl
from ir_runtime.settings import override_settings

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
MOST_COPIED_BYTES = 256 << 20
ROUND_SECONDS = 3e-3
MOST_CHOSEN_SECONDS = 1e-4


@dataclass(frozen=True)
class Result:
    """The times of a provider.

    Attributes:
        op: name of the op.
        provider: name of the provider.
        dtype: short name.
        rows: rows or tokens.
        features: features per row.
        us: median time of the provider.
        spread_us: its interquartile range.
        to_native: ratio of this time to that of native.
        choosing_us: additional time of a call of the op; None for providers that write their
            activations, or take over 100 us, where it is too small to be measured.
        refused: why it does not take the call; the times are then 0.
    """

    op: str
    provider: str
    dtype: str
    rows: int
    features: int
    us: float = 0.0
    spread_us: float = 0.0
    to_native: float = 0.0
    choosing_us: float | None = None
    refused: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--ops", help="which, with commas between; default: all with inputs")
    parser.add_argument("--rows", default="1,64,512")
    parser.add_argument("--features", default="4096")
    parser.add_argument("--dtypes", default="f32,bf16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--import", dest="modules", default="", help="modules that register more ops or providers"
    )


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns True, since there are no promises."""
    ir.current_platform().import_ir_kernels()
    for module in filter(None, arguments.modules.split(",")):
        importlib.import_module(module)
    results: list[Result] = []
    with torch.no_grad():
        for op in _chosen(arguments.ops):
            for result in _measure_op(op, arguments):
                results.append(result)
                if not arguments.json:
                    print(_line(result), flush=True)
    if arguments.json:
        report = {"threads": torch.get_num_threads(), "rows": [asdict(r) for r in results]}
        print(json.dumps(report | {"summary": summarise(results)}, indent=1))
        return True
    print(f"\n{'to native':40} {'mean':>6} {'best':>6} {'worst':>6}  cases")
    for row in summarise(results):
        name = f"{row['op']}, {row['provider']}"
        numbers = f"{row['mean']:6.2f} {row['best']:6.2f} {row['worst']:6.2f}"
        print(f"{name:40} {numbers}  {row['cases']}")
    return True


def summarise(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return, for each provider of each op, geometric mean, best and worst ratio to native."""
    ratios: dict[tuple[str, str], list[float]] = {}
    for r in results:
        if not r.refused and r.provider != "native":
            ratios.setdefault((r.op, r.provider), []).append(r.to_native)
    return [
        {
            "op": op,
            "provider": provider,
            "mean": statistics.geometric_mean(found),
            "best": min(found),
            "worst": max(found),
            "cases": len(found),
        }
        for (op, provider), found in ratios.items()
    ]


def _chosen(names: str | None) -> list[IrOp]:
    ops = IrOp.registry
    if names is None:
        return [op for op in ops.values() if op.has_input_generator]
    unknown = [name for name in names.split(",") if name not in ops]
    if unknown:
        raise SystemExit(f"ops {', '.join(unknown)}: not known, must be of {', '.join(ops)}")
    return [ops[name] for name in names.split(",")]


def _measure_op(op: IrOp, arguments: argparse.Namespace) -> Iterator[Result]:
    for dtype in arguments.dtypes.split(","):
        for rows in map(int, arguments.rows.split(",")):
            for features in map(int, arguments.features.split(",")):
                values = op.generate_inputs(
                    num_tokens=rows,
                    hidden_size=features,
                    dtype=DTYPES[dtype],
                    device=arguments.device,
                )
                case = (dtype, rows, features)
                yield from _measure(op, op.normal_arguments(values), case, arguments.rounds or 15)


def _measure(
    op: IrOp, values: tuple[Any, ...], case: tuple[str, int, int], rounds: int
) -> Iterator[Result]:
    taken: list[IrOpImpl] = []
    for impl in op.impls.values():
        why = impl.why_unsupported or impl.refusal(*values)
        if why:
            yield Result(op.name, impl.provider, *case, refused=why)
        else:
            taken.append(impl)
    sides: dict[str, Side] = {}
    for impl in taken:
        refuse_if_wrong(op, impl, values)
        sides[impl.provider] = Side(impl.impl_fn, values, op if impl.inplace else None)
    for impl in taken:
        took = sides[impl.provider].first_seconds()
        if took < MOST_CHOSEN_SECONDS and not impl.inplace:
            sides[f"{impl.provider}, chosen"] = Side(op, values, priority=_only(impl))
    times = _interleaved(sides, rounds)
    native = statistics.median(times["native"])
    for impl in taken:
        mine, whole = times[impl.provider], times.get(f"{impl.provider}, chosen")
        quarters = statistics.quantiles(mine, n=4)
        median = statistics.median(mine)
        choosing = None
        if whole is not None:
            added = [w - m for w, m in zip(whole, mine, strict=True)]
            choosing = statistics.median(added) * 1e6
        spread = quarters[2] - quarters[0]
        yield Result(
            op.name,
            impl.provider,
            *case,
            median * 1e6,
            spread * 1e6,
            median / native,
            choosing,
        )


def _only(impl: IrOpImpl) -> list[str]:
    return list(dict.fromkeys((impl.provider, "native")))


def refuse_if_wrong(op: IrOp, impl: IrOpImpl, values: Sequence[Any]) -> None:
    """Compute the call once and compare it with native; raises if they differ."""
    with override_settings(check="shadow"), op.set_priority(_only(impl)):
        op(*values)


class Side:
    """A call to time.

    Args:
        call: a provider's function, or the op.
        values: all arguments.
        writes: the op, if the call may write its activations: each call then gets copies, which
            are not timed.
        priority: the priority of the op, if the op is called.
    """

    def __init__(
        self,
        call: Callable[..., Any] | IrOp,
        values: tuple[Any, ...],
        writes: IrOp | None = None,
        priority: list[str] | None = None,
    ) -> None:
        self.call = call
        self.values = values
        self.writes = writes
        self.priority = priority
        self.calls = 1

    def first_seconds(self) -> float:
        """Choose the number of calls per round; returns the least time of three."""
        took = max(min(self.seconds() for _ in range(3)), 1e-9)
        self.calls = max(1, min(2000, int(ROUND_SECONDS / took)))
        if self.writes is not None:
            copied = sum(self.values[i].nbytes for i in self.writes.activation_indices)
            self.calls = max(1, min(self.calls, MOST_COPIED_BYTES // max(copied, 1)))
        return took

    def seconds(self) -> float:
        """Return the seconds of a call, averaged over a round."""
        if self.priority is not None and isinstance(self.call, IrOp):
            with self.call.set_priority(self.priority):
                return self._seconds()
        return self._seconds()

    def _seconds(self) -> float:
        given = [self._given() for _ in range(self.calls)]
        call = self.call
        _wait(self.values)
        started = time.perf_counter()
        for values in given:
            call(*values)
        _wait(self.values)
        return (time.perf_counter() - started) / self.calls

    def _given(self) -> tuple[Any, ...]:
        if self.writes is None:
            return self.values
        written = self.writes.activation_indices
        return tuple(v.clone() if i in written else v for i, v in enumerate(self.values))


def _interleaved(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    for side in sides.values():
        side.first_seconds()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(side.seconds())
    return times


def _wait(values: Sequence[Any]) -> None:
    if any(isinstance(v, Tensor) and v.is_cuda for v in values):
        torch.cuda.synchronize()


def _line(r: Result) -> str:
    head = f"{r.op:17} {r.dtype:4} {r.rows:5} x {r.features:5}  {r.provider:10}"
    if r.refused:
        return f"{head} refused: {r.refused}"
    choosing = "" if r.choosing_us is None else f"   choosing it {r.choosing_us:+.2f} us"
    return f"{head} {r.us:10.1f} us  to native {r.to_native:5.2f}{choosing}"
