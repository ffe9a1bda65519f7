"""`optimize(..., tune=True)`: replacements are measured, and the slower ones are not made."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from ir_runtime.models.found import Found, Trial
from ir_runtime.models.report import Left

__all__ = ["ROWS", "keep_faster"]

ROWS = (1, 128)
"""The numbers of rows that are measured: a step of decoding, and a prompt."""

_SLOWEST = 1.03
_ROUNDS = 5
_LEAST_S = 0.002


def keep_faster(found: Sequence[Found]) -> list[Found | Left]:
    """Measure each different replacement, and refuse what is slower for one or many rows."""
    measured: dict[Any, dict[int, float]] = {}
    kept: list[Found | Left] = []
    for each in found:
        trial = each.trial
        if trial is None:
            kept.append(each)
            continue
        if trial.alike not in measured:
            measured[trial.alike] = {count: _ratio(trial, count) for count in ROWS}
        kept.append(_judged(each, measured[trial.alike]))
    return kept


def _judged(found: Found, times: dict[int, float]) -> Found | Left:
    place = found.replaced
    count, slowest = max(times.items(), key=lambda item: item[1])
    if slowest > _SLOWEST:
        reason = f"measured: {slowest:.2f} of its present time at {count} rows"
        return Left(place.path, place.kind, place.module, reason)
    timed = replace(place, times={n: round(ratio, 3) for n, ratio in times.items()})
    return Found(timed, found.changes, found.covers, found.trial)


def _ratio(trial: Trial, count: int) -> float:
    """Return our time divided by that of the module: medians of rounds in turns."""
    inputs = trial.inputs(count)
    sides = (trial.before, trial.after())
    with torch.inference_mode():
        calls = max(1, int(_LEAST_S / max(_time_of(side, inputs, 2) for side in sides)))
        times = [[_time_of(side, inputs, calls) for side in sides] for _ in range(_ROUNDS)]
    before, after = (statistics.median(side) for side in zip(*times, strict=True))
    return after / before


def _time_of(side: Callable[..., Any], inputs: tuple[Any, ...], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        side(*inputs)
    return (time.perf_counter() - began) / calls
