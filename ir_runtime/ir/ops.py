"""The ops that are registered, by name: `ir.ops.rms_norm`."""

from __future__ import annotations

from ir_runtime.ir.op import IrOp


def __getattr__(name: str) -> IrOp:
    found = IrOp.registry.get(name)
    if found is None:
        known = ", ".join(sorted(IrOp.registry)) or "none; import kernels_mlir for the catalogue"
        raise AttributeError(f"ir.ops has no op {name!r}, must be a registered op: {known}")
    return found


def __dir__() -> list[str]:
    return sorted(IrOp.registry)
