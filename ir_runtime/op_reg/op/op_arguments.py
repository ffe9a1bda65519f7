"""Name the arguments that an `out` overload adds, and fill in the arguments that a call lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.op.free_name import free_name
from ir_runtime.op_reg.op.schema import default_value

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["Fill", "default_values", "fill_example", "make_fill", "out_names", "staged_name"]

Fill = Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, ...]]
"""Takes arguments as torch passes them, by position and by name; returns all in schema order."""


def out_names(op: Op) -> list[str]:
    """Return the names of the arguments that an `out` overload adds."""
    count = len(op.schema.returns)
    wanted = [f"out{i}" for i in range(count)] if count > 1 else ["out"]
    return [free_name(name, op.arg_names) for name in wanted]


def staged_name(op: Op) -> str:
    """Return the name of the switch that an `out` overload adds."""
    return free_name("staged", op.arg_names)


def default_values(op: Op) -> dict[str, Any]:
    """Return the defaults of an op's arguments by name."""
    return {a.name: default_value(a) for a in op.schema.arguments if a.has_default_value()}


def make_fill(op: Op, *, out: bool = False) -> Fill:
    """Return what fills in the defaults, since torch drops arguments that are equal to theirs.

    Args:
        op: the op.
        out: whether to do it for the `out` overload: `staged` and the tensors follow the others.
    """
    names, defaults = list(op.arg_names), [default_value(a) for a in op.schema.arguments]
    if out:
        outs = out_names(op)
        names += [staged_name(op), *outs]
        defaults += [False, *(None for _ in outs)]
    index = {name: i for i, name in enumerate(names)}
    missing = [tuple(defaults[i:]) for i in range(len(names) + 1)]  # by how many are given
    count = op.positional_count
    keywords, keyword_defaults = names[count:], defaults[count:]

    def fill(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        if not named:
            return args + missing[len(args)]
        if len(args) == count:  # the others can only be keywords: this is quicker than a loop
            return args + tuple(map(named.get, keywords, keyword_defaults))
        values = [*args, *missing[len(args)]]
        for name, value in named.items():
            values[index[name]] = value
        return tuple(values)

    return fill


def fill_example(op: Op, example: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return all arguments of a call, given some by position: those that have no default, or more.

    Raises:
        ArgumentError: there are more of them than the op takes.
    """
    if len(example) > len(op.arg_names):
        raise ArgumentError(
            f"{op.name}: given {len(example)} arguments, must be at most {len(op.arg_names)}"
        )
    return make_fill(op)(example, {})
