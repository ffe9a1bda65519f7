"""Which op's kernels serve a torch op that has none of its own?

A torch op may choose between several ways to compute the same, one of which is a `CustomOp` of the
same schema. Programs that are compiled whole hold that one in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS

__all__ = ["known_names", "op_named", "register_stand_in", "stand_in_for"]

FindOp = Callable[[], Op | None]

_stand_ins: dict[str, FindOp] = {}
_finding = threading.local()


def register_stand_in(name: str, find: FindOp) -> None:
    """Let the kernels of an op serve a torch op wherever kernels are asked for.

    Calls of the torch op are expanded as calls of the stand-in, in exported programs and in
    functions that `inline_torch` traces; `explain`, `bind_raw`, `register_autograd` and the like
    take the torch op for the stand-in; and the code of the stand-in counts in digests of code that
    names the torch op. Eager calls of the torch op stay what they are.

    Args:
        name: of the torch op, `namespace::name`. Registering it again replaces the stand-in.
        find: returns the op, whose schema must have the same arguments and results, or None; it is
            called each time.

    Raises:
        RegistrationError: `CustomOp.register` made the torch op, so that it has kernels.
    """
    if name in ALL_CUSTOM_OP_REGS:
        raise RegistrationError(
            f"{name}: it has kernels of its own, must be a torch op without to have a stand-in"
        )
    _stand_ins[name] = find


def stand_in_for(name: str) -> Op | None:
    """Return the op that stands in for a torch op, `namespace::name`; None if none does.

    While a stand-in is being found, it stands in for nothing: its own code may name the torch op.
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
    """Return the op whose kernels serve the torch op of this name, its own or its stand-in's."""
    return ALL_CUSTOM_OP_REGS.get(name) or stand_in_for(name)


def known_names() -> Collection[str]:
    """Return the names of all torch ops that kernels may serve."""
    return ALL_CUSTOM_OP_REGS.keys() | _stand_ins.keys()
