"""The digest of the code that determines an op's kernels.

A kernel's key has this digest instead of the generated text: a stored kernel is found without
generating MLIR, and a redefined op never runs an old one. This package's own code counts only by
the number `MLIR_SCHEMA`; the code of ops that it defines counts in full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ir_runtime.errors import UndescribedStateError
from ir_runtime.op_reg.digest.description import Description
from ir_runtime.op_reg.digest.mlir_schema import MLIR_SCHEMA

__all__ = ["code_digest", "function_digest", "trace_digest"]


def code_digest(cls: type) -> str:
    """Digest the class of an op: its methods, the values they read, and the number `MLIR_SCHEMA`.

    Names that the code reads are followed: functions, classes, modules and constants of the same
    top-level package and of modules outside of libraries, such as those beside a script; objects
    with their state, or only the attribute that is read; templates, containers and closures;
    environment variables. Libraries count by name and version. A module that a function imports in
    its body counts by its text, and a `.mlir` file that the code names by its contents. Registered
    ops are followed, too, since `inline_torch` puts their kernels into the caller's kernel. For
    code that calls `inline_torch`, the version of torch counts, since torch's decompositions are
    part of the kernel.

    Args:
        cls: a subclass of `CustomOp`.

    Raises:
        UndescribedStateError: the code reads a value that no key can hold: files, clocks, random
            numbers, computed names, an object that cannot be described.
    """
    return _described(cls).digest()


def trace_digest(cls: type) -> str | None:
    """Digest the class of an op as it is now, for what a trace of its functions gives.

    Args:
        cls: as for `code_digest`.

    Returns:
        The digest; None if it does not say all that a trace depends on: the code names torch ops of
        others, of which only the names count, or reads what no key can hold.
    """
    description = _described(cls)
    try:
        digest = description.digest()
    except UndescribedStateError:
        return None
    return None if description.names_foreign_ops else digest


def _described(cls: type) -> Description:
    description = Description(cls.__module__)
    description.add(f"MLIR schema {MLIR_SCHEMA}")
    description.op_class(cls)
    return description


def function_digest(function: Callable[..., Any]) -> str:
    """Digest a Python callable: its code, its closure and defaults, and the values they read.

    The rules are those of `code_digest`. The bound arguments of a `functools.partial`, the object
    of a bound method and the attributes of a callable object count, too. The digest is the same in
    each process.

    Args:
        function: with or without a source file; an object without code, such as a builtin, counts
            by its name.

    Raises:
        UndescribedStateError: as for `code_digest`.
    """
    description = Description("")
    description.code_of(function)
    return description.digest()
