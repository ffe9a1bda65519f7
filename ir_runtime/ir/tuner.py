"""`ir.tune`: measure the providers of an op for given shapes, or in the calls of a function."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.ir.config import registered_op
from ir_runtime.ir.op import IrOp
from ir_runtime.ir.tuning.measure import Clock, measure
from ir_runtime.ir.tuning.ranking import ROUNDS, Ranking
from ir_runtime.ir.tuning.recorder import recorder
from ir_runtime.ir.tuning.shape_class import device_type_of, shape_class
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.settings import current_settings

__all__ = ["Measured", "TuneReport", "tune"]

Shape = Mapping[str, Any] | Sequence[int]


@frozen
class Measured:
    """The ranking of one class of calls.

    Attributes:
        op: name of the op.
        shape_class: the class, as text.
        ranking: the times and the order.
        before: the provider that computed such calls before.
        table: the file that has it; None if it is kept in this process alone.
    """

    op: str
    shape_class: str
    ranking: Ranking
    before: str
    table: Path | None

    def __str__(self) -> str:
        first = self.ranking.order[0]
        change = "stays" if first.partition(":")[0] == self.before else f"replaces {self.before}"
        lines = [f"{self.op}({self.shape_class})", f"  {first} {change}"]
        lines.append(f"  measured  {self.ranking.in_words()}")
        lines += [f"  left out  {name}: {why}" for name, why in self.ranking.left_out.items()]
        return "\n".join(lines)


@frozen
class TuneReport:
    """The result of `tune`; `str` writes some lines for each class of calls.

    Attributes:
        measured: one for each class.
        skipped: calls that were not measured, and why.
    """

    measured: tuple[Measured, ...]
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [str(each) for each in self.measured]
        parts += [f"not measured: {each}" for each in self.skipped]
        return "\n".join(parts) or "no call of an IR op was seen"


def tune(
    what: IrOp | str | Callable[..., Any],
    *,
    shapes: Iterable[Shape] | None = None,
    dtypes: Iterable[torch.dtype] | None = None,
    rounds: int = ROUNDS,
    clock: Clock = time.perf_counter_ns,
) -> TuneReport:
    """Measure each provider, and each form of its kernel, and keep the ranking in the tuned table.

    Args:
        what: an op, its name, or a function, whose calls of IR ops are recorded in one run and then
            measured.
        shapes: for an op: what its input generator gets, as keywords or as `(num_tokens,
            hidden_size)`; or, by name of its tensors, their sizes. For a function: the sizes of its
            arguments, by name, or of its only one; None calls it without arguments.
        dtypes: of the floating-point tensors; default: float32.
        rounds: how often each is measured, at least 3.
        clock: nanoseconds; for tests.

    Raises:
        ArgumentError: the shapes do not fit, or a table is pinned.
        OpConflictError: there is no op of this name.
    """
    if current_settings().tuned_table is not None:
        raise ArgumentError(
            f"tune: IR_RUNTIME_TUNED_TABLE pins {current_settings().tuned_table}, must be unset to "
            "measure"
        )
    if rounds < 3:
        raise ArgumentError(f"tune: rounds is {rounds}, must be at least 3")
    kinds = tuple(dtypes or (torch.float32,))
    sizes = None if shapes is None else tuple(shapes)
    if isinstance(what, str):
        what = registered_op(what)
    calls = (
        _calls_of_op(what, sizes, kinds)
        if isinstance(what, IrOp)
        else (_calls_of_function(what, sizes, kinds))
    )
    return _measure_all(calls, rounds, clock)


def _measure_all(
    calls: Iterable[tuple[IrOp, tuple[Any, ...]]], rounds: int, clock: Clock
) -> TuneReport:
    measured: list[Measured] = []
    skipped: list[str] = []
    seen: set[tuple[str, str]] = set()
    for op, values in calls:
        name = shape_class(op, values)
        if name is None or device_type_of(values) is None:
            skipped.append(f"{op.name}: a tensor is not a plain one of a device that is there")
            continue
        if (op.name, name) in seen:
            continue
        seen.add((op.name, name))
        op.check(values)
        known = tables.find(op, values).ranking
        before = op.priority.default.choose(values).provider
        present = before if known is None else known.order[0]
        with torch.no_grad():
            ranking = measure(op, values, present, clock=clock, rounds=rounds)
        measured.append(
            Measured(op.name, name, ranking, before, tables.record(op, values, ranking))
        )
    return TuneReport(tuple(measured), tuple(skipped))


def _calls_of_op(
    op: IrOp, shapes: Sequence[Shape] | None, dtypes: Sequence[torch.dtype]
) -> Iterable[tuple[IrOp, tuple[Any, ...]]]:
    for shape, dtype in itertools.product(shapes or ({},), dtypes):
        yield op, op.normal_arguments(_arguments(op, shape, dtype))


def _arguments(op: IrOp, shape: Shape, dtype: torch.dtype) -> Sequence[Any]:
    if isinstance(shape, Mapping):
        if shape and all(name in op.arg_names for name in shape):
            given = {name: _value(value, dtype) for name, value in shape.items()}
            return _bound(op, given)
        return op.generate_inputs(**shape, dtype=dtype)
    if len(shape) != 2:
        raise ArgumentError(
            f"op {op.name}: the shape {tuple(shape)} has {len(shape)} numbers, must have 2: "
            "num_tokens and hidden_size; or be sizes by name of the argument"
        )
    return op.generate_inputs(num_tokens=shape[0], hidden_size=shape[1], dtype=dtype)


def _bound(op: IrOp, given: Mapping[str, Any]) -> Sequence[Any]:
    try:
        return op.all_arguments((), given)
    except TypeError as error:
        raise ArgumentError(f"op {op.name}: {error}, must be given by name: {op.schema}") from error


def _value(value: Any, dtype: torch.dtype) -> Any:
    """Return a random tensor for sizes, and any other value as it is."""
    if isinstance(value, list | tuple) and all(isinstance(n, int) for n in value):
        return torch.randn(tuple(value), dtype=torch.float32).to(dtype)
    return value


def _calls_of_function(
    function: Callable[..., Any], shapes: Sequence[Shape] | None, dtypes: Sequence[torch.dtype]
) -> Iterable[tuple[IrOp, tuple[Any, ...]]]:
    with recorder.recording() as calls, torch.no_grad():
        if shapes is None:
            function()
        for shape, dtype in itertools.product(shapes or (), dtypes):
            if isinstance(shape, Mapping):
                function(**{name: _value(value, dtype) for name, value in shape.items()})
            else:
                function(_value(tuple(shape), dtype))
    return [(IrOp.registry[op.name], values) for op, values in calls if op.name in IrOp.registry]
