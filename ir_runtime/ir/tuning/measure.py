"""Measure each provider of an op, and each form of its kernel, in one call; in turn."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import IrRuntimeError
from ir_runtime.frozen import frozen
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.shadow import compare_with_native
from ir_runtime.ir.tuning.ranking import ROUNDS, Ranking, median, provider_of, rank
from ir_runtime.op_reg.call.kernel import bind_call, run_select
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.select.call_selection import use_variants

__all__ = ["Clock", "measure"]

Clock = Callable[[], int]
"""Returns nanoseconds that never go back, as `time.perf_counter_ns`."""

_SAMPLE_NS = 200_000
_MOST_CALLS = 1000
_MOST_FORMS = 16

Run = Callable[..., Any]


@frozen
class _Choice:
    """One way to compute the call.

    Attributes:
        name: as `Ranking` has it.
        impl: the provider.
        make_run: returns what computes the call, all arguments by position.
    """

    name: str
    impl: IrOpImpl
    make_run: Callable[[], Run]


def measure(
    op: OpFacts[IrOpImpl],
    values: Sequence[Any],
    present: str | None,
    *,
    clock: Clock = time.perf_counter_ns,
    rounds: int = ROUNDS,
) -> Ranking:
    """Measure every way to compute a call, and rank those that give what native gives.

    Each is run once first, which compiles what is not stored, and its results are compared with
    native's. Then all are measured in turn, round by round, so that a change of the machine's
    speed meets all of them. Nothing is written to the arguments: where providers may write to
    activations, they get copies.

    Args:
        op: the op.
        values: all arguments of the call, as providers get them.
        present: the provider or choice in use, which wins within noise; None if there is none.
        clock: the time.
        rounds: how often each is measured.
    """
    given = _copied(op, values) if op.allow_inplace else tuple(values)
    wanted = op.native(*given)
    runs: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    for choice in _choices(op, given, left_out):
        try:
            run = choice.make_run()
            compare_with_native(op, choice.impl, given, run(*given), wanted)
            runs[choice.name] = run
        except Exception as error:  # noqa: BLE001 - whatever a provider does, the others count
            left_out[choice.name] = f"{type(error).__name__}: {error}"
    counts = {name: _calls_in_sample(run, given, clock) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for i in range(rounds):
        for name in (*names[i % len(names) :], *names[: i % len(names)]):
            times[name].append(_time_ns(runs[name], given, counts[name], clock))
    order = rank(times, _in_use(present, names))
    return Ranking(order, {n: median(times[n]) for n in order}, left_out, rounds)


def _copied(op: OpFacts[IrOpImpl], values: Sequence[Any]) -> tuple[Any, ...]:
    copies = list(values)
    for i in op.activation_indices:
        if isinstance(values[i], Tensor):
            copies[i] = values[i].clone()
    return tuple(copies)


def _choices(
    op: OpFacts[IrOpImpl], values: Sequence[Any], left_out: dict[str, str]
) -> list[_Choice]:
    """Return all ways to compute the call; why a provider takes no part goes into `left_out`."""
    found: list[_Choice] = []
    for name, impl in op.impls.items():
        why = impl.refusal(*values) if impl.supported else impl.why_unsupported
        if why is not None:
            left_out[name] = why
            continue
        forms = _forms(impl, values)
        if len(forms) < 2:
            found.append(_Choice(name, impl, lambda impl=impl: impl.functional))
            continue
        assert isinstance(impl, IreeImpl)
        for form in forms:
            words = ",".join(f"{key}={value}" for key, value in form.items())
            make = _maker(impl.kernel, values, form)
            found.append(_Choice(f"{name}:{words}", impl, make))
    return found


def _forms(impl: IrOpImpl, values: Sequence[Any]) -> list[dict[str, str]]:
    """Return what the kernel of a provider can be asked for, the default first; at most 16."""
    if not isinstance(impl, IreeImpl) or impl.is_traced:
        return []
    try:
        with torch._C._DisableAutocast(), use_variants({}):
            offered = run_select(impl.kernel, values).offered_variants
    except IrRuntimeError:
        return []  # the call says why
    products = itertools.product(*offered.values())
    return [dict(zip(offered, each, strict=True)) for each in products][:_MOST_FORMS]


def _maker(kernel: Op, values: Sequence[Any], form: Mapping[str, str]) -> Callable[[], Run]:
    """Return what binds the kernel in one form, to be called as the C launcher calls it."""

    def make() -> Run:
        with torch._C._DisableAutocast(), use_variants(form):
            bound = bind_call(kernel, values)

        def run(*args: Any) -> Any:
            return bound.run(args)

        if kernel.calls.fast is None:
            return run
        return kernel.calls.fast.bound_entrance(run, values, bound)

    return make


def _in_use(present: str | None, names: Sequence[str]) -> str | None:
    """Return the measured choice that is in use: of a provider's forms the first."""
    if present in names or present is None:
        return present
    return next((name for name in names if provider_of(name) == present), None)


def _calls_in_sample(run: Run, values: Sequence[Any], clock: Clock) -> int:
    once_ns = max(1.0, _time_ns(run, values, 1, clock))
    return max(1, min(_MOST_CALLS, int(_SAMPLE_NS / once_ns)))


def _time_ns(run: Run, values: Sequence[Any], calls: int, clock: Clock) -> float:
    """Return the time of one call, of so many."""
    _wait(values)
    before = clock()
    for _ in range(calls):
        run(*values)
    _wait(values)
    return (clock() - before) / calls


def _wait(values: Sequence[Any]) -> None:
    """Wait for devices that still work on the arguments."""
    for device in {v.device for v in values if isinstance(v, Tensor) and v.is_cuda}:
        torch.cuda.synchronize(device)
