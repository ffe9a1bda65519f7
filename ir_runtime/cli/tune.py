"""`ir-runtime tune`: measure the providers of ops on this machine, or the calls of a script."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict

import torch

from ir_runtime.cli.ops import import_ops
from ir_runtime.cli.script import run_script
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import ArgumentError, IrRuntimeError, RegistrationError
from ir_runtime.ir import IrOp, TuneReport, registered_op, tune

__all__ = ["run"]

_USAGE = 2
_SHAPE = re.compile(r"(\d+)x(\d+)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print what was found; 0, 1 if a call failed, or 2 for words that do not fit.

    Raises:
        IrRuntimeError: as `tune`, if `--traceback` was given.
    """
    try:
        import_ops(arguments.modules)
        shapes, dtypes = _shapes(arguments.shapes), _dtypes(arguments.dtypes)
        ops = _ops(arguments.ops, model=arguments.model is not None)
    except (ArgumentError, RegistrationError) as error:
        if arguments.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return _USAGE
    failed = False
    reports: list[TuneReport] = []
    if arguments.model is not None:
        reports.append(tune(lambda: run_script(arguments.model, f"--model {arguments.model}")))
    for op in ops:
        try:
            reports.append(tune(op, shapes=shapes, dtypes=dtypes))
        except IrRuntimeError as error:  # the other ops are measured all the same
            if arguments.traceback:
                raise
            failed = True
            print(f"error: {op.name}: {error}", file=sys.stderr)
    measured = tuple(each for report in reports for each in report.measured)
    report = TuneReport(measured, tuple(s for report in reports for s in report.skipped))
    print(json.dumps(asdict(report), default=str) if arguments.json else report)
    return 1 if failed else 0


def _ops(names: Sequence[str], *, model: bool) -> list[IrOp]:
    if names or model:
        return [registered_op(name) for name in names]
    return [op for _, op in sorted(IrOp.registry.items()) if op.has_input_generator]


def _shapes(text: str) -> list[tuple[int, int]]:
    found = [_SHAPE.fullmatch(part.strip()) for part in text.split(",")]
    if None in found:
        raise ArgumentError(
            f"--shapes: {text!r} does not parse, must be tokens x features, such as 1x4096,16x4096"
        )
    return [(int(m[1]), int(m[2])) for m in found if m is not None]


def _dtypes(text: str) -> list[torch.dtype]:
    known = {row.short: dtype for dtype, row in DTYPES.items() if dtype.is_floating_point}
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if name not in known:
            raise ArgumentError(f"--dtypes: {name!r} is not known, must be of {', '.join(known)}")
    return [known[name] for name in names]
