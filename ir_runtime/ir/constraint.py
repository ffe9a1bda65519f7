"""Constraints on the arguments of an op or a provider, as data that is checked and printed.

They test dtypes, ranks, sizes, and whether optional arguments are given. A symbolic size is never
specialised: a constraint that cannot be proved refuses the call, unless guards are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import short_name
from ir_runtime.errors import OpDefinitionError
from ir_runtime.frozen import frozen
from ir_runtime.ir.reads import Reads

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
    """The reason why a provider does not take a call; false, so `supports_args` may return it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


@frozen
class Constraint:
    """A condition on one argument, by itself or compared with others.

    Attributes:
        argument: its name.
        wanted: the condition in words, to follow `must be`.
        test: tells whether a value meets the condition; takes the values of `others`, too.
        found: describes a value in words, to follow `is`.
        quick: the test as a Python expression of `value` and `wanted`, and the object to use as
            `wanted` in it; None if there is no such expression.
        guarded: the test for a compiler that may put guards on symbolic sizes; it gives the answer
            of an eager call. None if `test` does so itself.
        others: names of the arguments that it is compared with.
        expected: the condition for one call in words, to follow `must`; takes what `test` takes.
            Default: `be <wanted>`.
        reads: what `test` reads. With `Reads.MORE`, the default, each call is tested; else the
            answer may be remembered for calls that are alike in what is read.
    """

    argument: str
    wanted: str
    test: Callable[..., bool]
    found: Callable[[Any], str]
    quick: tuple[str, Any] | None = None
    guarded: Callable[[Any], bool] | None = None
    others: tuple[str, ...] = ()
    expected: Callable[..., str] | None = None
    reads: Reads = Reads.MORE

    def refusal(self, value: Any, *others: Any) -> str | None:
        """Return why a value is refused, None if it is not."""
        if self.test(value, *others):
            return None
        wanted = f"be {self.wanted}" if self.expected is None else self.expected(value, *others)
        return f"`{self.argument}` is {self.found(value)}, must {wanted}"

    def refusal_in(self, call: Mapping[str, Any]) -> str | None:
        """Return why a call is refused, given its arguments by name; None if it is not."""
        return self.refusal(call[self.argument], *(call[name] for name in self.others))


def dtypes(argument: str, *allowed: torch.dtype) -> Constraint:
    """Take a tensor of some dtypes, or None for an optional argument."""
    members = tuple(allowed)  # so few that a search is faster than a hash
    only = len(members) == 1
    quick = ("value.dtype is wanted", members[0]) if only else ("value.dtype in wanted", members)
    return Constraint(
        argument,
        " or ".join(short_name(dtype) for dtype in allowed),
        lambda value: value is None or value.dtype in members,
        lambda value: short_name(value.dtype),
        (f"value is None or {quick[0]}", quick[1]),
        reads=Reads.KIND,
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
        reads=Reads.KIND,
    )


def divisible(argument: str, dim: int, by: int) -> Constraint:
    """Take a tensor whose size in dimension `dim` is a multiple of `by`."""

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
        reads=Reads.CALL,
    )


def static(argument: str, *dims: int) -> Constraint:
    """Take a tensor whose sizes in `dims` are known when it is traced."""

    def test(value: Any) -> bool:
        return value is None or all(
            -value.ndim <= d < value.ndim and _is_static(value.shape[d]) for d in dims
        )

    listed = ", ".join(map(str, dims))
    return Constraint(
        argument,
        f"of known size in dimension {listed}",
        test,
        lambda v: f"{list(v.shape)}",
        reads=Reads.CALL,
    )


def present(argument: str) -> Constraint:
    """Take any value except None."""
    return Constraint(
        argument, "given", lambda value: value is not None, lambda _: "None", reads=Reads.KIND
    )


def devices(argument: str, *types: str) -> Constraint:
    """Take a tensor on some types of device, such as `cpu`."""
    return Constraint(
        argument,
        "on " + " or ".join(types),
        lambda value: value is None or value.device.type in types,
        lambda value: f"on {value.device.type}",
        reads=Reads.KIND,
    )


def _is_number(size: Any) -> bool:
    """Tell whether a size is a number. Under Dynamo symbolic sizes have the type int, too."""
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
    owner: str, constraints: Sequence[Constraint], names: Sequence[str]
) -> Callable[..., bool] | None:
    """Return one function of all arguments that tells whether all constraints hold.

    Args:
        owner: the owner of the constraints, for messages, such as `provider iree`.
        constraints: any number; without any, None is returned.
        names: of the op's arguments.

    Raises:
        OpDefinitionError: a constraint is about an argument that the op does not have.
    """
    if not constraints:
        return None
    for constraint in constraints:
        for name in (constraint.argument, *constraint.others):
            if name not in names:
                raise OpDefinitionError(
                    f"{owner}: a constraint is about `{name}`, must be "
                    f"about one of {', '.join(f'`{n}`' for n in names)}"
                )
    scope: dict[str, Any] = {}
    own = {name: f"ir_a{i}" for i, name in enumerate(names)}  # a name may be a Python keyword
    source = f"def accepts({', '.join(own.values())}): return {condition(constraints, own, scope)}"
    exec(compile(source, f"<constraints of {owner}>", "exec"), scope)  # noqa: S102 - our own text
    return scope["accepts"]


def condition(
    constraints: Sequence[Constraint],
    names: Mapping[str, str],
    scope: dict[str, Any],
    *,
    prefix: str = "ir_",
    given: Container[str] = (),
) -> str:
    """Write constraints as one Python expression of the arguments.

    Args:
        constraints: one or more.
        names: the variable of each argument.
        scope: gets the objects that the expression refers to.
        prefix: of the names in `scope`.
        given: arguments that are never None.
    """
    parts: list[str] = []
    for i, constraint in enumerate(constraints):
        value = names[constraint.argument]
        if constraint.quick is None:
            scope[f"{prefix}test{i}"] = constraint.test
            others = (names[name] for name in constraint.others)
            parts.append(f"{prefix}test{i}({', '.join((value, *others))})")
            continue
        text, scope[f"{prefix}wanted{i}"] = constraint.quick
        if constraint.argument in given:
            text = text.removeprefix("value is None or ")
        parts.append(f"({_renamed(text, value, f'{prefix}wanted{i}')})")
    return " and ".join(parts)


def _renamed(text: str, value: str, wanted: str) -> str:
    names = {"value": value, "wanted": wanted}
    return re.sub(r"\b(value|wanted)\b", lambda match: names[match[0]], text)
