"""`ir-runtime ops`: the registered ops, their providers and their priorities."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.ir import IreeImpl, IrOp, IrOpImpl, current_platform
from ir_runtime.ir.iree import KERNEL_LIBRARY
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.op.op import Op

__all__ = ["OpRow", "ProviderRow", "custom_ops", "import_ops", "list_ops", "run"]


@frozen
class ProviderRow:
    """One provider of an op.

    Attributes:
        provider: its name.
        supported: whether it works on this machine.
        reason: why it does not work; if it works, the kind of provider.
    """

    provider: str
    supported: bool
    reason: str


@frozen
class OpRow:
    """One op.

    Attributes:
        name: its name; for a `CustomOp` with the namespace.
        schema: torch's text, without the name.
        priority: its providers in order; empty if none is set, and native runs.
        providers: all providers. A `CustomOp`, which is written as MLIR, has only `iree`.
    """

    name: str
    schema: str
    priority: tuple[str, ...]
    providers: tuple[ProviderRow, ...]


def run(arguments: argparse.Namespace) -> int:
    """Print the ops; the status is 0.

    Raises:
        ArgumentError: a module of `--import` cannot be imported.
    """
    import_ops(arguments.modules)
    rows = list_ops()
    if arguments.json:
        print(json.dumps({"ops": [asdict(row) for row in rows]}))
    else:
        print("\n".join(_lines(rows)))
    return 0


def import_ops(modules: Sequence[str]) -> None:
    """Import the platform's kernels, and the modules of `--import`.

    Raises:
        ArgumentError: a module cannot be imported.
    """
    current_platform().import_ir_kernels()
    if modules and os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ArgumentError(
                f"--import {module}: cannot be imported, must be a module: {error}"
            ) from error


def list_ops() -> tuple[OpRow, ...]:
    """Return the registered ops by name: IR ops, then ops with only MLIR kernels."""
    rows = [
        OpRow(
            name,
            op.schema,
            tuple(op.get_priority()),
            tuple(_provider_row(impl) for impl in op.impls.values()),
        )
        for name, op in sorted(IrOp.registry.items())
    ]
    own = (ProviderRow("iree", supported=True, reason="a kernel of its own"),)
    for name, op in custom_ops().items():
        schema = str(op.schema)
        rows.append(OpRow(name, schema[schema.index("(") :], ("iree",), own))
    return tuple(rows)


def custom_ops() -> dict[str, Op]:
    """Return the ops that are not the kernel of an IR op, by name with namespace."""
    behind = f"{KERNEL_LIBRARY.ns}::"
    return {
        name: op for name, op in sorted(ALL_CUSTOM_OP_REGS.items()) if not name.startswith(behind)
    }


def _provider_row(impl: IrOpImpl) -> ProviderRow:
    if not impl.supported:
        what = impl.why_unsupported
    elif isinstance(impl, IreeImpl):
        what = "native, compiled" if impl.is_traced else "a kernel of its own"
    else:
        what = "torch functions" if impl.provider == "native" else ""
    return ProviderRow(impl.provider, impl.supported, what)


def _lines(rows: Sequence[OpRow]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        lines.append(f"{row.name}{row.schema}")
        width = max(len("priority"), *(len(p.provider) for p in row.providers))
        listed = ", ".join(row.priority) or "none: native runs"
        lines.append(f"  {'priority':{width}}  {listed}")
        for provider in row.providers:
            support = "supported" if provider.supported else "unsupported"
            reason = f": {provider.reason}" if provider.reason else ""
            lines.append(f"  {provider.provider:{width}}  {support}{reason}")
    return lines
