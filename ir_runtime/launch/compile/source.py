"""The reading of a user's program (text, bytes, file, module or `Source`) as MLIR bytes."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from ir_runtime.errors import ArgumentError, CompileError, UnsupportedTypeError
from ir_runtime.launch.compile import compiler_process as worker

__all__ = ["source_bytes"]


def source_bytes(source: Any) -> bytes:
    """Return the MLIR of a program, text or bytecode; `source` is not changed.

    Args:
        source: `str`, `bytes`, the `Path` of a file, a module or operation of the compiler's
            Python bindings, or an `iree.compiler.api.Source`.

    Raises:
        UnsupportedTypeError: it is none of these.
        ArgumentError: the file cannot be read, or the `Source` is closed.
        CompileError: the `Source` does not parse.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, str):
        return source.encode()
    if isinstance(source, Path):
        try:
            return source.read_bytes()
        except OSError as error:
            raise ArgumentError(
                f"source: {source} cannot be read, must be a file of MLIR", facts=[str(error)]
            ) from error
    api = sys.modules.get("iree.compiler.api")
    if api is not None and isinstance(source, api.Source):
        return _parsed(source)
    operation = getattr(source, "operation", source)
    with contextlib.suppress(AttributeError):
        return operation.get_asm(enable_debug_info=False).encode()
    raise UnsupportedTypeError(
        f"source: a {type(source).__name__}, must be MLIR as str, bytes, Path, Source or module"
    )


def _parsed(source: Any) -> bytes:
    if not source._source_p:
        raise ArgumentError("source: a closed Source, must be open")
    text, diagnostics = worker.print_source(source)
    if text is None:
        raise CompileError(
            "source: does not parse, must be MLIR", diagnostics=diagnostics, facts=diagnostics
        )
    return text
