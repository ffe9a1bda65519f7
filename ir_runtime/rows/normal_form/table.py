"""The table of rules: torch's operator by name, and the function that makes its values.

An operator without a rule is refused, so that no kernel is made of what nobody thought about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ir_runtime.rows.value import Value

__all__ = ["RULES", "Dropped", "Formed", "Rule", "rule"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a rule returns for one number a row, in a tensor without a dimension for it."""

    value: Value


@dataclass(frozen=True, slots=True)
class Formed:
    """What a rule returns for values in a tensor of a form; see `RowTensor`."""

    parts: Value | Sequence[Value]
    form: str


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operator becomes values.

    Attributes:
        build: takes the trace, a meta tensor like the result, and the operator's arguments;
            returns a value, parts of a row, or a list for several results.
        like: takes the operator's arguments and returns the meta tensor; None to run torch's.
        kind: `arithmetic`, whose half-precision results are rounded; `choice`, whose results are
            numbers that were there before; `move`, which takes integers, too; `view`, a
            move that also takes tables; `gather`, which takes tables and indices.
    """

    build: Callable[..., Any]
    like: Callable[..., Any] | None
    kind: str


RULES: dict[str, Rule] = {}


def rule(
    *names: str, like: Callable[..., Any] | None = None, kind: str = "arithmetic"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the rule of operators of the namespace `aten`; a decorator."""

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            assert name not in RULES, name
            RULES[f"aten::{name}"] = Rule(build, like, kind)
        return build

    return register
