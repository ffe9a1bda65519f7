"""The arguments of an op's overloads: defaults filled in, and what an `out` overload adds."""

from __future__ import annotations

from typing import Any

from ir_runtime.op_reg.op.free_name import free_name
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.schema import default_value

__all__ = ["fill_defaults", "out_names", "staged_name"]


def fill_defaults(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return all arguments in schema order; the dispatcher drops those equal to their default."""
    values = list(args)
    rest = op.schema.arguments[len(args) :]
    values.extend(kwargs.get(argument.name, default_value(argument)) for argument in rest)
    return values


def out_names(op: Op) -> list[str]:
    """Return the names of the arguments that an `out` overload adds."""
    count = len(op.schema.returns)
    wanted = [f"out{i}" for i in range(count)] if count > 1 else ["out"]
    return [free_name(name, op.arg_names) for name in wanted]


def staged_name(op: Op) -> str:
    """Return the name of the switch that an `out` overload adds."""
    return free_name("staged", op.arg_names)
