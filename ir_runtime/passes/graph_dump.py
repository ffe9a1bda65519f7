"""Graphs and patterns as files of Python text, for people who look at what passes did."""

from __future__ import annotations

import ast
import logging
import os
import re
from pathlib import Path

from torch import fx

from ir_runtime.errors import IrRuntimeError
from ir_runtime.launch.artifact.leftover import trim
from ir_runtime.launch.artifact.trust import check_trusted, make_private
from ir_runtime.passes.active_run import current_run, graph_numbers
from ir_runtime.settings import current_settings
from ir_runtime.tracing import trace_directory

__all__ = [
    "as_comment",
    "as_python",
    "dump_directory",
    "dump_graph",
    "graph_text",
    "keep_failed_graph",
]

_log = logging.getLogger("ir_runtime.passes")
_NO_CLASS_NAME = re.compile(r"^( *class )<\w+>\(", re.MULTILINE)  # of a module made by a lambda
_NOT_A_NAME = re.compile(r"[^\w.-]")
_MOST_FAILED, _MOST_FAILED_BYTES = 64, 64 << 20


def graph_text(graph: fx.Graph) -> str:
    """Return a graph as Python text, with its nested graphs; it parses."""
    module = graph.owning_module
    try:
        if isinstance(module, fx.GraphModule) and module.graph is graph:
            text = module.print_readable(print_output=False, include_stride=True)
            text = _NO_CLASS_NAME.sub(r"\1Graph(", text)
        else:
            text = graph.python_code("self", verbose=True).src
    except Exception as error:  # noqa: BLE001 - a graph that a pass broke must not hide its error
        text = f"# this graph has no Python text: {error!r}\n" + as_comment(str(graph))
    return as_python(text)


def as_python(text: str) -> str:
    """Return a text that parses as Python: itself, or all of it as comments."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"# not Python: {error}\n{as_comment(text)}"
    return text


def as_comment(text: str) -> str:
    """Return a text with each line as a comment."""
    return "".join(f"# {line}\n" for line in text.splitlines())


def dump_directory(path: Path | None = None) -> Path | None:
    """Return where the graphs of the current run are written; None for nowhere.

    Args:
        path: what a configuration says; None for the directory of the run's pipeline, and then for
            the trace directory.
    """
    run = current_run()
    root = path or (None if run is None else run.dump_directory) or trace_directory()
    if root is None:
        return None
    number = next(graph_numbers) if run is None else run.graph.number
    return Path(root) / f"passes-{os.getpid()}" / f"graph-{number}"


def dump_graph(graph: fx.Graph, name: str, stage: str, path: Path | None = None) -> Path | None:
    """Write a graph as `<hook>.<i>.<pass>.<stage>.py`; nothing without a directory.

    Args:
        graph: the graph, whole.
        name: of the pass.
        stage: such as `before` and `after`.
        path: the directory, as for `dump_directory`.

    Returns:
        The file; None if nothing was written. A file that cannot be written is a warning.
    """
    directory = dump_directory(path)
    if directory is None:
        return None
    run = current_run()
    hook = "post_grad" if run is None else run.graph.hook
    index = "" if run is None or run.index is None else f".{run.index}"
    file = directory / _NOT_A_NAME.sub("_", f"{hook}{index}.{name}.{stage}.py")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(graph_text(graph), "utf-8")
    except OSError as error:
        _log.warning("pass %s: the graph cannot be written to %s (%s)", name, file, error)
        return None
    if run is not None and run.passing is not None:
        run.passing.dumps.append(str(file))
    return file


def keep_failed_graph(text: str, name: str) -> str | None:
    """Keep the graph before a pass that failed; returns its path, None if it cannot be kept.

    It lies in the directory of dumps, or else in the store, among the latest 64.
    """
    directory = dump_directory()
    run = current_run()
    hook = "post_grad" if run is None else run.graph.hook
    number = 0 if run is None else run.graph.number
    file_name = _NOT_A_NAME.sub("_", f"{hook}.{name}.failed.py")
    try:
        if directory is None:
            directory = current_settings().store / "v1" / "failed"
            check_trusted(directory, f"store {current_settings().store}", "IR_RUNTIME_STORE")
            make_private(directory)
            file_name = f"{os.getpid()}.{number}.{file_name}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / file_name).write_text(text, "utf-8")
    except (OSError, IrRuntimeError) as error:
        _log.warning("pass %s: the graph before it cannot be kept (%s)", name, error)
        return None
    if directory.name == "failed":
        trim(directory, most=_MOST_FAILED, most_bytes=_MOST_FAILED_BYTES)
    return str(directory / file_name)
