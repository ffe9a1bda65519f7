"""Announce the ops of a catalogue, which register themselves when they are first used."""

from __future__ import annotations

from collections.abc import Mapping

from ir_runtime.ir.iree import KERNEL_LIBRARY
from ir_runtime.ir.op import IrOp, ir_torch_lib
from ir_runtime.late_table import promise_torch_ops
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.op.stand_in import promise_stand_ins

__all__ = ["promise_ops"]


def promise_ops(homes: Mapping[str, str]) -> None:
    """Announce IR ops with kernels; the module of each is imported when the op is first used.

    That is when it is looked up in `ir.ops` or `torch.ops`, by its name in a priority, or with all
    others, as `ir-runtime ops` and `IrOpPriorityConfig().with_default` do.

    Args:
        homes: by name of the op, the full name of the module that registers it and its kernel.

    Example:
        >>> ir.promise_ops({"scaled_sum": "my_kernels.scaled_sum"})
    """
    IrOp.registry.promise(homes)
    ALL_CUSTOM_OP_REGS.promise({f"{KERNEL_LIBRARY.ns}::{name}": homes[name] for name in homes})
    promise_stand_ins({f"{ir_torch_lib.ns}::{name}": homes[name] for name in homes})
    for namespace in (ir_torch_lib.ns, KERNEL_LIBRARY.ns):
        promise_torch_ops(namespace, homes)
