"""Digest the code that decides what kernel an op generates.

The digest takes the place of the generated text in a kernel's key, so that a stored kernel is
found without generating MLIR, and a redefined op never runs a stale one. Of this package's own
code only `MLIR_SCHEMA` counts, and the code of an op that is defined in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ir_runtime.op_reg.digest.description import Description
from ir_runtime.op_reg.digest.mlir_schema import MLIR_SCHEMA

__all__ = ["code_digest", "function_digest"]


def code_digest(cls: type) -> str:
    """Digest the class of an op: its methods, what they read, and the number `MLIR_SCHEMA`.

    What the code reads by name is followed: functions, classes, modules and constants of the same
    top-level package, and of modules that no library holds, such as those beside a script; objects
    with their state, or the one attribute that is read; templates, containers and closures;
    environment variables. Of libraries the name and the version count. What a function imports in
    its body counts by its text, and the `.mlir` files that it names. Registered ops are followed,
    too, since `inline_torch` puts their kernels into the caller's. Where the code calls
    `inline_torch`, the version of torch counts, since torch's decompositions are part of the
    kernel.

    Args:
        cls: a subclass of `CustomOp`.

    Raises:
        UndescribedStateError: the code reads what no key can hold: files, clocks, chance, names
            that it computes, an object that cannot be described.
    """
    description = Description(cls.__module__)
    description.add(f"MLIR schema {MLIR_SCHEMA}")
    description.op_class(cls)
    return description.digest()


def function_digest(function: Callable[..., Any]) -> str:
    """Digest a Python callable: its code, its closure and defaults, and what they read.

    The same counts as for the class of an op. Bound arguments of a `functools.partial`, the object
    of a bound method and the attributes of an object that is called count, too. The digest is the
    same in each process.

    Args:
        function: need not have a source file; an object without code, such as a builtin, counts by
            its name.

    Raises:
        UndescribedStateError: as for `code_digest`.
    """
    description = Description("")
    description.code_of(function)
    return description.digest()
