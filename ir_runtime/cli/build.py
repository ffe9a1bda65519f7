"""`ir-runtime build OP SHAPES`: compile the kernel of a call for targets, into the store."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from ir_runtime.cli.explain import arguments_of, op_of
from ir_runtime.cli.ops import import_ops
from ir_runtime.device.target_name import target_names
from ir_runtime.errors import ArgumentError, RegistrationError
from ir_runtime.ir import IreeImpl, IrOp
from ir_runtime.op_reg import build_kernel
from ir_runtime.op_reg.op.op import Op

__all__ = ["run"]

_USAGE = 2


def run(arguments: argparse.Namespace) -> int:
    """Compile a kernel for each target; the status is 0, or 2 if the words describe no call.

    Raises:
        ArgumentError: the words describe no call or no target, and `--traceback` was given.
        IrRuntimeError: a kernel cannot be compiled or stored.
    """
    if arguments.list_targets:
        print(json.dumps(target_names()) if arguments.json else "\n".join(target_names()))
        return 0
    try:
        import_ops(arguments.modules)
        if arguments.op is None:
            raise ArgumentError("build: no op is named, must be one, or --list-targets")
        op = op_of(arguments.op)
        values = arguments_of(op, arguments.values)
        built = build_kernel(_kernel_of(op).qualified_name, *values, target=arguments.target)
    except (ArgumentError, RegistrationError) as error:
        if arguments.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return _USAGE
    if arguments.json:
        print(json.dumps({"built": [asdict(row) for row in built]}))
    else:
        for row in built:
            print(f"{row.target}  {row.kernel}  {'compiled' if row.compiled else 'stored already'}")
    return 0


def _kernel_of(op: IrOp | Op) -> Op:
    """Return the op whose kernel computes an IR op, the op itself for one written as MLIR."""
    if isinstance(op, Op):
        return op
    impl = op.impls["iree"]
    assert isinstance(impl, IreeImpl)
    return impl.kernel
