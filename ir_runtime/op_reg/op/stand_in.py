"""Stand-ins: ops with kernels that serve torch ops without their own kernels.

A torch op may choose between several providers; one of them may be a `CustomOp` of the same schema,
its stand-in. Programs that are compiled as a whole contain the stand-in instead of the torch op.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from ir_runtime.errors import RegistrationError
from ir_runtime.late_table import LateTable
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS

__all__ = ["known_names", "op_named", "promise_stand_ins", "register_stand_in", "stand_in_for"]

FindOp = Callable[[], Op | None]

_stand_ins: LateTable[FindOp] = LateTable()
_finding = threading.local()


def register_stand_in(name: str, find: FindOp) -> None:
    """Register the stand-in of a torch op: an op with kernels that serve it.

    Calls of the torch op are expanded as calls of the stand-in, in exported programs and in
    functions that `inline_torch` traces. `explain`, `bind_raw`, `register_autograd` and similar
    functions use the stand-in when they are given the torch op. The code of the stand-in counts in
    digests of code that uses the torch op. Eager calls of the torch op do not change.

    Args:
        name: of the torch op, `namespace::name`. A second call replaces the stand-in.
        find: returns the op, or None; called at each use. The op's schema must have the same
            arguments and results.

    Raises:
        RegistrationError: `CustomOp.register` made the torch op, so it has kernels.
    """
    if name in ALL_CUSTOM_OP_REGS:
        raise RegistrationError(
            f"{name}: it has kernels of its own, must be a torch op without kernels"
        )
    _stand_ins[name] = find


def promise_stand_ins(homes: Mapping[str, str]) -> None:
    """Announce stand-ins: by name of the torch op, the module that registers it."""
    _stand_ins.promise(homes)


def stand_in_for(name: str) -> Op | None:
    """Return the stand-in of a torch op, `namespace::name`; None if it has none.

    During the search for a stand-in the answer is None: the code of the stand-in may use the torch
    op.
    """
    find = _stand_ins.get(name)
    active: set[str] = _finding.__dict__.setdefault("names", set())
    if find is None or name in active:
        return None
    active.add(name)
    try:
        return find()
    finally:
        active.discard(name)


def op_named(name: str) -> Op | None:
    """Return the op with the kernels for a torch op: the registered op, or the stand-in."""
    return ALL_CUSTOM_OP_REGS.get(name) or stand_in_for(name)


def known_names() -> Collection[str]:
    """Return the names of all torch ops that kernels may serve."""
    return ALL_CUSTOM_OP_REGS.names() | _stand_ins.names()
