"""`torch.ops.ir_runtime.fused_rows`: runs a program as one row kernel.

The op is generic: what it computes is its argument `program`, so a graph with it is complete. The
overload `single` returns the only result, `default` returns a list of them.
Each program becomes an IR op of its own at its first use, whose kernel is made from the program.
Without a kernel, such as where no compiler is installed, its native calls the program's ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.op import IrOp
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.passes.fusion.program import Program, program_of

__all__ = ["FUSED_ROWS", "FUSED_ROWS_SINGLE", "fused_op", "fused_ops", "is_fused"]

_NAME = "fused_rows"
_ops: dict[str, IrOp] = {}
_lock = fork_safe_lock()


def fused_op(program: str) -> IrOp:
    """Return the IR op of a program; a text makes one op in a process.

    Its providers are `iree`, the row kernel, then `native`. It is not in `IrOp.registry`.

    Args:
        program: from `Program.text`.

    Raises:
        ArgumentError: it is no program, or calls an op that is not registered.
    """
    found = _ops.get(program)
    if found is not None:
        return found
    made = program_of(program)
    with _lock:
        if program not in _ops:
            _ops[program] = _new_op(made)
        return _ops[program]


def fused_ops() -> dict[str, IrOp]:
    """Return the ops that this process has made, by program."""
    return dict(_ops)


def _new_op(program: Program) -> IrOp:
    activations = [f"x{n}" for n in program.rows]
    op = IrOp(program.name, program.function(), activations)
    op.set_default(["iree", "native"])
    return op


def _run(program: str, inputs: Sequence[Tensor]) -> list[Tensor]:
    results = _run_single(program, inputs)
    return list(results) if isinstance(results, tuple) else [results]


def _run_single(program: str, inputs: Sequence[Tensor]) -> Any:
    op = _ops.get(program) or fused_op(program)
    return op(*inputs)


def _fake(program: str, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return contiguous results, as the kernel makes them."""
    made = program_of(program)
    if len(inputs) != made.count:
        raise ArgumentError(
            f"fused_rows: `inputs` has {len(inputs)} tensors, must have {made.count}"
        )
    return [r.new_empty(r.shape) for r in made.run(*inputs)]


def _fake_single(program: str, inputs: Sequence[Tensor]) -> Tensor:
    results = _fake(program, inputs)
    if len(results) != 1:
        raise ArgumentError(
            f"fused_rows.single: `program` returns {len(results)} tensors, must return 1"
        )
    return results[0]


def _register(name: str, returned: str, run: Any, fake: Any) -> Any:
    IR_RUNTIME_LIBRARY.define(
        f"{_NAME}{name}(str program, Tensor[] inputs) -> {returned}",
        tags=(torch.Tag.pt2_compliant_tag,),
    )
    overload = getattr(torch.ops.ir_runtime.fused_rows, name.removeprefix(".") or "default")

    def autograd(keyset: Any, program: str, inputs: Sequence[Tensor]) -> Any:
        if needs_grad(*inputs):
            return run(program, inputs)  # the IR op has the gradient of its program
        with torch._C._AutoDispatchBelowAutograd():
            return overload.redispatch(keyset & torch._C._after_autograd_keyset, program, inputs)

    IR_RUNTIME_LIBRARY.impl(f"{_NAME}{name}", run, "CompositeExplicitAutograd")
    IR_RUNTIME_LIBRARY.impl(f"{_NAME}{name}", autograd, "Autograd", with_keyset=True)
    IR_RUNTIME_LIBRARY._register_fake(f"{_NAME}{name}", fake)
    return overload


FUSED_ROWS: Any = _register("", "Tensor[]", _run, _fake)
"""The op in graphs: `(program, inputs)` -> a list of results."""

FUSED_ROWS_SINGLE: Any = _register(".single", "Tensor", _run_single, _fake_single)
"""The op in graphs: `(program, inputs)` -> the only result."""


def is_fused(target: Any) -> bool:
    """Tell whether the target of a node is the op."""
    return target is FUSED_ROWS or target is FUSED_ROWS_SINGLE
