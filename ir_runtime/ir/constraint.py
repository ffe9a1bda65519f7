"""What does a provider take?  Constraints that can be checked, printed, and explain a refusal.

They look at dtypes, ranks, which optional arguments are there, and sizes. A size that is symbolic
is never specialised: a constraint on it that cannot be proved refuses, but for one who asks for
guards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import short_name
from ir_runtime.errors import OpDefinitionError

__all__ = [
    "Constraint",
    "Refusal",
    "compile_constraints",
    "condition",
    "devices",
    "divisible",
    "dtypes",
    "present",
    "rank",
    "static",
]


class Refusal(str):
    """Why a provider does not take a call; false, so that a test of arguments may return it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Constraint:
    """Something that one argument must be.

    Attributes:
        argument: its name.
        wanted: what it must be, in words.
        test: whether a value is that.
        found: what it is instead, in words.
        quick: the test as a Python expression of `value` and of `wanted`, if it has one; `wanted`
            is then the second part.
        guarded: the test for a compiler that may put a guard on a symbolic size, so that it says
            of each size what it says in an eager call; None if the test does so.
    """

    argument: str
    wanted: str
    test: Callable[[Any], bool]
    found: Callable[[Any], str]
    quick: tuple[str, Any] | None = None
    guarded: Callable[[Any], bool] | None = None

    def refusal(self, value: Any) -> str | None:
        """Return why a value is refused, None if it is not."""
        if self.test(value):
            return None
        return f"`{self.argument}` is {self.found(value)}, must be {self.wanted}"


def dtypes(argument: str, *allowed: torch.dtype) -> Constraint:
    """Take a tensor of some dtypes; None, too, of an optional one."""
    members = tuple(allowed)  # few: looked through sooner than hashed
    only = len(members) == 1
    quick = ("value.dtype is wanted", members[0]) if only else ("value.dtype in wanted", members)
    return Constraint(
        argument,
        " or ".join(short_name(dtype) for dtype in allowed),
        lambda value: value is None or value.dtype in members,
        lambda value: short_name(value.dtype),
        (f"value is None or {quick[0]}", quick[1]),
    )


def rank(argument: str, least: int, most: int | None = None) -> Constraint:
    """Take a tensor of at least `least` and at most `most` dimensions; default: exactly `least`."""
    most = least if most is None else most
    return Constraint(
        argument,
        f"of rank {least}" if most == least else f"of rank {least} to {most}",
        lambda value: value is None or least <= value.ndim <= most,
        lambda value: f"of rank {value.ndim}",
        ("value is None or wanted[0] <= value.ndim <= wanted[1]", (least, most)),
    )


def divisible(argument: str, dim: int, by: int) -> Constraint:
    """Take a tensor one of whose sizes is a multiple of `by`."""

    def test(value: Any) -> bool:
        if value is None:
            return True
        if not -value.ndim <= dim < value.ndim:
            return False
        size = value.shape[dim]
        return size % by == 0 if _is_number(size) else _is_known(size % by == 0)

    def guarded(value: Any) -> bool:
        if value is None:
            return True
        return -value.ndim <= dim < value.ndim and bool(value.shape[dim] % by == 0)

    return Constraint(
        argument,
        f"a multiple of {by} in dimension {dim}",
        test,
        lambda value: _size_in_words(value, dim),
        guarded=guarded,
    )


def static(argument: str, *dims: int) -> Constraint:
    """Take a tensor some of whose sizes are known where it is traced."""

    def test(value: Any) -> bool:
        return value is None or all(
            -value.ndim <= d < value.ndim and _is_static(value.shape[d]) for d in dims
        )

    listed = ", ".join(map(str, dims))
    return Constraint(
        argument, f"of known size in dimension {listed}", test, lambda v: f"{list(v.shape)}"
    )


def present(argument: str) -> Constraint:
    """Take no None."""
    return Constraint(argument, "given", lambda value: value is not None, lambda _: "None")


def devices(argument: str, *types: str) -> Constraint:
    """Take a tensor on some types of device, such as `cpu`."""
    return Constraint(
        argument,
        "on " + " or ".join(types),
        lambda value: value is None or value.device.type in types,
        lambda value: f"on {value.device.type}",
    )


def _is_number(size: Any) -> bool:
    """Tell whether a size is no symbol. Dynamo says of all of them that their type is int."""
    return type(size) is int and not torch.compiler.is_dynamo_compiling()


def _is_static(size: Any) -> bool:
    if _is_number(size):
        return True
    from torch.fx.experimental.symbolic_shapes import has_static_value

    return has_static_value(size)


def _is_known(condition: Any) -> bool:
    """Tell whether a condition on symbols always holds, without a guard on them."""
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    return statically_known_true(condition)


def _size_in_words(value: Tensor, dim: int) -> str:
    if not -value.ndim <= dim < value.ndim:
        return f"of rank {value.ndim}"
    size = value.shape[dim]
    return f"{size} there" if type(size) is int else f"{size} there, which is not known to be one"


def compile_constraints(
    provider: str, constraints: Sequence[Constraint], names: Sequence[str]
) -> Callable[..., bool] | None:
    """Return one function of all arguments that tells whether all constraints hold.

    Raises:
        OpDefinitionError: one names an argument that the op has not.
    """
    if not constraints:
        return None
    for constraint in constraints:
        if constraint.argument not in names:
            raise OpDefinitionError(
                f"provider {provider}: a constraint is about `{constraint.argument}`, must be "
                f"about one of {', '.join(f'`{n}`' for n in names)}"
            )
    scope: dict[str, Any] = {}
    source = f"def accepts({', '.join(names)}): return {condition(constraints, scope)}"
    exec(compile(source, f"<constraints of {provider}>", "exec"), scope)  # noqa: S102 - our own text
    return scope["accepts"]


def condition(
    constraints: Sequence[Constraint],
    scope: dict[str, Any],
    *,
    prefix: str = "ir_",
    given: Container[str] = (),
) -> str:
    """Write constraints as one Python expression of the arguments.

    Args:
        constraints: one or more.
        scope: gets what the expression refers to.
        prefix: of the names there.
        given: arguments that are never None.
    """
    parts: list[str] = []
    for i, constraint in enumerate(constraints):
        value = constraint.argument
        if constraint.quick is None:
            scope[f"{prefix}test{i}"] = constraint.test
            parts.append(f"{prefix}test{i}({value})")
            continue
        text, scope[f"{prefix}wanted{i}"] = constraint.quick
        if value in given:
            text = text.removeprefix("value is None or ")
        parts.append(f"({_renamed(text, value, f'{prefix}wanted{i}')})")
    return " and ".join(parts)


def _renamed(text: str, value: str, wanted: str) -> str:
    names = {"value": value, "wanted": wanted}
    return re.sub(r"\b(value|wanted)\b", lambda match: names[match[0]], text)
