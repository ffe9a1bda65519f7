"""`ir-runtime passes`: list graph passes, or show what they find in the compiles of a program."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from ir_runtime.cli.ops import import_ops
from ir_runtime.cli.script import run_script
from ir_runtime.errors import ArgumentError, RegistrationError
from ir_runtime.passes import GraphRecord, Pipeline, PipelineRecord, default_passes, pass_names
from ir_runtime.passes.active_run import collecting
from ir_runtime.passes.errors import PassError
from ir_runtime.passes.named_pass import pass_class
from ir_runtime.passes.record.expectation import check_expected

__all__ = ["run"]

_USAGE = 2


def run(arguments: argparse.Namespace) -> int:
    """Print the passes, or the record of a program's compiles; 0, or 2 for words that do not fit.

    Raises:
        PassError: a pass failed, or matched other than `--expect` says.
        IrRuntimeError: the words do not fit, and `--traceback` was given.
    """
    try:
        import_ops(arguments.modules)
        pipeline = _pipeline(arguments)
    except (ArgumentError, RegistrationError, PassError) as error:
        if arguments.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return _USAGE
    if arguments.source is None:
        _print_passes(pipeline, as_json=arguments.json)
        return 0
    found = _graphs_of(arguments.source, pipeline)
    record = PipelineRecord(found)
    if arguments.json:
        print(json.dumps({"passes": pipeline.describe(), **record.to_json()}, default=str))
    else:
        print(_report(pipeline, record))
    for graph in found:
        check_expected(graph, pipeline.plan.expect, strict=True)
    return 0


def _pipeline(arguments: argparse.Namespace) -> Pipeline:
    expect = dict(_expectation(text) for text in arguments.expect)
    options: dict[str, Any] = {"dump_directory": arguments.dump}
    if arguments.passes is None:
        made = Pipeline.from_settings(**options)
    else:
        made = Pipeline(arguments.passes, **options)
    return Pipeline(made.passes, expect=expect, **options)


def _expectation(text: str) -> tuple[str, int]:
    name, equals, number = text.partition("=")
    if not equals or not number.isdecimal():
        raise ArgumentError(f"--expect: {text!r} does not parse, must be PASS=NUMBER")
    return name, int(number)


def _print_passes(pipeline: Pipeline, *, as_json: bool) -> None:
    rows = [_row(name) for name in pass_names()]
    if as_json:
        print(json.dumps({"known": rows, "pipeline": pipeline.describe()}))
        return
    for row in rows:
        mark = "*" if row["name"] in default_passes() else " "
        print(f"{mark} {row['name']:<28} {row['hook']:<13} {row['summary']}")
    print("\n* in the default list\nthe pipeline of these settings, in the order of a compile:")
    for line in pipeline.describe() or ["none"]:
        print(f"    {line}")


def _row(name: str) -> dict[str, str]:
    cls = pass_class(name)
    return {
        "name": name,
        "hook": str(cls.hook),
        "summary": (inspect.getdoc(cls) or "").partition("\n")[0],
    }


def _graphs_of(source: str, pipeline: Pipeline) -> list[GraphRecord]:
    """Run a program with the passes in all of its compiles; returns what they found.

    Caches of compiled graphs are off meanwhile, since no pass runs for a cached graph.
    """
    from torch._functorch import config as functorch_config
    from torch._inductor import config as inductor_config

    with ExitStack() as stack:
        found = stack.enter_context(collecting())
        stack.enter_context(functorch_config.patch(enable_autograd_cache=False))
        stack.enter_context(inductor_config.patch(fx_graph_cache=False, **pipeline.options()))
        module, colon, name = source.partition(":")
        if colon and not Path(source).exists():
            _run_callable(module, name)
        else:
            run_script(Path(source), source)
    return found


def _run_callable(module: str, name: str) -> None:
    """Call a function, and compile and run the model that it returns, if it does."""
    subject = f"{module}:{name}"
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ArgumentError(
            f"{subject}: cannot be found, must be a function of a module in the current directory "
            "or installed",
            facts=[str(error)],
        ) from error
    finally:
        sys.path[:] = before
    made = found()
    if made is None:
        return  # it has compiled what it wanted to
    model, inputs = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not callable(model) or not isinstance(inputs, Sequence | torch.Tensor):
        raise ArgumentError(
            f"{subject}: returned {type(made).__name__}, must return a model and its inputs, or "
            "None",
            fix="return (model, (x, y)); or compile in the function, and return nothing",
        )
    with torch.no_grad():
        torch.compile(model)(*([inputs] if isinstance(inputs, torch.Tensor) else inputs))


def _report(pipeline: Pipeline, record: PipelineRecord) -> str:
    lines = ["passes, in the order of a compile:"]
    lines += [f"    {line}" for line in pipeline.describe()] or ["    none"]
    lines += ["", str(record), ""]
    table = ", ".join(f"{name} {count}" for name, count in sorted(record.match_table.items()))
    lines.append(f"matches: {table or 'none'}")
    dumps = sorted({str(Path(path).parent) for each in record.passes for path in each.dumps})
    if dumps:
        lines.append("graphs before and after each pass:")
        lines += [f"    {directory}" for directory in dumps]
    else:
        lines.append("graphs are written with --dump DIR, or to the directory IR_RUNTIME_TRACE")
    return "\n".join(lines)
