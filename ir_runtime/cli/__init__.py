"""The command line `ir-runtime <command>`; the module of a command is imported when it runs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ir_runtime import __version__
from ir_runtime.errors import IrRuntimeError
from ir_runtime.frozen import frozen

__all__ = ["main"]

_INTERRUPTED = 130
_READER_GONE = 141  # the shell's status of a program that SIGPIPE ends


@frozen
class _Command:
    """One sub-command.

    Attributes:
        summary: one line for `--help`.
        module: the module with `run(arguments) -> int`.
        add_options: declares the options of the command.
    """

    summary: str
    module: str
    add_options: Callable[[argparse.ArgumentParser], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; default: those of this process.

    Returns:
        The exit status: 0 for success, 1 for a failure that was reported on stderr, 2 for words
        that a command does not understand, 141 if the reader of the output stops early.

    Raises:
        SystemExit: the words do not parse (status 2), or the help was printed (status 0).
        IrRuntimeError: the command failed, and `--traceback` was given.
    """
    arguments = _parser().parse_args(argv)
    command = _COMMANDS[arguments.command]
    try:
        status = importlib.import_module(command.module).run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader stopped early, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return _READER_GONE
    except IrRuntimeError as error:
        if arguments.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ir-runtime",
        description="PyTorch operators written as MLIR: try them, check the set-up.",
    )
    parser.add_argument("--version", action="version", version=f"ir-runtime {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in _COMMANDS.items():
        options = commands.add_parser(name, help=command.summary, description=command.summary)
        options.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        options.add_argument(
            "--traceback", action="store_true", help="show where in the code an error was raised"
        )
        command.add_options(options)
    return parser


def _add_demo_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--sentences",
        type=_positive,
        default=256,
        metavar="N",
        help="how many sentences to embed (default: %(default)s)",
    )
    options.add_argument(
        "--batch-size",
        type=_positive,
        default=32,
        metavar="N",
        help="sentences per run of the model (default: %(default)s)",
    )
    options.add_argument(
        "--tokens",
        type=int,
        default=96,
        metavar="N",
        help="how many bytes of text a small decoder generates; 0 for none (default: %(default)s)",
    )


def _add_trace_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="the directory in IR_RUNTIME_TRACE while the program ran",
    )


def _add_ops_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--import",
        action="append",
        default=[],
        dest="modules",
        metavar="MODULE",
        help="a module that registers ops or providers, in the current directory or installed; "
        "may be given more than once",
    )


def _add_values(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "values",
        nargs="*",
        metavar="VALUE",
        help="an argument: f32[4,4096], x=f32[4,4096], epsilon=1e-6, bias=none",
    )


def _add_explain_options(options: argparse.ArgumentParser) -> None:
    _add_ops_options(options)
    options.add_argument("op", metavar="OP", help="its name, as `ir-runtime ops` lists it")
    _add_values(options)
    options.add_argument(
        "--priority",
        metavar="PROVIDERS",
        help="separated by commas, such as iree,native (default: the current priority)",
    )


def _add_build_options(options: argparse.ArgumentParser) -> None:
    _add_ops_options(options)
    options.add_argument(
        "op", nargs="?", metavar="OP", help="its name, as `ir-runtime ops` lists it"
    )
    _add_values(options)
    options.add_argument(
        "--target",
        action="append",
        metavar="TARGET",
        help="what to compile for, as cpu:x86-64-v3 or cuda:sm_89, several with commas between; "
        "may be given more than once (default: IR_RUNTIME_CPU, else this machine's CPU)",
    )
    options.add_argument("--list-targets", action="store_true", help="list the known targets")


def _add_passes_options(options: argparse.ArgumentParser) -> None:
    _add_ops_options(options)
    options.add_argument(
        "source",
        nargs="?",
        metavar="SCRIPT|MODULE:FUNCTION",
        help="a Python script that compiles, or a function that returns a model and its inputs; "
        "without it the known passes are listed",
    )
    options.add_argument(
        "--passes",
        metavar="LIST",
        help="names, or module.Qualname, with commas between (default: IR_RUNTIME_PASSES, else the "
        "default list)",
    )
    options.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="PASS=N",
        help="fail if a graph has another number of matches; may be given more than once",
    )
    options.add_argument(
        "--dump", type=Path, metavar="DIR", help="write each graph before and after each pass"
    )


def _add_tune_options(options: argparse.ArgumentParser) -> None:
    _add_ops_options(options)
    options.add_argument(
        "ops",
        nargs="*",
        metavar="OP",
        help="their names (default: all ops with an input generator)",
    )
    options.add_argument(
        "--model",
        type=Path,
        metavar="SCRIPT",
        help="run a Python script once, and measure the calls of IR ops that it made",
    )
    options.add_argument(
        "--shapes",
        default="1x4096,16x4096,256x4096",
        metavar="LIST",
        help="tokens x features of the named ops (default: %(default)s)",
    )
    options.add_argument(
        "--dtypes",
        default="f32",
        metavar="LIST",
        help="such as f32,bf16 (default: %(default)s)",
    )


def _add_tuned_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "action",
        choices=("show", "export", "import", "diff", "clear"),
        help="show the table, write it to a file, add a file to it, compare files, forget rankings",
    )
    options.add_argument("words", nargs="*", metavar="FILE|OP", help="files, or names of ops")


def _add_no_options(options: argparse.ArgumentParser) -> None:
    del options


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, must be >= 1")
    return value


_COMMANDS = {
    "build": _Command(
        "Compile the kernel of a call for this machine or others, into the store.",
        "ir_runtime.cli.build",
        _add_build_options,
    ),
    "demo": _Command(
        "Embed real sentences and generate text with models whose operators run as MLIR kernels.",
        "ir_runtime.cli.demo",
        _add_demo_options,
    ),
    "doctor": _Command(
        "Show versions, devices and the store; list missing parts and how to get them.",
        "ir_runtime.cli.doctor",
        _add_no_options,
    ),
    "explain": _Command(
        "Show which provider a call of an op would use, and why the others do not take it.",
        "ir_runtime.cli.explain",
        _add_explain_options,
    ),
    "ops": _Command(
        "List the ops, their providers, and which of them compute calls.",
        "ir_runtime.cli.ops",
        _add_ops_options,
    ),
    "passes": _Command(
        "List the graph passes, or show what they find in the compiles of a script or model.",
        "ir_runtime.cli.passes",
        _add_passes_options,
    ),
    "tune": _Command(
        "Measure which provider of each op is fastest on this machine, and keep it in a table.",
        "ir_runtime.cli.tune",
        _add_tune_options,
    ),
    "tuned": _Command(
        "Show, ship, compare and clear the tuned table of this machine.",
        "ir_runtime.cli.tuned",
        _add_tuned_options,
    ),
    "trace": _Command(
        "Summarise the compiles, loads and launches recorded under IR_RUNTIME_TRACE.",
        "ir_runtime.cli.trace",
        _add_trace_options,
    ),
}
